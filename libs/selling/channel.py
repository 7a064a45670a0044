"""What every marketplace that listings are published on can do for us: find, publish, reprice, withdraw, take off.

| method     | on the marketplace                                    | twice, or after a crash                     |
|------------|-------------------------------------------------------|---------------------------------------------|
| `find`     | the live listing under our own SKU                    | changes nothing                             |
| `publish`  | makes what is missing of a listing; its price, stock  | goes on where it stopped: no second listing |
| `reprice`  | another price of a listing that can be bought         | puts the same price; what is off stays off  |
| `withdraw` | what `publish` began under our SKU sells nothing      | what was never begun is not begun           |
| `take_off` | nobody can buy it any more; it may be published again | what is off, or gone, is left as it is      |

Every call raises one of libs.http.errors as the marketplace's client does. The implementations are
`libs/marketplaces/<name>/selling.py`.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from schemas.channels import Channel
from schemas.values import Json, Money


class NotPublishable(ValueError):
    """The marketplace cannot list this as it is; the text says what is missing or wrong. Trying again is no use."""


class NotYet(Exception):
    """The marketplace has accepted it and still works on it: look again after `seconds`. No attempt has failed."""

    def __init__(self, reason: str, seconds: float) -> None:
        super().__init__(reason)
        self.seconds = seconds


class SkuNeeded(ValueError):
    """This marketplace changes listings by the seller's SKU, and none was given."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be listed. `sku` is our own id of it: letters, digits and hyphens, at most 40, the same at each try.

    `price` is in the channel's currency; `payload` is the draft's, in the marketplace's own words where it has any.
    """

    sku: str
    title: str
    quantity: int
    price: Money
    payload: Json


@dataclass(frozen=True, slots=True)
class Listed:
    """A live listing. `item_id` is the marketplace's own id of it: the `channelItemId` of a sell listing."""

    item_id: str
    sku: str
    price: Money
    quantity: int | None = None


class SalesChannel(Protocol):
    """One account at one marketplace, selling in one country."""

    @property
    def channel(self) -> Channel: ...

    @property
    def market(self) -> str:
        """The country code: US, MX."""
        ...

    @property
    def currency(self) -> str:
        """ISO 4217, of its prices."""
        ...

    async def find(self, sku: str) -> Listed | None:
        """The live listing under our SKU; None where there is none, or none that can be bought."""
        ...

    async def publish(self, wanted: Wanted) -> Listed:
        """The listing, live. Raises NotPublishable, NotYet."""
        ...

    async def reprice(self, item_id: str, wanted: Wanted) -> bool:
        """Put `wanted.price` on a live listing; False where it is off or gone, or is not the one under that SKU.

        Nothing else of it changes, and nothing is put on sale. Raises NotPublishable, NotYet.
        """
        ...

    async def withdraw(self, sku: str) -> None:
        """Nobody can buy what was published under our SKU, nor will anybody: also what the marketplace still works on.

        It may be published again. Raises NotYet while that cannot be said.
        """
        ...

    async def take_off(self, item_id: str, sku: str | None = None) -> None:
        """Nobody can buy it when this returns. Raises SkuNeeded where the marketplace needs the SKU (eBay, Amazon)."""
        ...


def our_sku(draft_id: int) -> str:
    """The SKU under which a draft is listed: the same at each attempt, so that a listing is found again."""
    return f"SS-{draft_id}"


def text_of(payload: Json, *names: str) -> str | None:
    """The first of these members that is a text and not blank."""
    for name in names:
        value = payload.get(name)
        if isinstance(value, str) and value.strip():
            return value.strip()
    return None


def required(payload: Json, name: str, channel: Channel) -> str:
    """A member that a marketplace cannot do without; numbers count as text. Raises NotPublishable."""
    value = payload.get(name)
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, str) and value.strip():
        return value.strip()
    raise NotPublishable(f"payloadJson.{name} is required to list on {channel}: put it into the draft")


def texts_of(payload: Json, name: str) -> list[str]:
    """A member's texts; none where it is no list."""
    told = payload.get(name)
    return [each for each in told if isinstance(each, str) and each] if isinstance(told, list) else []
