"""A queue of jobs in `ops.jobs`: given in, locked, finished, in as few round trips as can be."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from libs.db.pool import Connection, Database, Record
from libs.jobs import sql
from libs.jobs.job import EnqueuedJob, Failed, Finish, Job, NewJob, Outcome, Released, Retry, Status, Succeeded
from libs.jobs.json_text import error_text, payload_text

MAX_LOST_LOCKS = 10
"""Runs that end without a word (the worker was killed) before a job counts as one that kills its workers."""

_payload = msgspec.json.Decoder(dict[str, Any]).decode


class LockLost(Exception):
    """The job is not locked by us any more: its lock ran out and another worker has it, or it was cancelled.

    Whatever was to be committed together with the job's end must be rolled back: the new owner does the work.
    """


@dataclass(frozen=True, slots=True)
class Exchanged:
    """What an exchange brought: jobs that are locked for us now, and the finished ones that were not ours any more.

    `more`: there was at least as much as was asked for, so that it is worth while to ask again.
    """

    jobs: list[Job]
    lost: list[Job]
    more: bool


class JobQueue:
    """One queue. Its methods raise DatabaseAway where PostgreSQL does not answer; nothing is then half done.

    Those that end in `_in` take part in the caller's transaction: the job is there (or ended) exactly if the rest is.
    """

    def __init__(self, database: Database, name: str, *, max_lost_locks: int = MAX_LOST_LOCKS) -> None:
        self.database = database
        self.name = name
        self._max_lost_locks = max_lost_locks

    async def enqueue(self, *jobs: NewJob) -> list[EnqueuedJob]:
        """Give jobs in, all or none, in one round trip; the answers are in the given order."""
        if not jobs:
            return []
        async with self.database.connection() as connection:  # one statement is a transaction
            return await self.enqueue_in(connection, jobs)

    async def enqueue_in(self, connection: Connection, jobs: Sequence[NewJob]) -> list[EnqueuedJob]:
        """The same within the caller's transaction; workers hear of it when that commits."""
        if not jobs:
            return []
        keys: set[str] = set()
        given, repeated = list[NewJob](), list[bool]()
        for job in jobs:
            repeated.append(job.dedupe_key in keys)
            if job.dedupe_key is not None:
                keys.add(job.dedupe_key)
            if not repeated[-1]:
                given.append(job)
        rows = await connection.fetch(
            sql.ENQUEUE,
            self.name,
            [job.job_type for job in given],
            [payload_text(job) for job in given],
            [job.priority for job in given],
            [float(job.delay_seconds) for job in given],
            [job.max_attempts for job in given],
            [job.dedupe_key for job in given],
            sql.CHANNEL,
        )
        keyed = {row["dedupe_key"]: EnqueuedJob(row["id"], row["created"]) for row in rows}
        plain = iter([EnqueuedJob(row["id"], True) for row in rows if row["dedupe_key"] is None])
        return [
            next(plain)
            if job.dedupe_key is None
            else EnqueuedJob(keyed[job.dedupe_key].job_id, keyed[job.dedupe_key].created and not again)
            for job, again in zip(jobs, repeated, strict=True)
        ]

    async def dequeue(
        self, locked_by: str, *, lock_seconds: float, most: int = 1, types: Iterable[str] | None = None
    ) -> list[Job]:
        """Lock up to `most` jobs, the most urgent first; nobody else gets them until `locked_until`."""
        await self.give_back()
        return (await self.exchange(locked_by, (), lock_seconds=lock_seconds, most=most, types=types)).jobs

    async def dequeue_or_resume_in(self, connection: Connection, locked_by: str, *, lock_seconds: float) -> Job | None:
        """The documented dequeue, of one job, within the caller's transaction.

        What `locked_by` has locked already counts as free for it.
        """
        await connection.execute(sql.GIVE_BACK_LOST_AND_OWN, self.name, self._max_lost_locks, locked_by)
        statement = sql.exchange(typed=False, settle=False)
        rows = await connection.fetch(statement, self.name, locked_by, lock_seconds, 1, None)
        return _job(rows[0], locked_by) if rows else None

    async def give_back(self) -> None:
        """Put jobs whose locks ran out back into their places; those that were lost too often fail permanently."""
        async with self.database.connection() as connection:
            await connection.execute(sql.GIVE_BACK_LOST, self.name, self._max_lost_locks)

    async def finish(self, job: Job, outcome: Outcome | None = None) -> None:
        """End a run (None: it succeeded). Raises LockLost where it is not ours to end."""
        async with self.database.connection() as connection:
            await self.finish_in(connection, job, outcome)

    async def finish_in(self, connection: Connection, job: Job, outcome: Outcome | None = None) -> None:
        """The same within the caller's transaction, so that a job's results and its end are one."""
        if await self._settle(connection, job.locked_by, [Finish(job, outcome or Succeeded())]):
            raise LockLost(f"job {job.job_id} is not locked by {job.locked_by} any more (lock {job.lock_no})")

    async def settle(self, locked_by: str, finishes: Sequence[Finish]) -> list[Job]:
        """End many runs of one worker at once; returns those that were not ours to end."""
        if not finishes:
            return []
        async with self.database.connection() as connection:
            return await self._settle(connection, locked_by, finishes)

    async def exchange(
        self,
        locked_by: str,
        finishes: Sequence[Finish],
        *,
        lock_seconds: float,
        most: int,
        types: Iterable[str] | None = None,
    ) -> Exchanged:
        """End runs and lock up to `most` new jobs in one round trip and one commit: what a busy worker does.

        Jobs whose locks ran out are not among them until somebody calls `give_back`.
        """
        wanted = None if types is None else list(types)
        statement = sql.exchange(typed=wanted is not None, settle=bool(finishes))
        ends = _columns(finishes) if finishes else ()
        async with self.database.connection() as connection:
            rows = await connection.fetch(statement, self.name, locked_by, lock_seconds, most, wanted, *ends)
            if _frees(finishes):
                await connection.execute(sql.NOTIFY, sql.CHANNEL, self.name)
        jobs = [_job(row, locked_by) for row in rows if row["job_type"] is not None]
        settled = {row["id"] for row in rows if row["job_type"] is None}
        lost = [one.job for one in finishes if one.job.job_id not in settled]
        return Exchanged(jobs, lost, more=len(jobs) >= most)

    async def extend(self, locked_by: str, jobs: Sequence[Job], *, lock_seconds: float) -> list[Job]:
        """Hold locks for `lock_seconds` from now on; returns the jobs whose locks are lost."""
        if not jobs:
            return []
        ids, locks = [job.job_id for job in jobs], [job.lock_no for job in jobs]
        async with self.database.connection() as connection:
            rows = await connection.fetch(sql.EXTEND, locked_by, lock_seconds, ids, locks)
        ours = {row["id"] for row in rows}
        return [job for job in jobs if job.job_id not in ours]

    async def counts(self) -> dict[str, dict[Status, int]]:
        """How many jobs of each type have each status; what there is none of is left out."""
        async with self.database.connection() as connection:
            rows = await connection.fetch(sql.COUNTS, self.name)
        found: dict[str, dict[Status, int]] = {}
        for row in rows:
            found.setdefault(row["job_type"], {})[Status(row["status"])] = row["jobs"]
        return found

    async def _settle(self, connection: Connection, locked_by: str, finishes: Sequence[Finish]) -> list[Job]:
        rows = await connection.fetch(sql.SETTLE, locked_by, *_columns(finishes))
        if _frees(finishes):
            await connection.execute(sql.NOTIFY, sql.CHANNEL, self.name)
        settled = {row["id"] for row in rows}
        return [one.job for one in finishes if one.job.job_id not in settled]


