"""messages: one row per message after a sale."""

from datetime import datetime

from libs.projection.model import ReadModel
from libs.read_models.history import EntityColumns, EntityRow, OfLatest
from schemas.messages.message_changed import MessageChangedV1


class MessageRow(EntityRow, frozen=True, kw_only=True):
    message_id: str
    thread_id: str | None
    direction: str
    sender_id: str | None
    recipient_id: str | None
    subject: str | None
    message: str
    attachments: list[str]
    sent_at: datetime
    read_at: datetime | None


def message_row(fact: MessageChangedV1, columns: EntityColumns) -> MessageRow:
    """The fact's own state."""
    return MessageRow(
        *columns,
        message_id=fact.message_id,
        thread_id=fact.thread_id,
        direction=str(fact.direction),
        sender_id=fact.sender_id,
        recipient_id=fact.recipient_id,
        subject=fact.subject,
        message=fact.text,
        attachments=list(fact.attachments),
        sent_at=fact.sent_at,
        read_at=fact.read_at,
    )


READ_MODEL = ReadModel("messages", version=1, fact=MessageChangedV1, row=MessageRow, evolve=OfLatest(message_row))
