"""The audit of what was done about dead letters, and by it the memory of which are still open."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from libs.db.pool import Connection, Record

Action = Literal["retry", "discard"]
Place = tuple[str, int, int]
"""Topic at the broker, partition, offset of a dead letter."""

LOCK = "dead letters"
"""Advisory lock of whoever acts: an action without an end was then interrupted, and is not somebody's running one."""

_COLUMNS = (
    "topic, partition, log_offset, action, who, why, decided_at, completed_at, completed_by, "
    "target_topic, target_partition, target_offset"
)


@dataclass(frozen=True, slots=True)
class Decided:
    """One row: an action that was decided; `completed_at` is None where it did not get that far. `target`: where to."""

    place: Place
    action: Action
    who: str
    why: str
    decided_at: datetime
    completed_at: datetime | None
    completed_by: str | None
    target: Place | None


async def decided(connection: Connection, topic: str) -> dict[tuple[int, int], Decided]:
    """All actions about one dead-letter topic, by partition and offset."""
    rows = await connection.fetch(f"SELECT {_COLUMNS} FROM ops.dead_letter_actions WHERE topic = $1", topic)  # noqa: S608
    return {(row["partition"], row["log_offset"]): _decided(row) for row in rows}


async def history(connection: Connection, prefix: str, most: int) -> list[Decided]:
    """The newest actions about the topics of one installation, newest first."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM ops.dead_letter_actions WHERE starts_with(topic, $1) "  # noqa: S608
        "ORDER BY decided_at DESC, topic, partition, log_offset DESC LIMIT $2",
        prefix,
        most,
    )
    return [_decided(row) for row in rows]


async def decide(connection: Connection, place: Place, action: Action, *, who: str, why: str) -> bool:
    """Write down an action before it is done; False if one is completed already. To be called under the lock.

    One that was interrupted may be taken up by anyone; who decided it first, and why, stays. Another action instead of
    the interrupted one is a decision of its own.
    """
    taken = await connection.fetchval(
        """
        INSERT INTO ops.dead_letter_actions AS a (topic, partition, log_offset, action, who, why)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (topic, partition, log_offset) DO UPDATE SET
            action = excluded.action,
            who = CASE WHEN a.action = excluded.action THEN a.who ELSE excluded.who END,
            why = CASE WHEN a.action = excluded.action THEN a.why
                       ELSE excluded.why || ' (before: ' || a.action || ' by ' || a.who || ': ' || a.why || ')' END,
            decided_at = CASE WHEN a.action = excluded.action THEN a.decided_at ELSE excluded.decided_at END
        WHERE a.completed_at IS NULL
        RETURNING true
        """,
        *place,
        action,
        who,
        why,
    )
    return bool(taken)


async def complete(connection: Connection, place: Place, *, who: str, target: Place | None = None) -> None:
    """Write down that an action is done; `target` is where a retried record now stands."""
    await connection.execute(
        "UPDATE ops.dead_letter_actions SET completed_at = now(), completed_by = $4, target_topic = $5, "
        "target_partition = $6, target_offset = $7 WHERE (topic, partition, log_offset) = ($1, $2, $3)",
        *place,
        who,
        *(target or (None, None, None)),
    )


def _decided(row: Record) -> Decided:
    target = (row["target_topic"], row["target_partition"], row["target_offset"])
    return Decided(
        (row["topic"], row["partition"], row["log_offset"]),
        row["action"],
        row["who"],
        row["why"],
        row["decided_at"],
        row["completed_at"],
        row["completed_by"],
        None if target[0] is None else target,
    )
