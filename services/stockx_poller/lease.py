"""Who does an account's work: one process at a time, under a fence that grows with every new holder."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from libs.db.errors import DatabaseAway
from libs.db.pool import Connection, Database
from libs.telemetry.log import get_logger

log = get_logger()


class LostLease(Exception):
    """Another process does the account's work by now: nothing was written, and nothing may be."""


class Lease:
    """An account's lease, held. `keep()` must run beside the work."""

    def __init__(self, database: Database, account: str, fence: int, life: timedelta) -> None:
        self.database = database
        self.account = account
        self.fence = fence
        self._life = life
        self._until = _clock() + life.total_seconds()

    async def keep(self) -> None:
        """Renew until cancelled. Raises LostLease; PostgreSQL may be away for as long as the lease lasts."""
        while True:
            await asyncio.sleep(self._life.total_seconds() / 4)
            asked = _clock()
            try:
                async with self.database.connection() as connection:
                    kept = await connection.fetchval(
                        "UPDATE stockx_poller.accounts SET lease_until = now() + $3 "
                        "WHERE account = $1 AND fence = $2 RETURNING true",
                        self.account,
                        self.fence,
                        self._life,
                    )
            except DatabaseAway as error:
                log.warning("the lease cannot be renewed", account=self.account, error=str(error))
                continue
            if not kept:
                raise LostLease(f"{self.account} has another holder")
            self._until = asked + self._life.total_seconds()

    def check(self, seconds: float = 0.0) -> None:
        """Raise LostLease unless the lease lasts for so long: before a write is sent."""
        if self._until - _clock() < seconds:
            raise LostLease(f"the lease of {self.account} ends too soon")

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[Connection]:
        """A transaction in which nobody else can take the lease. Raises LostLease, DatabaseAway."""
        async with self.database.transaction() as connection:
            held = await connection.fetchval(
                "SELECT true FROM stockx_poller.accounts WHERE account = $1 AND fence = $2 FOR SHARE",
                self.account,
                self.fence,
            )
            if not held:
                raise LostLease(f"{self.account} has another holder")
            yield connection

    async def release(self) -> None:
        """Let it go, so that nobody need wait for its end."""
        async with self.database.connection() as connection:
            await connection.execute(
                "UPDATE stockx_poller.accounts SET lease_until = '-infinity' WHERE account = $1 AND fence = $2",
                self.account,
                self.fence,
            )


async def claim(database: Database, account: str, owner: str, life: timedelta) -> Lease | None:
    """Take the account's lease if nobody has it. Writes that its last holder was about to send become doubtful."""
    async with database.transaction() as connection:
        await connection.execute(
            "INSERT INTO stockx_poller.accounts (account) VALUES ($1) ON CONFLICT DO NOTHING", account
        )
        fence = await connection.fetchval(
            "UPDATE stockx_poller.accounts SET owner = $2, fence = fence + 1, lease_until = now() + $3 "
            "WHERE account = $1 AND lease_until < now() RETURNING fence",
            account,
            owner,
            life,
        )
        if fence is None:
            return None
        for table in ("operations", "batches"):
            await connection.execute(
                f"UPDATE stockx_poller.{table} SET status = 'doubtful', next_at = now() "  # noqa: S608  (our own names)
                "WHERE account = $1 AND status = 'sending'",
                account,
            )
    return Lease(database, account, int(fence), life)


def _clock() -> float:
    return asyncio.get_running_loop().time()
