"""The audit of what was done about dead letters, and by it the memory of which are still open."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from libs.db.pool import Connection

Action = Literal["retry", "discard"]
Place = tuple[str, int, int]
"""Topic at the broker, partition, offset of a dead letter."""


@dataclass(frozen=True, slots=True)
class Decided:
    """One row: an action that was decided; `completed_at` is None where it was interrupted."""

    action: Action
    who: str
    why: str
    decided_at: datetime
    completed_at: datetime | None


async def decided(connection: Connection, topic: str) -> dict[tuple[int, int], Decided]:
    """All actions about one dead-letter topic, by partition and offset."""
    rows = await connection.fetch(
        "SELECT partition, log_offset, action, who, why, decided_at, completed_at "
        "FROM ops.dead_letter_actions WHERE topic = $1",
        topic,
    )
    return {
        (row["partition"], row["log_offset"]): Decided(
            row["action"], row["who"], row["why"], row["decided_at"], row["completed_at"]
        )
        for row in rows
    }


async def decide(connection: Connection, place: Place, action: Action, *, who: str, why: str) -> bool:
    """Write down an action before it is done; False if another one is completed already.

    An interrupted action of the same kind may be taken up again by anyone.
    """
    taken = await connection.fetchval(
        """
        INSERT INTO ops.dead_letter_actions AS a (topic, partition, log_offset, action, who, why)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (topic, partition, log_offset) DO UPDATE SET who = $5, why = $6, decided_at = now()
        WHERE a.completed_at IS NULL AND a.action = excluded.action
        RETURNING true
        """,
        *place,
        action,
        who,
        why,
    )
    return bool(taken)


async def complete(connection: Connection, place: Place, target: Place | None = None) -> None:
    """Write down that an action is done; `target` is where a retried record now stands."""
    await connection.execute(
        "UPDATE ops.dead_letter_actions SET completed_at = now(), target_topic = $4, target_partition = $5, "
        "target_offset = $6 WHERE (topic, partition, log_offset) = ($1, $2, $3)",
        *place,
        *(target or (None, None, None)),
    )
