"""feedback.changed: what buyer and seller said of an order, as its marketplace tells it now."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from schemas.event import EventFamily, Fact
from schemas.values import PERSONAL, Json, UtcTime, Value


class Rating(StrEnum):
    """Our words for a rating; `none` where nobody rated yet."""

    POSITIVE = "positive"
    NEUTRAL = "neutral"
    NEGATIVE = "negative"
    NONE = "none"
    UNKNOWN = "unknown"


class Opinion(Value):
    """One side's feedback. `fulfilled`: whether that side says that the sale took place."""

    feedback_id: str | None = None
    rating: Rating
    fulfilled: bool | None = None
    reason: str | None = None
    comment: Annotated[str | None, PERSONAL] = None
    given_at: UtcTime | None = None


class FeedbackChangedV1(Fact):
    """Buyer or seller gave or changed feedback on an order; this is all of it.

    Trigger: a notification led to a fetch of the order's feedback. Key: `{marketplace}:{order_id}`. `status` is the
    buyer's rating (`marketplace_status`: in the marketplace's word). `updated_at` is the latest time that either side
    tells: an older state never replaces a newer one.
    """

    marketplace: str
    account: str
    order_id: str
    status: Rating
    marketplace_status: str
    by_buyer: Opinion | None = None
    by_seller: Opinion | None = None
    updated_at: UtcTime
    raw: Json = Field(default_factory=dict, json_schema_extra={"x-personal-data": True})

    def key(self) -> str:
        return f"{self.marketplace}:{self.order_id}"

    def person(self) -> str:
        return f"{self.marketplace}:order/{self.order_id}"


EVENT = EventFamily("feedback.changed", topic="feedback", versions={1: FeedbackChangedV1})
