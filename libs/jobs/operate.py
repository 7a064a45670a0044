"""What people see of the queues, and what they may do: look, retry, cancel, purge."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from libs.db.pool import Connection, Database, Record
from libs.jobs.job import Status
from libs.jobs.sql import CHANNEL, NOTIFY


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which jobs; what is None chooses nothing out. `error`: a text within the last error."""

    ids: Sequence[int] | None = None
    queue: str | None = None
    job_type: str | None = None
    status: Status | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """The jobs of one queue and type in one status. `waited`: how long the oldest of those that are due has waited.

    `lost`: how many of those that are being done have a lock that ran out.
    """

    queue: str
    job_type: str
    status: Status
    jobs: int
    due: int
    waited: timedelta | None
    lost: int


@dataclass(frozen=True, slots=True)
class StoredJob:
    """A row of `ops.jobs`."""

    job_id: int
    queue: str
    job_type: str
    status: Status
    priority: int
    attempts: int
    max_attempts: int
    lost_locks: int
    created_at: datetime
    updated_at: datetime
    available_at: datetime
    locked_by: str | None
    locked_until: datetime | None
    dedupe_key: str | None
    payload: Any
    last_error: Any


_STANDING = """
SELECT queue, job_type, status, count(*) AS jobs,
    count(*) FILTER (WHERE status IN ('pending', 'retry') AND available_at <= now()) AS due,
    now() - min(available_at) FILTER (WHERE status IN ('pending', 'retry') AND available_at <= now()) AS waited,
    count(*) FILTER (WHERE status = 'processing' AND locked_until < now()) AS lost
FROM ops.jobs GROUP BY queue, job_type, status ORDER BY queue, job_type, status
"""

_CHOSEN = """
    ($1::bigint[] IS NULL OR id = ANY($1)) AND ($2::text IS NULL OR queue = $2)
    AND ($3::text IS NULL OR job_type = $3) AND ($4::text IS NULL OR status = $4)
    AND ($5::text IS NULL OR position(lower($5) IN lower(last_error::text)) > 0)
"""

_LIST = f"SELECT * FROM ops.jobs WHERE {_CHOSEN} ORDER BY updated_at DESC, id DESC LIMIT $6"  # noqa: S608 - no input

# One job of each dedupe key, and none whose key an unfinished job has: that one does the same.
_RETRY = f"""
WITH chosen AS (
    SELECT id, row_number() OVER (PARTITION BY queue, coalesce(dedupe_key, id::text) ORDER BY id DESC) AS place
    FROM ops.jobs AS j WHERE {_CHOSEN} AND status IN ('failed_permanent', 'cancelled')
        AND NOT EXISTS (SELECT FROM ops.jobs AS o WHERE o.queue = j.queue AND o.dedupe_key = j.dedupe_key
            AND o.status IN ('pending', 'processing', 'retry'))
)
UPDATE ops.jobs SET status = 'pending', attempts = 0, lost_locks = 0, available_at = now(), locked_by = NULL,
    locked_until = NULL, updated_at = now()
WHERE id IN (SELECT id FROM chosen WHERE place = 1)
RETURNING id, queue
"""  # noqa: S608 - no input

# Those that wait for their next attempt, now.
_HASTEN = f"""
UPDATE ops.jobs SET available_at = now(), updated_at = now()
WHERE {_CHOSEN} AND status IN ('pending', 'retry') AND available_at > now()
RETURNING id, queue
"""  # noqa: S608 - no input

_CANCEL = f"""
UPDATE ops.jobs SET status = 'cancelled', locked_by = NULL, locked_until = NULL, updated_at = now(),
    last_error = jsonb_build_object('code', 'Cancelled', 'msg', $6::text)
WHERE {_CHOSEN} AND status IN ('pending', 'processing', 'retry')
RETURNING id, queue
"""  # noqa: S608 - no input

# So many at a time: a long transaction would keep dead rows in the indexes that every worker reads.
_PURGED_AT_ONCE = 5_000

_PURGE = f"""
DELETE FROM ops.jobs WHERE id = ANY(ARRAY(
    SELECT id FROM ops.jobs
    WHERE {_CHOSEN} AND status IN ('succeeded', 'failed_permanent', 'cancelled')
        AND updated_at < now() - $6::interval
    LIMIT {_PURGED_AT_ONCE} FOR UPDATE SKIP LOCKED
))
"""  # noqa: S608 - no input


async def standings(database: Database) -> list[Standing]:
    """How many jobs stand where, of all queues."""
    async with database.connection() as connection:
        rows = await connection.fetch(_STANDING)
    return [Standing(**{**dict(row), "status": Status(row["status"])}) for row in rows]


async def jobs(database: Database, chosen: Chosen, most: int) -> list[StoredJob]:
    """The chosen jobs, those that were touched last first."""
    async with database.connection() as connection:
        return [_stored(row) for row in await connection.fetch(_LIST, *_given(chosen), most)]


async def retry(database: Database, chosen: Chosen) -> list[int]:
    """Let failed and cancelled jobs begin anew with all their attempts, and waiting ones at once; returns their ids.

    What is being done or has succeeded is left alone, and so is a job whose dedupe key an unfinished one has.
    """
    async with database.transaction() as connection:
        touched = await connection.fetch(_HASTEN, *_given(chosen))
        touched += await connection.fetch(_RETRY, *_given(chosen))
        await _tell(connection, touched)
    return sorted(row["id"] for row in touched)


async def cancel(database: Database, chosen: Chosen, why: str) -> list[int]:
    """End unfinished jobs; a worker that does one hears of it with its next heartbeat. Returns their ids."""
    async with database.connection() as connection:
        return sorted(row["id"] for row in await connection.fetch(_CANCEL, *_given(chosen), why))


async def purge(database: Database, chosen: Chosen, older: timedelta) -> int:
    """Delete jobs that ended longer ago than that; returns how many. What waits or is being done always stays."""
    purged = 0
    while True:
        async with database.connection() as connection:
            told = await connection.execute(_PURGE, *_given(chosen), older)
        deleted = int(told.rpartition(" ")[2])
        purged += deleted
        if deleted < _PURGED_AT_ONCE:
            return purged


async def _tell(connection: Connection, touched: Sequence[Record]) -> None:
    for queue in {row["queue"] for row in touched}:
        await connection.execute(NOTIFY, CHANNEL, queue)


def _given(chosen: Chosen) -> tuple[Any, ...]:
    ids = None if chosen.ids is None else list(chosen.ids)
    return ids, chosen.queue, chosen.job_type, chosen.status, chosen.error


def _stored(row: Record) -> StoredJob:
    return StoredJob(
        job_id=row["id"],
        status=Status(row["status"]),
        payload=json.loads(row["payload_json"]),
        last_error=None if row["last_error"] is None else json.loads(row["last_error"]),
        **{
            name: row[name]
            for name in (
                *("queue", "job_type", "priority", "attempts", "max_attempts", "lost_locks", "created_at"),
                *("updated_at", "available_at", "locked_by", "locked_until", "dedupe_key"),
            )
        },
    )
