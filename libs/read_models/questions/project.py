"""questions: one row per question of a buyer, with its answer."""

from datetime import datetime

from libs.projection.model import ReadModel
from libs.read_models.history import EntityColumns, EntityRow, OfLatest
from schemas.questions.question_changed import QuestionChangedV1


class QuestionRow(EntityRow, frozen=True, kw_only=True):
    question_id: str
    listing_id: str
    buyer_id: str | None
    question: str
    answer: str | None
    asked_at: datetime
    answered_at: datetime | None


def question_row(fact: QuestionChangedV1, columns: EntityColumns) -> QuestionRow:
    """The fact's own state."""
    return QuestionRow(
        *columns,
        question_id=fact.question_id,
        listing_id=fact.listing_id,
        buyer_id=fact.buyer_id,
        question=fact.text,
        answer=fact.answer_text,
        asked_at=fact.asked_at,
        answered_at=fact.answered_at,
    )


READ_MODEL = ReadModel("questions", version=1, fact=QuestionChangedV1, row=QuestionRow, evolve=OfLatest(question_row))
