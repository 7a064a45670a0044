"""What a repricing rule says, and what it is applied to."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from libs.pricing.amounts import CENT, checked_usd
from libs.pricing.bounds import Bounds, price_for_profit
from libs.pricing.cost_rules import CostRule

NEW = "new"
_HUNDRED = Decimal(100)


class Position(StrEnum):
    """Where to stand beside the cheapest competitor that counts."""

    UNDERCUT = "undercut"
    """Below it by the distance."""
    FOLLOW = "follow"
    """Above it by the distance; at zero: the same price."""


class Mode(StrEnum):
    TEST = "test"
    """Proposals are kept, and nothing is sent."""
    LIVE = "live"
    """Proposals are to be sent to the marketplace."""


@dataclass(frozen=True, slots=True)
class Amount:
    """US dollars."""

    usd: Decimal

    def of(self, _price: Decimal) -> Decimal:
        return self.usd

    def __str__(self) -> str:
        return f"{self.usd} USD"


@dataclass(frozen=True, slots=True)
class Percent:
    """Percent of a price (5 is 5 %)."""

    percent: Decimal

    def of(self, price: Decimal) -> Decimal:
        return price * self.percent / _HUNDRED

    def __str__(self) -> str:
        return f"{self.percent} %"


Distance = Amount | Percent


@dataclass(frozen=True, slots=True)
class RepricingRule:
    """How a listing's price is found. Prices in US dollars; None switches a limit off."""

    id: int
    version: int
    position: Position
    distance: Distance
    minimum_usd: Decimal | None = None
    maximum_usd: Decimal | None = None
    least_profit_usd: Decimal | None = None
    """The price is never below what leaves this much after cost and fees (needs the listing's cost and cost rule)."""
    most_profit_usd: Decimal | None = None
    """The price is never above what leaves this much: a price that looks like a mistake drives buyers away."""
    fallback_usd: Decimal | None = None
    """The price while no competitor counts; None: the present one stays."""
    largest_drop: Distance | None = None
    """Per change, of the present price."""
    largest_rise: Distance | None = None
    condition: str = NEW
    """What the listing is in: competitors in another condition do not count."""
    unknown_condition_counts: bool = True
    """Whether competitors count of which nobody told the condition."""
    mode: Mode = Mode.TEST

    def __post_init__(self) -> None:
        for name in ("minimum_usd", "maximum_usd", "fallback_usd"):
            value = getattr(self, name)
            if value is not None and (checked_usd(value, name) != value or value < CENT):
                raise ValueError(
                    f"{name} of repricing rule {self.id} is {value}: it must be whole cents, and above zero."
                )
        for name in ("distance", "largest_drop", "largest_rise"):
            each: Distance | None = getattr(self, name)
            if each is not None and not each.of(_HUNDRED) >= 0:
                raise ValueError(f"{name} of repricing rule {self.id} is {each}: it must not be negative.")
        if self.minimum_usd is None and self.least_profit_usd is None:
            raise ValueError(
                f"Repricing rule {self.id} needs minimum_usd or least_profit_usd: without one it could sell at a loss."
            )


@dataclass(frozen=True, slots=True)
class Priced:
    """The listing as it is: its present price, and what it costs."""

    current_usd: Decimal
    seller: str = ""
    """Our own name at the marketplace: offers under it are not competitors."""
    buy_cost_usd: Decimal | None = None
    cost_rule: CostRule | None = None
    winning: bool | None = None
    """What the marketplace says about the featured offer; None: it says nothing, the lowest price wins."""


class BoundUnknown(ValueError):
    """A profit-based bound cannot be computed: the listing's cost or cost rule is missing, or no price reaches it."""


def bounds(rule: RepricingRule, listing: Priced) -> Bounds:
    """The bounds in force: the higher of the lower ones, the lower of the upper ones; raise BoundUnknown."""
    lowest = max(_present(rule.minimum_usd, _profit_price(rule, listing, rule.least_profit_usd)))
    highest = _present(rule.maximum_usd, _profit_price(rule, listing, rule.most_profit_usd))
    return Bounds(lowest, min(highest, default=None))


def _present(*prices: Decimal | None) -> list[Decimal]:
    return [price for price in prices if price is not None]


def _profit_price(rule: RepricingRule, listing: Priced, profit_usd: Decimal | None) -> Decimal | None:
    if profit_usd is None:
        return None
    if listing.buy_cost_usd is None or listing.cost_rule is None:
        raise BoundUnknown(
            f"Repricing rule {rule.id} bounds the profit, and the listing's cost or cost rule is not known."
        )
    price = price_for_profit(listing.buy_cost_usd, profit_usd, listing.cost_rule)
    if price is None:
        raise BoundUnknown(
            f"No price leaves {profit_usd} USD under cost rule {listing.cost_rule.id}: its fees take "
            f"{listing.cost_rule.share_of_price * _HUNDRED:f} % of every price."
        )
    return price
