"""item.scored: how promising an item is for a reseller, and why."""

from pydantic import Field

from schemas.event import EventFamily, Fact
from schemas.values import Basis, DecimalString, UtcTime, Value


class ScoreComponent(Value):
    """One part: `value` (0 to 1; none where it is not known) times `weight` (0 to 1) gives `points`, of 100."""

    name: str
    value: DecimalString | None = None
    weight: DecimalString
    points: DecimalString
    reason: str


class ItemScoredV1(Fact):
    """An item was scored; this replaces every earlier score of it.

    Trigger: a score job. Key: `{marketplace}:{item_id}`. `features_event_id` is the item.changed that was scored.
    """

    marketplace: str
    item_id: str
    product_id: str | None = None
    score: DecimalString | None = Field(default=None, description="0 (no promise) to 100; none: nothing is known")
    coverage: DecimalString = Field(description="How much of the weight was known, 0 to 1")
    scoring: str = Field(description="Which formula, with its version")
    components: list[ScoreComponent]
    basis: Basis = None
    features_event_id: str
    updated_at: UtcTime

    def key(self) -> str:
        return f"{self.marketplace}:{self.item_id}"


EVENT = EventFamily("item.scored", topic="item_scores", versions={1: ItemScoredV1})
