"""feedback: one row per order that buyer or seller gave feedback on."""

from datetime import datetime

import msgspec

from libs.projection.model import ReadModel
from libs.read_models.history import EntityColumns, EntityRow, OfLatest
from schemas.feedback.feedback_changed import FeedbackChangedV1, Opinion


class Said(msgspec.Struct, frozen=True):
    """One side's feedback; `comment` is personal data."""

    feedback_id: str | None
    rating: str
    fulfilled: bool | None
    reason: str | None
    comment: str | None
    given_at: datetime | None


class FeedbackRow(EntityRow, frozen=True, kw_only=True):
    order_id: str
    by_buyer: Said | None
    by_seller: Said | None


def feedback_row(fact: FeedbackChangedV1, columns: EntityColumns) -> FeedbackRow:
    """The fact's own state."""
    return FeedbackRow(
        *columns,
        order_id=fact.order_id,
        by_buyer=_said(fact.by_buyer),
        by_seller=_said(fact.by_seller),
    )


def _said(one: Opinion | None) -> Said | None:
    if one is None:
        return None
    return Said(one.feedback_id, str(one.rating), one.fulfilled, one.reason, one.comment, one.given_at)


READ_MODEL = ReadModel("feedback", version=1, fact=FeedbackChangedV1, row=FeedbackRow, evolve=OfLatest(feedback_row))
