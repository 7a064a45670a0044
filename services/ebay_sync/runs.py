"""Runs in PostgreSQL: begun by anybody, held by one process at a time, told to everybody."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from libs.db.pool import Database, Record
from services.ebay_sync.run import Counts, Failure, Kind, Line, Mode, Place, Run, Status, new_run_id

_COLUMNS = (
    "run_id, kind, mode, account, user_id, requested_by, retry_of, status, error, created_at, began_at, ended_at, "
    "stop_requested_at, fence, place, counts, last_event"
)


class AlreadyRuns(Exception):
    """The account's run of this kind has not ended yet."""

    def __init__(self, run_id: str) -> None:
        super().__init__(f"{run_id} has not ended yet: stop it first, or wait for it")
        self.run_id = run_id


class Runs:
    """The table of runs, as the API, the schedule and the workers use it. Everything may raise DatabaseAway."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def start(
        self, kind: Kind, mode: Mode, account: str, user_id: str, requested_by: str, retry_of: str | None = None
    ) -> Run:
        """A new run, to be taken by any process; raises AlreadyRuns."""
        run_id = new_run_id(kind, datetime.now(UTC))
        async with self._database.transaction() as connection:
            row = await connection.fetchrow(
                f"""
                INSERT INTO ebay_sync.runs (run_id, kind, mode, account, user_id, requested_by, retry_of)
                VALUES ($1, $2, $3, $4, $5, $6, $7)
                ON CONFLICT (account, kind) WHERE status IN ('started', 'running') DO NOTHING RETURNING {_COLUMNS}
                """,  # noqa: S608  (our own columns)
                run_id,
                kind,
                mode,
                account,
                user_id,
                requested_by,
                retry_of,
            )
            if row is None:
                active = await connection.fetchval(
                    "SELECT run_id FROM ebay_sync.runs "
                    "WHERE account = $1 AND kind = $2 AND status IN ('started', 'running')",
                    account,
                    kind,
                )
                raise AlreadyRuns(active or "another run, which ends right now,")
        return _run(row)

    async def claim(self, owner: str, accounts: Sequence[str], lease: timedelta) -> Run | None:
        """Take the oldest run that nobody holds, or whose holder has fallen silent."""
        async with self._database.transaction() as connection:
            row = await connection.fetchrow(
                f"""
                UPDATE ebay_sync.runs SET status = 'running', owner = $1, fence = fence + 1,
                    lease_until = now() + $3, began_at = coalesce(began_at, now())
                WHERE run_id = (
                    SELECT run_id FROM ebay_sync.runs
                    WHERE status IN ('started', 'running') AND lease_until <= now() AND account = ANY ($2)
                    ORDER BY created_at LIMIT 1 FOR UPDATE SKIP LOCKED
                ) RETURNING {_COLUMNS}
                """,  # noqa: S608  (as above)
                owner,
                list(accounts),
                lease,
            )
        return None if row is None else _run(row)

    async def release(self, run: Run, pause: timedelta) -> None:
        """Let another process take the run after a pause."""
        async with self._database.connection() as connection:
            await connection.execute(
                "UPDATE ebay_sync.runs SET lease_until = now() + $3 "
                "WHERE run_id = $1 AND fence = $2 AND status = 'running'",
                run.run_id,
                run.fence,
                pause,
            )

    async def request_stop(self, run_id: str) -> Run | None:
        """Ask the holder to stop; it does so at its next checkpoint. Does nothing to a run that has ended."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow(
                f"""
                UPDATE ebay_sync.runs SET stop_requested_at = coalesce(stop_requested_at, now())
                WHERE run_id = $1 AND status IN ('started', 'running') RETURNING {_COLUMNS}
                """,  # noqa: S608  (as above)
                run_id,
            )
        return await self.get(run_id) if row is None else _run(row)

    async def get(self, run_id: str) -> Run | None:
        async with self._database.connection() as connection:
            row = await connection.fetchrow(f"SELECT {_COLUMNS} FROM ebay_sync.runs WHERE run_id = $1", run_id)  # noqa: S608
        return None if row is None else _run(row)

    async def newest(self, accounts: Sequence[str], kind: Kind | None = None, most: int = 50) -> list[Run]:
        """The runs of these accounts, newest first."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(
                f"SELECT {_COLUMNS} FROM ebay_sync.runs WHERE account = ANY ($1) AND ($2::text IS NULL OR kind = $2) "  # noqa: S608
                "ORDER BY created_at DESC, run_id DESC LIMIT $3",
                list(accounts),
                kind,
                most,
            )
        return [_run(row) for row in rows]

    async def lines(self, run_id: str, after: int, most: int = 1000) -> list[Line]:
        """What the run said after a line, in order."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(
                "SELECT number, at, kind, text FROM ebay_sync.events WHERE run_id = $1 AND number > $2 "
                "ORDER BY number LIMIT $3",
                run_id,
                after,
                most,
            )
        return [Line(row["number"], row["at"], row["kind"], row["text"]) for row in rows]

    async def failures(self, run_id: str, most: int = 10_000) -> list[Failure]:
        """The SKUs that the run could not get."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(
                "SELECT sku, error, attempts FROM ebay_sync.failures WHERE run_id = $1 ORDER BY sku LIMIT $2",
                run_id,
                most,
            )
        return [Failure(row["sku"], row["error"], row["attempts"]) for row in rows]

    async def forget(self, older_than: timedelta) -> None:
        """Delete ended runs with all that they said."""
        async with self._database.connection() as connection:
            await connection.execute("DELETE FROM ebay_sync.runs WHERE ended_at < now() - $1::interval", older_than)


def _run(row: Record) -> Run:
    return Run(
        run_id=row["run_id"],
        kind=Kind(row["kind"]),
        mode=Mode(row["mode"]),
        account=row["account"],
        user_id=row["user_id"],
        requested_by=row["requested_by"],
        retry_of=row["retry_of"],
        status=Status(row["status"]),
        error=row["error"],
        created_at=row["created_at"],
        began_at=row["began_at"],
        ended_at=row["ended_at"],
        stop_requested_at=row["stop_requested_at"],
        fence=row["fence"],
        place=Place.model_validate_json(row["place"]),
        counts=Counts.model_validate_json(row["counts"]),
        last_event=row["last_event"],
    )
