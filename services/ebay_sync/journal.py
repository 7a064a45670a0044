"""What the holder of a run writes about it: its lines, its counts, its place. All of it under the run's fence."""

import asyncio
from collections.abc import Coroutine, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from libs.db.pool import Connection, Database
from services.ebay_sync.run import Counts, Failure, Mode, Place, Run, Status

T = TypeVar("T")

FLUSH_SECONDS = 0.1
RENEW_SECONDS = 0.5
MOST_WAITING = 2_000
ALIKE_SECONDS = 1.0


class LostLease(Exception):
    """Another process holds the run by now, or it has ended: nothing was written, and nothing may be."""


class Stopped(Exception):
    """Somebody has pressed STOP."""


class Journal:
    """One holder's journal of one run. `keep()` must run beside the work: it writes, renews the lease, hears STOP."""

    def __init__(self, database: Database, run: Run, lease: timedelta) -> None:
        self._database = database
        self._lease = lease
        self.run = run
        self.counts = run.counts
        self.place = run.place
        self._waiting: list[tuple[datetime, str, str]] = []
        self._stop = asyncio.Event()
        self._writing = asyncio.Lock()
        self._full = asyncio.Event()
        self._waits_until = float("-inf")

    def say(self, kind: str, text: str) -> None:
        """A line, on its way to whoever watches."""
        self._waiting.append((datetime.now(UTC), kind, text))
        if len(self._waiting) >= MOST_WAITING:
            self._full.set()

    def say_once(self, kind: str, text: str, seconds: float) -> None:
        """A line about a wait of so many seconds, unless one as long was told: calls at the same time wait alike."""
        until = asyncio.get_running_loop().time() + seconds
        if until > self._waits_until + ALIKE_SECONDS:
            self._waits_until = until
            self.say(kind, text)

    @property
    def unwritten(self) -> list[str]:
        """The lines that nobody can see yet."""
        return [text for _, _, text in self._waiting]

    def stop(self) -> None:
        """STOP was pressed in this process."""
        self._stop.set()

    @property
    def stopping(self) -> bool:
        """STOP was pressed."""
        return self._stop.is_set()

    def check(self) -> None:
        """A checkpoint; raises Stopped."""
        if self._stop.is_set():
            raise Stopped

    async def pause(self, seconds: float) -> None:
        """Wait, but not longer than until STOP; raises Stopped."""
        try:
            async with asyncio.timeout(seconds):
                await self._stop.wait()
        except TimeoutError:
            return
        self.check()

    async def unless_stopped(self, doing: Coroutine[object, object, T]) -> T:
        """Do something that lasts, but not longer than until STOP; raises Stopped, and what it raises."""
        stop = asyncio.create_task(self._stop.wait())
        work = asyncio.create_task(doing)
        try:
            await asyncio.wait({work, stop}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                raise Stopped
            return work.result()
        finally:
            for task in (work, stop):
                task.cancel()
            await asyncio.gather(work, stop, return_exceptions=True)

    async def keep(self) -> None:
        """Until cancelled: write what was said, renew the lease. Raises LostLease, DatabaseAway."""
        since = 0.0
        while True:
            try:
                async with asyncio.timeout(FLUSH_SECONDS):
                    await self._full.wait()
            except TimeoutError:
                since += FLUSH_SECONDS
            if self._waiting or since >= RENEW_SECONDS:
                await self.write()
                since = 0.0

    async def write(
        self,
        *,
        place: Place | None = None,
        counts: Counts | None = None,
        ended: Status | None = None,
        error: str | None = None,
    ) -> None:
        """Write all that was said, in one transaction with a new place and the counts that belong to it.

        Raises LostLease, DatabaseAway.
        """
        async with self._writing:
            lines, self._waiting = self._waiting, []
            self._full.clear()
            try:
                async with self._database.transaction() as connection:
                    await self._write(connection, lines, place or self.place, counts or self.counts, ended, error)
            except BaseException:
                self._waiting = lines + self._waiting
                raise
            self.place, self.counts = place or self.place, counts or self.counts

    async def _write(
        self,
        connection: Connection,
        lines: Sequence[tuple[datetime, str, str]],
        place: Place,
        counts: Counts,
        ended: Status | None,
        error: str | None,
    ) -> None:
        row = await connection.fetchrow(
            """
            UPDATE ebay_sync.runs SET last_event = last_event + $3, lease_until = now() + $4, counts = $5,
                place = $6, status = coalesce($7, status), error = coalesce($8, error),
                ended_at = CASE WHEN $7::text IS NULL THEN ended_at ELSE now() END
            WHERE run_id = $1 AND fence = $2 AND status = 'running' RETURNING last_event, stop_requested_at
            """,
            self.run.run_id,
            self.run.fence,
            len(lines),
            self._lease,
            counts.model_dump_json(),
            place.model_dump_json(),
            ended,
            error,
        )
        if row is None:
            raise LostLease(f"{self.run.run_id} is held by another process, or has ended")
        if row["stop_requested_at"] is not None:
            self._stop.set()
        if lines:
            times, kinds, texts = (list(column) for column in zip(*lines, strict=True))
            await connection.execute(
                """
                INSERT INTO ebay_sync.events (run_id, number, at, kind, text)
                SELECT $1, $2 + line.number, line.at, line.kind, line.text
                FROM unnest($3::timestamptz[], $4::text[], $5::text[])
                    WITH ORDINALITY AS line (at, kind, text, number)
                """,
                self.run.run_id,
                row["last_event"] - len(lines),
                times,
                kinds,
                texts,
            )
        if ended is Status.COMPLETED and self.run.mode is not Mode.RETRY:
            await connection.execute(
                """
                INSERT INTO ebay_sync.ebay_sync_cursors (account, kind, run_id, began_at, completed_at)
                VALUES ($1, $2, $3, $4, now()) ON CONFLICT (account, kind) DO UPDATE SET
                    run_id = excluded.run_id, began_at = excluded.began_at, completed_at = excluded.completed_at
                """,
                self.run.account,
                self.run.kind,
                self.run.run_id,
                self.run.began_at,
            )

    async def fail(self, failures: Sequence[Failure]) -> None:
        """Keep a list of SKUs that could not be got; a later word about the same SKU replaces the earlier one."""
        async with self._database.transaction() as connection:
            await hold(connection, self.run)
            await connection.executemany(
                """
                INSERT INTO ebay_sync.failures (run_id, sku, error, attempts) VALUES ($1, $2, $3, $4)
                ON CONFLICT (run_id, sku) DO UPDATE SET error = excluded.error, attempts = excluded.attempts
                """,
                [(self.run.run_id, one.sku, one.error, one.attempts) for one in failures],
            )

    async def recovered(self, skus: Sequence[str]) -> None:
        """Take SKUs off the list of failures."""
        async with self._database.transaction() as connection:
            await hold(connection, self.run)
            await connection.execute(
                "DELETE FROM ebay_sync.failures WHERE run_id = $1 AND sku = ANY ($2)", self.run.run_id, list(skus)
            )


async def hold(connection: Connection, run: Run) -> None:
    """Keep everybody else from taking the run until the end of the transaction; raises LostLease."""
    held = await connection.fetchval(
        "SELECT true FROM ebay_sync.runs WHERE run_id = $1 AND fence = $2 AND status = 'running' FOR SHARE",
        run.run_id,
        run.fence,
    )
    if not held:
        raise LostLease(f"{run.run_id} is held by another process, or has ended")
