"""question.changed: a buyer's question about a listing with its answer, as its marketplace tells it now."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from schemas.event import EventFamily, Fact
from schemas.values import PERSONAL, Json, UtcTime


class QuestionStatus(StrEnum):
    """Our words for a question's life; the marketplace's own word stands beside it in `marketplace_status`."""

    OPEN = "open"
    ANSWERED = "answered"
    CLOSED = "closed"
    DELETED = "deleted"
    BLOCKED = "blocked"
    UNKNOWN = "unknown"


class QuestionChangedV1(Fact):
    """A question was asked, answered or closed; this is all of it.

    Trigger: a notification led to a fetch of the question. Key: `{marketplace}:{question_id}`. `updated_at` is the
    marketplace's own time of the change: an older state never replaces a newer one.
    """

    marketplace: str
    account: str
    question_id: str
    listing_id: str
    buyer_id: str | None = None
    status: QuestionStatus
    marketplace_status: str
    text: Annotated[str, PERSONAL]
    answer_text: Annotated[str | None, PERSONAL] = None
    answered_at: UtcTime | None = None
    asked_at: UtcTime
    updated_at: UtcTime
    raw: Json = Field(default_factory=dict, json_schema_extra={"x-personal-data": True})

    def key(self) -> str:
        return f"{self.marketplace}:{self.question_id}"

    def person(self) -> str:
        """One whom the marketplace does not name is known by the question alone."""
        return f"{self.marketplace}:{self.buyer_id or f'question/{self.question_id}'}"

    def ties(self) -> list[tuple[str, str]]:
        return [(f"{self.marketplace}:question/{self.question_id}", self.person())] if self.buyer_id else []


EVENT = EventFamily("question.changed", topic="questions", versions={1: QuestionChangedV1})
