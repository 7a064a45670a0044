"""feedback: one row per order that buyer or seller gave feedback on."""

from datetime import datetime

import msgspec

from libs.projection.model import Position, ReadModel
from libs.read_models.history import EntityRow, history, is_news
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


def evolve(row: FeedbackRow | None, fact: FeedbackChangedV1, position: Position) -> FeedbackRow | None:
    """The row after a fact: the fact's own state, if it is news."""
    if not is_news(row, fact, position):
        return row
    return FeedbackRow(
        key=fact.key(),
        marketplace=fact.marketplace,
        account=fact.account,
        status=str(fact.status),
        marketplace_status=fact.marketplace_status,
        status_history=history(row, fact, position),
        order_id=fact.order_id,
        by_buyer=_said(fact.by_buyer),
        by_seller=_said(fact.by_seller),
        updated_at=fact.updated_at,
        event_id=position.event_id,
        correlation_id=position.correlation_id,
        log_topic=position.topic,
        log_partition=position.partition,
        log_offset=position.offset,
    )


def _said(one: Opinion | None) -> Said | None:
    if one is None:
        return None
    return Said(one.feedback_id, str(one.rating), one.fulfilled, one.reason, one.comment, one.given_at)


READ_MODEL = ReadModel("feedback", version=1, fact=FeedbackChangedV1, row=FeedbackRow, evolve=evolve)