def _frees(finishes: Sequence[Finish]) -> bool:
    return any(isinstance(one.outcome, Released) for one in finishes)


def _columns(finishes: Sequence[Finish]) -> tuple[list[Any], ...]:
    rows = [(one.job.job_id, one.job.lock_no, *_written(one.outcome)) for one in finishes]
    return tuple(list(column) for column in zip(*rows, strict=True))


def _written(outcome: Outcome) -> tuple[str, str | None, float, int]:
    """Status, error, backoff, and by how much the failed attempts grow."""
    match outcome:
        case Succeeded():
            return Status.SUCCEEDED, None, 0.0, 0
        case Retry(error, backoff, counts):
            return Status.RETRY, error_text(error), float(backoff), int(counts)
        case Failed(error):
            return Status.FAILED_PERMANENT, error_text(error), 0.0, 1
        case Released():
            return Status.RETRY, None, 0.0, 0


def _job(row: Record, locked_by: str) -> Job:
    return Job(
        job_id=row["id"],
        job_type=row["job_type"],
        payload=_payload(row["payload_json"]),
        priority=row["priority"],
        attempts=row["attempts"],
        max_attempts=row["max_attempts"],
        locked_by=locked_by,
        locked_until=row["locked_until"],
        lock_no=row["lock_no"],
    )
