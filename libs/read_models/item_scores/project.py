"""item_scores: one row per scored item."""

from decimal import Decimal

import msgspec

from libs.projection.model import Position, ReadModel, Row
from libs.read_models.commanded import is_later
from libs.read_models.history import row_columns
from schemas.item_scores.item_scored import ItemScoredV1


class Component(msgspec.Struct, frozen=True):
    """A part: `value` (0 to 1) times `weight` (0 to 1) gives `points`, of 100."""

    name: str
    value: Decimal | None
    weight: Decimal
    points: Decimal
    reason: str


class ItemScoreRow(Row, frozen=True, kw_only=True):
    marketplace: str
    item_id: str
    product_id: str | None
    score: Decimal | None
    coverage: Decimal
    scoring: str
    components: tuple[Component, ...]
    features_event_id: str


def evolve(row: ItemScoreRow | None, fact: ItemScoredV1, position: Position) -> ItemScoreRow | None:
    """The row after a fact: the fact's own state, if it is later and valid."""
    if not is_later(row, fact, position):
        return row
    return ItemScoreRow(
        *row_columns(fact, position),
        marketplace=fact.marketplace,
        item_id=fact.item_id,
        product_id=fact.product_id,
        score=fact.score,
        coverage=fact.coverage,
        scoring=fact.scoring,
        components=tuple(Component(one.name, one.value, one.weight, one.points, one.reason) for one in fact.components),
        features_event_id=fact.features_event_id,
    )


READ_MODEL = ReadModel("item_scores", version=1, fact=ItemScoredV1, row=ItemScoreRow, evolve=evolve)
