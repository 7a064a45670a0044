"""questions: one row per question of a buyer, with its answer."""

from datetime import datetime

from libs.projection.model import Position, ReadModel
from libs.read_models.history import EntityRow, history, is_news
from schemas.questions.question_changed import QuestionChangedV1


class QuestionRow(EntityRow, frozen=True, kw_only=True):
    question_id: str
    listing_id: str
    buyer_id: str | None
    question: str
    answer: str | None
    asked_at: datetime
    answered_at: datetime | None


def evolve(row: QuestionRow | None, fact: QuestionChangedV1, position: Position) -> QuestionRow | None:
    """The row after a fact: the fact's own state, if it is news."""
    if not is_news(row, fact, position):
        return row
    return QuestionRow(
        key=fact.key(),
        marketplace=fact.marketplace,
        account=fact.account,
        status=str(fact.status),
        marketplace_status=fact.marketplace_status,
        status_history=history(row, fact, position),
        question_id=fact.question_id,
        listing_id=fact.listing_id,
        buyer_id=fact.buyer_id,
        question=fact.text,
        answer=fact.answer_text,
        asked_at=fact.asked_at,
        answered_at=fact.answered_at,
        updated_at=fact.updated_at,
        event_id=position.event_id,
        correlation_id=position.correlation_id,
        log_topic=position.topic,
        log_partition=position.partition,
        log_offset=position.offset,
    )


READ_MODEL = ReadModel("questions", version=1, fact=QuestionChangedV1, row=QuestionRow, evolve=evolve)
