"""message.changed: a message between buyer and seller after a sale, as its marketplace tells it now."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from schemas.event import EventFamily, Fact
from schemas.values import PERSONAL, Json, UtcTime


class MessageStatus(StrEnum):
    """Our words for a message's life; the marketplace's own word stands beside it in `marketplace_status`."""

    UNREAD = "unread"
    READ = "read"
    PENDING = "pending"
    BLOCKED = "blocked"
    UNKNOWN = "unknown"


class Direction(StrEnum):
    """From the account's point of view."""

    INCOMING = "incoming"
    OUTGOING = "outgoing"
    UNKNOWN = "unknown"


class MessageChangedV1(Fact):
    """A message was sent, read or moderated; this is all of it.

    Trigger: a notification led to a fetch of the message. Key: `{marketplace}:{message_id}`. `thread_id` names the
    conversation (the pack, or the order where there is none): a ticket is about all messages of one thread.
    `updated_at` is the latest time that the message tells: an older state never replaces a newer one.
    """

    marketplace: str
    account: str
    message_id: str
    thread_id: str | None = None
    direction: Direction
    sender_id: str | None = None
    recipient_id: str | None = None
    status: MessageStatus
    marketplace_status: str
    subject: Annotated[str | None, PERSONAL] = None
    text: Annotated[str, PERSONAL]
    attachments: list[str] = Field(default_factory=list)
    sent_at: UtcTime
    read_at: UtcTime | None = None
    updated_at: UtcTime
    raw: Json = Field(default_factory=dict, json_schema_extra={"x-personal-data": True})

    def key(self) -> str:
        return f"{self.marketplace}:{self.message_id}"

    def person(self) -> str:
        """The buyer of the deal: a message may name an agent of the marketplace in their place."""
        if self.thread_id is not None:
            return f"{self.marketplace}:thread/{self.thread_id}"
        return _other_side(self) or self._alone()

    def ties(self) -> list[tuple[str, str]]:
        """The conversation is the buyer's; so is what was said when neither of the two was known."""
        whose, buyer = self.person(), _other_side(self)
        ties = [] if whose == self._alone() else [(self._alone(), whose)]
        return ties if buyer in {None, whose} else [*ties, (whose, buyer)]

    def _alone(self) -> str:
        return f"{self.marketplace}:message/{self.message_id}"


def _other_side(message: MessageChangedV1) -> str | None:
    """The buyer, as far as the message tells."""
    if message.direction is Direction.UNKNOWN:
        return None
    other = message.sender_id if message.direction is Direction.INCOMING else message.recipient_id
    return None if other is None else f"{message.marketplace}:{other}"


EVENT = EventFamily("message.changed", topic="messages", versions={1: MessageChangedV1})
