"""Ending a run from outside, by the job's id alone: the documented update (mission, `sp_ml_jobs`, action 2)."""

from dataclasses import dataclass
from typing import Literal

from libs.db.pool import Connection
from libs.jobs.backoff import Backoff
from libs.jobs.job import JobError, Status
from libs.jobs.json_text import error_text
from libs.jobs.queue import JobQueue, LockLost

Told = Literal["succeeded", "retry", "failed_permanent"]


class JobUnknown(Exception):
    """No job of this queue has this id."""


class JobEnded(Exception):
    """The job has ended already, and otherwise."""


@dataclass(frozen=True, slots=True)
class Update:
    """What a worker tells of a run. `locked_by`, where told, must hold the lock. No backoff: the usual one."""

    job_id: int
    status: Told
    error: JobError | None = None
    unlock: bool = True
    backoff_seconds: float | None = None
    locked_by: str | None = None


_UPDATE = """
UPDATE ops.jobs SET
    status = CASE WHEN $2 = 'retry' AND attempts + 1 >= max_attempts THEN 'failed_permanent' ELSE $2 END,
    attempts = attempts + CASE $2 WHEN 'succeeded' THEN 0 ELSE 1 END,
    available_at = CASE $2 WHEN 'retry' THEN now() + $3::float8 * interval '1 second' ELSE available_at END,
    last_error = coalesce($4::jsonb, last_error),
    locked_by = CASE WHEN $5 THEN NULL ELSE locked_by END,
    locked_until = CASE WHEN $5 THEN NULL ELSE locked_until END,
    updated_at = now()
WHERE id = $1
"""


async def update_in(connection: Connection, queue: JobQueue, told: Update, backoff: Backoff) -> None:
    """Write down how a run ended; a repetition of what was told before changes nothing.

    A retry of the last attempt is a permanent failure. Raises JobUnknown, JobEnded and LockLost.
    """
    row = await connection.fetchrow(
        "SELECT status, attempts, locked_by FROM ops.jobs WHERE queue = $1 AND id = $2 FOR UPDATE",
        queue.name,
        told.job_id,
    )
    if row is None:
        raise JobUnknown(f"job {told.job_id} does not exist in the queue {queue.name}")
    if Status(row["status"]).ended:
        if row["status"] == told.status:
            return
        raise JobEnded(f"job {told.job_id} has ended before: {row['status']}")
    if told.locked_by is not None and row["locked_by"] != told.locked_by:
        raise LockLost(f"job {told.job_id} is not locked by {told.locked_by} any more: another worker has it now")
    wait = backoff.seconds(row["attempts"] + 1) if told.backoff_seconds is None else told.backoff_seconds
    error = None if told.error is None else error_text(told.error)
    await connection.execute(_UPDATE, told.job_id, told.status, wait, error, told.unlock)
