"""Runs in PostgreSQL: begun by anybody, done by one worker at a time (libs.jobs), told to everybody."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from libs.db.pool import Connection, Database, Record
from libs.jobs import JobQueue, NewJob
from services.market_data.run import Fate, Item, Kind, Run, Status, new_run_id

QUEUE = "market_data"
_ATTEMPTS = 1_000
"""A run ends by itself, or by a person; outages of ours must not end it."""
KEPT = timedelta(days=90)
"""For so long runs that come again and again are told of; imports and kept reports for ever."""

_FORGET = """
DELETE FROM market.runs WHERE run_id IN (
    SELECT run_id FROM market.runs
    WHERE created_at < now() - $1::interval AND ended_at IS NOT NULL
      AND kind IN ('market_data', 'notion_sales', 'notion_page')
    ORDER BY created_at LIMIT $2
)
"""

_SELECT = """
SELECT run_id, kind, status, user_id, requested_by, total, waits, error, created_at, began_at, ended_at,
       stop_requested_at, (
           SELECT coalesce(json_object_agg(fate, items), '{}') FROM (
               SELECT status AS fate, count(*) AS items FROM market.run_items i
               WHERE i.run_id = r.run_id GROUP BY status
           ) AS fates
       )::text AS counts
FROM market.runs r
"""


class AlreadyRuns(Exception):
    """A run of this kind has not ended yet."""

    def __init__(self, run_id: str) -> None:
        super().__init__(f"{run_id} has not ended yet: stop it first, or wait for it")
        self.run_id = run_id


class Runs:
    """The table of runs. Everything may raise DatabaseAway."""

    def __init__(self, database: Database, queue: JobQueue) -> None:
        self._database = database
        self._queue = queue

    async def start(
        self,
        kind: Kind,
        requested_by: str,
        *,
        user_id: str | None = None,
        scheduled_for: datetime | None = None,
        items: Sequence[Item] | None = None,
        run_id: str | None = None,
    ) -> str | None:
        """A new run's id; None if there is one for that moment of the schedule, or of that id, already.

        Raises AlreadyRuns.
        """
        named, run_id = run_id is not None, run_id or new_run_id(kind, datetime.now(UTC))
        async with self._database.transaction() as connection:
            made = await connection.fetchval(
                "INSERT INTO market.runs (run_id, kind, user_id, requested_by, scheduled_for) "
                "VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING RETURNING true",
                run_id,
                kind,
                user_id,
                requested_by,
                scheduled_for,
            )
            if made is None and named:
                return None
            if made is None:
                await self._explain(connection, kind, scheduled_for)
                return None
            if items is not None:
                await _insert(connection, run_id, items)
            await self._queue.enqueue_in(connection, [_job(run_id, kind)])
        return run_id

    async def _explain(self, connection: Connection, kind: Kind, scheduled_for: datetime | None) -> None:
        if scheduled_for is not None and await connection.fetchval(
            "SELECT true FROM market.runs WHERE kind = $1 AND scheduled_for = $2", kind, scheduled_for
        ):
            return
        active = await connection.fetchval(
            "SELECT run_id FROM market.runs WHERE kind = $1 AND status IN ('queued', 'running')", kind
        )
        raise AlreadyRuns(active or "another run, which ends right now,")

    async def waits(self, kind: Kind, item: str) -> bool:
        """Whether a run of this kind, which has not begun, is to look at this item."""
        async with self._database.connection() as connection:
            sql = (
                "SELECT EXISTS (SELECT FROM market.run_items i JOIN market.runs r USING (run_id) "
                "WHERE i.item = $2 AND i.status = 'waiting' AND r.kind = $1 AND r.status = 'queued')"
            )
            return bool(await connection.fetchval(sql, kind, item))

    async def resume(self, run: Run) -> bool:
        """Let a run that was stopped, or failed, go on with what is left; False if it has ended for good.

        Raises AlreadyRuns. One that is active is given to a worker again if none has it.
        """
        async with self._database.transaction() as connection:
            other = await connection.fetchval(
                "SELECT run_id FROM market.runs WHERE kind = $1 AND run_id <> $2 "
                "AND kind NOT IN ('inventory_import', 'notion_page') AND status IN ('queued', 'running')",
                run.kind,
                run.run_id,
            )
            if other:
                raise AlreadyRuns(other)
            found = await connection.fetchval(
                "UPDATE market.runs SET status = 'queued', ended_at = NULL, stop_requested_at = NULL, error = NULL "
                "WHERE run_id = $1 AND status IN ('queued', 'running', 'stopped', 'failed') RETURNING true",
                run.run_id,
            )
            if found:
                await self._queue.enqueue_in(connection, [_job(run.run_id, run.kind)])
        return bool(found)

    async def request_stop(self, run_id: str) -> None:
        """Ask the worker to stop behind the item that it has in hand. Does nothing to a run that has ended."""
        await self._execute(
            "UPDATE market.runs SET stop_requested_at = coalesce(stop_requested_at, now()) "
            "WHERE run_id = $1 AND status IN ('queued', 'running')",
            run_id,
        )

    async def forget(self, older: timedelta = KEPT, most: int = 1_000) -> None:
        """Delete some of the ended synchronisations that are older, with their items."""
        await self._execute(_FORGET, older, most)

    async def stop_requested(self, run_id: str) -> bool:
        async with self._database.connection() as connection:
            sql = "SELECT stop_requested_at IS NOT NULL FROM market.runs WHERE run_id = $1"
            return bool(await connection.fetchval(sql, run_id))

    async def get(self, run_id: str) -> Run | None:
        async with self._database.connection() as connection:
            row = await connection.fetchrow(f"{_SELECT} WHERE run_id = $1", run_id)
        return None if row is None else _run(row)

    async def newest(self, user: str, kind: Kind | None = None, most: int = 50) -> list[Run]:
        """The runs that a user may see (his own, and those that are everybody's), newest first."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(
                f"{_SELECT} WHERE (user_id IS NULL OR user_id = $1) AND ($2::text IS NULL OR kind = $2) "
                "ORDER BY created_at DESC, run_id DESC LIMIT $3",
                user,
                kind,
                most,
            )
        return [_run(row) for row in rows]

    async def begin(self, run_id: str) -> Run | None:
        """The run, now running; None if it has ended."""
        await self._execute(
            "UPDATE market.runs SET status = 'running', began_at = coalesce(began_at, now()) "
            "WHERE run_id = $1 AND status IN ('queued', 'running')",
            run_id,
        )
        run = await self.get(run_id)
        return run if run is not None and run.status.active else None

    async def end(self, run_id: str, status: Status, error: str | None = None) -> None:
        await self._execute(
            "UPDATE market.runs SET status = $2, error = $3, waits = NULL, ended_at = now() "
            "WHERE run_id = $1 AND status IN ('queued', 'running')",
            run_id,
            status,
            error,
        )

    async def wait_for(self, run_id: str, what: str | None) -> None:
        """Tell for what the run waits."""
        await self._execute("UPDATE market.runs SET waits = $2 WHERE run_id = $1", run_id, what)

    async def plan(self, run_id: str, items: Sequence[Item]) -> None:
        """What there is to do, all at once; it is planned once."""
        async with self._database.transaction() as connection:
            await _insert(connection, run_id, items)

    async def items(
        self, run_id: str, fates: Sequence[Fate] = tuple(Fate), most: int = 100_000, after: int = 0
    ) -> list[Item]:
        """Items with these fates, in their order."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(
                "SELECT number, item, told, status, detail FROM market.run_items "
                "WHERE run_id = $1 AND status = ANY ($2) AND number > $3 ORDER BY number LIMIT $4",
                run_id,
                [str(fate) for fate in fates],
                after,
                most,
            )
        return [
            Item(
                row["number"],
                row["item"],
                None if row["told"] is None else json.loads(row["told"]),
                Fate(row["status"]),
                row["detail"],
            )
            for row in rows
        ]

    async def mark(self, run_id: str, number: int, fate: Fate, detail: str | None, told: str | None = None) -> None:
        """What became of an item; `told` (JSON) replaces what it is about."""
        await self._execute(
            "UPDATE market.run_items SET status = $3, detail = $4, told = coalesce($5::jsonb, told) "
            "WHERE run_id = $1 AND number = $2",
            run_id,
            number,
            fate,
            detail,
            told,
        )

    async def _execute(self, sql: str, *arguments: object) -> None:
        async with self._database.connection() as connection:
            await connection.execute(sql, *arguments)


async def _insert(connection: Connection, run_id: str, items: Sequence[Item]) -> None:
    await connection.executemany(
        "INSERT INTO market.run_items (run_id, number, item, told, status, detail) VALUES ($1, $2, $3, $4, $5, $6)",
        [
            (run_id, one.number, one.item, None if one.told is None else json.dumps(one.told), one.fate, one.detail)
            for one in items
        ],
    )
    await connection.execute("UPDATE market.runs SET total = $2 WHERE run_id = $1", run_id, len(items))


def _job(run_id: str, kind: Kind) -> NewJob:
    return NewJob(kind, {"run_id": run_id}, max_attempts=_ATTEMPTS, dedupe_key=run_id)


def _run(row: Record) -> Run:
    return Run(
        run_id=row["run_id"],
        kind=Kind(row["kind"]),
        status=Status(row["status"]),
        user_id=row["user_id"],
        requested_by=row["requested_by"],
        total=row["total"],
        waits=row["waits"],
        error=row["error"],
        created_at=row["created_at"],
        began_at=row["began_at"],
        ended_at=row["ended_at"],
        stop_requested_at=row["stop_requested_at"],
        counts={Fate(name): count for name, count in json.loads(row["counts"]).items()},
    )
