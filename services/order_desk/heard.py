"""Which messages were seen (`order_desk.messages`): the same words again, or the same message again?

A message is noted with how often its ticket held its words before they are added. So one that comes again after a
crash, its words added or not, is known: they are there once more than noted, or they are not.
"""

import re
from dataclasses import dataclass

from libs.db.pool import Connection, Database

BETWEEN = "\n\n"
"""What stands between the messages of a ticket."""


@dataclass(frozen=True)
class Message:
    """A customer's message in a conversation, by the marketplace's id."""

    marketplace: str
    thread_id: str
    message_id: str


@dataclass(frozen=True)
class Heard:
    """What is noted of a message: how often its words stood in the ticket before it, and whether they were added."""

    before: int
    added: bool = False

    def is_held(self, known: str, text: str) -> bool:
        """Whether a ticket's text has this message's words, because of this message."""
        return times(known, text) > (0 if self.added else self.before)


def times(known: str, text: str) -> int:
    """How often a ticket has a message's words, which may themselves be several paragraphs."""
    return len(re.findall(f"(?={re.escape(f'{BETWEEN}{text}{BETWEEN}')})", f"{BETWEEN}{known}{BETWEEN}"))


async def heard(database: Database, message: Message, before: int) -> Heard:
    """What is noted of a message; one that comes for the first time is noted now."""
    async with database.connection() as connection:
        await connection.execute(
            "INSERT INTO order_desk.messages (marketplace, thread_id, message_id, before) VALUES ($1, $2, $3, $4) "
            "ON CONFLICT DO NOTHING",
            message.marketplace,
            message.thread_id,
            message.message_id,
            before,
        )
        row = await connection.fetchrow(
            "SELECT before, added FROM order_desk.messages "
            "WHERE marketplace = $1 AND thread_id = $2 AND message_id = $3",
            message.marketplace,
            message.thread_id,
            message.message_id,
        )
    assert row is not None
    return Heard(row["before"], row["added"])


async def added(connection: Connection, message: Message) -> None:
    """Note that a message's words were added, in the transaction that adds them."""
    await connection.execute(
        "UPDATE order_desk.messages SET added = true WHERE marketplace = $1 AND thread_id = $2 AND message_id = $3",
        message.marketplace,
        message.thread_id,
        message.message_id,
    )
