"""claim.changed: a buyer's claim about a purchase, as its marketplace tells it now."""

from enum import StrEnum

from pydantic import Field

from schemas.event import EventFamily, Fact
from schemas.values import Json, UtcTime, Value


class ClaimStatus(StrEnum):
    """Our words for a claim's life; the marketplace's own word stands beside it in `marketplace_status`."""

    OPEN = "open"
    CLOSED = "closed"
    UNKNOWN = "unknown"


class Resolution(Value):
    """How a claim ended, in the marketplace's words."""

    reason: str | None = None
    benefited: list[str] = Field(default_factory=list)
    closed_by: str | None = None
    decided_at: UtcTime | None = None


_DEALS = frozenset({"shipment", "payment"})
"""What a claim may be about, besides an order, that is known to belong to somebody."""


class ClaimChangedV1(Fact):
    """A claim was opened, went on, or was closed; this is all of it.

    Trigger: a notification led to a fetch of the claim. Key: `{marketplace}:{claim_id}`. `about` and `about_id` say
    what it is about (order, shipment, payment, purchase); `order_id` is set where that is an order. `due_at` is the
    earliest time until which the seller must act. `updated_at` is the marketplace's own time of the change: an older
    state never replaces a newer one.
    """

    marketplace: str
    account: str
    claim_id: str
    about: str | None = None
    about_id: str | None = None
    order_id: str | None = None
    buyer_id: str | None = None
    kind: str | None = None
    stage: str | None = None
    reason_id: str | None = None
    status: ClaimStatus
    marketplace_status: str
    seller_actions: list[str] = Field(default_factory=list)
    due_at: UtcTime | None = None
    resolution: Resolution | None = None
    opened_at: UtcTime
    updated_at: UtcTime
    raw: Json = Field(default_factory=dict, json_schema_extra={"x-personal-data": True})

    def key(self) -> str:
        return f"{self.marketplace}:{self.claim_id}"

    def person(self) -> str:
        return next(iter(self._behind()), self._alone())

    def ties(self) -> list[tuple[str, str]]:
        """What was said when nobody knew whose claim it is belongs to whom a later state names."""
        return [(self._alone(), whose) for whose in self._behind()]

    def _alone(self) -> str:
        return f"{self.marketplace}:claim/{self.claim_id}"

    def _behind(self) -> list[str]:
        """The buyer, or by what they are known: the order, the parcel or the payment that it is about."""
        about = f"{self.about}/{self.about_id}" if self.about in _DEALS and self.about_id else None
        told = [self.buyer_id, None if self.order_id is None else f"order/{self.order_id}", about]
        return [f"{self.marketplace}:{one}" for one in told if one]


EVENT = EventFamily("claim.changed", topic="claims", versions={1: ClaimChangedV1})
