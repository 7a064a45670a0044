"""messages: one row per message after a sale."""

from datetime import datetime

from libs.projection.model import Position, ReadModel
from libs.read_models.history import EntityRow, history, is_news
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


def evolve(row: MessageRow | None, fact: MessageChangedV1, position: Position) -> MessageRow | None:
    """The row after a fact: the fact's own state, if it is news."""
    if not is_news(row, fact, position):
        return row
    return MessageRow(
        key=fact.key(),
        marketplace=fact.marketplace,
        account=fact.account,
        status=str(fact.status),
        marketplace_status=fact.marketplace_status,
        status_history=history(row, fact, position),
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
        updated_at=fact.updated_at,
        event_id=position.event_id,
        correlation_id=position.correlation_id,
        log_topic=position.topic,
        log_partition=position.partition,
        log_offset=position.offset,
    )


READ_MODEL = ReadModel("messages", version=1, fact=MessageChangedV1, row=MessageRow, evolve=evolve)
