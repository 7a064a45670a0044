"""What an item's score (score.py) is made from, and what it is made of."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal, localcontext
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

VERSION = 1
"""Of the formula: changed with every change that gives another score for the same inputs and weights."""

PARTS = ("price", "demand", "seller", "stock", "shipping", "listing_type", "completeness")

CONTEXT = Context(prec=28)
_PLACES = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class ItemFeatures:
    """What is known about an item; None: not known. `attributes_expected`: how many its category asks for.

    `available_quantity` and `sold_quantity` of other people's items are MercadoLibre's buckets (1, 50, 100, …).
    """

    item_id: str
    price: Decimal | None = None
    currency_id: str | None = None
    sold_quantity: int | None = None
    available_quantity: int | None = None
    free_shipping: bool | None = None
    logistic_type: str | None = None
    listing_type_id: str | None = None
    pictures_count: int | None = None
    attributes_filled: int | None = None
    attributes_expected: int | None = None


@dataclass(frozen=True, slots=True)
class SellerStanding:
    """`seller_reputation`: `level_id` 1_red … 5_green, `power_seller_status` silver, gold, platinum (None: has none).

    `positive_share`: of the ratings, 0 to 1.
    """

    level_id: str | None = None
    power_seller_status: str | None = None
    transactions_total: int | None = None
    transactions_completed: int | None = None
    positive_share: Decimal | None = None


@dataclass(frozen=True, slots=True)
class PriceDistribution:
    """The prices asked for the same product, in one currency: 10th percentile, median, 90th percentile."""

    currency_id: str
    count: int
    low: Decimal
    median: Decimal
    high: Decimal

    @classmethod
    def of(cls, currency_id: str, prices: Iterable[Decimal]) -> Self:
        """The distribution of some prices; percentiles are interpolated. Raises ValueError for none."""
        ordered = sorted(prices)
        if not ordered:
            raise ValueError(f"a distribution of prices in {currency_id} needs one price at least")
        low, median, high = (_percentile(ordered, Decimal(share)) for share in ("0.1", "0.5", "0.9"))
        return cls(currency_id, len(ordered), low, median, high)


class ScoreWeights(BaseModel):
    """How much each part counts (only their proportions matter), and what counts as full."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    price: Decimal = Field(default=Decimal(30), ge=0)
    demand: Decimal = Field(default=Decimal(20), ge=0)
    seller: Decimal = Field(default=Decimal(20), ge=0)
    stock: Decimal = Field(default=Decimal(10), ge=0)
    shipping: Decimal = Field(default=Decimal(10), ge=0)
    listing_type: Decimal = Field(default=Decimal(4), ge=0)
    completeness: Decimal = Field(default=Decimal(6), ge=0)
    sold_full: int = Field(default=500, ge=1, description="So many sold are full demand")
    stock_full: int = Field(default=10, ge=1, description="So many pieces are full stock")
    pictures_full: int = Field(default=6, ge=1, description="So many pictures are enough")
    least_prices: int = Field(default=5, ge=1, description="Fewer known prices are no distribution")

    @model_validator(mode="after")
    def _something_counts(self) -> Self:
        if not any(self.weight(part) for part in PARTS):
            raise ValueError("all weights are 0: at least one part must count")
        return self

    def weight(self, part: str) -> Decimal:
        """The weight of one of PARTS."""
        weight: Decimal = getattr(self, part)
        return weight


@dataclass(frozen=True, slots=True)
class ScoreComponent:
    """One part. `value`: 0 to 1, None where its inputs are not known. `weight`: its share of the total, 0 to 1, after
    the weights of what is not known were given to the others. `points`: value times weight, of 100. `reason`: why, in
    words."""

    name: str
    value: Decimal | None
    weight: Decimal
    points: Decimal
    reason: str


@dataclass(frozen=True, slots=True)
class ItemScore:
    """`total`: 0 to 100 with two places, the sum of the points; None where nothing is known. `coverage`: 0 to 1."""

    item_id: str
    total: Decimal | None
    coverage: Decimal
    components: tuple[ScoreComponent, ...]
    version: int = VERSION

    @property
    def missing(self) -> tuple[str, ...]:
        """The parts whose inputs are not known."""
        return tuple(one.name for one in self.components if one.value is None)


Judgement = tuple[Decimal | None, str]
"""A part's value (None: not known) and the reason."""


def weigh(item_id: str, judged: Mapping[str, Judgement], weights: ScoreWeights) -> ItemScore:
    """The score of judged parts (all of PARTS)."""
    with localcontext(CONTEXT):
        asked = sum((weights.weight(name) for name in PARTS), Decimal(0))
        known = sum((weights.weight(name) for name in PARTS if judged[name][0] is not None), Decimal(0))
        parts, total = [], Decimal(0)
        for name in PARTS:
            value, reason = judged[name]
            share = weights.weight(name) / known if value is not None and known else Decimal(0)
            points = 100 * share * value if value is not None else Decimal(0)
            total += points
            shown = None if value is None else value.quantize(_PLACES)
            parts.append(ScoreComponent(name, shown, share.quantize(_PLACES), points.quantize(_PLACES), reason))
        return ItemScore(
            item_id=item_id,
            total=min(total, Decimal(100)).quantize(Decimal("0.01")) if known else None,
            coverage=(known / asked).quantize(_PLACES),
            components=tuple(parts),
        )


def _percentile(ordered: list[Decimal], share: Decimal) -> Decimal:
    with localcontext(CONTEXT):
        place = share * (len(ordered) - 1)
        below = int(place)
        above = min(below + 1, len(ordered) - 1)
        return ordered[below] + (ordered[above] - ordered[below]) * (place - below)
