"""Runs that begin by themselves: each account's inventory and offers, so often. One replica decides at a time."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from libs.db.locks import lock_in_transaction
from libs.db.pool import Database
from libs.polling.timetable import look_until
from libs.telemetry.log import get_logger
from services.ebay_sync.config import Account
from services.ebay_sync.run import Kind, Mode
from services.ebay_sync.runs import AlreadyRuns, Runs
from services.ebay_sync.worker import Worker

log = get_logger()


class Schedule:
    """Begins incremental runs when they are due, and forgets old ones. A run that was begun by hand counts as well."""

    def __init__(
        self,
        runs: Runs,
        database: Database,
        worker: Worker,
        accounts: tuple[Account, ...],
        every: Mapping[Kind, timedelta],
        keep: timedelta,
    ) -> None:
        self._runs = runs
        self._database = database
        self._worker = worker
        self._accounts = accounts
        self._every = every
        self._keep = keep

    async def work(self, stop: asyncio.Event) -> None:
        """Look every few seconds, until `stop`."""
        await look_until(stop, self.look)

    async def look(self) -> None:
        """Begin what is due now. Raises DatabaseAway."""
        await self._runs.forget(self._keep)
        if not self._every:
            return
        async with self._database.transaction() as connection:
            await lock_in_transaction(connection, "ebay_sync schedule")  # until the runs below are begun
            for account in self._accounts:
                for kind, every in self._every.items():
                    if await self._due(account, kind, every):
                        await self._begin(account, kind)

    async def _due(self, account: Account, kind: Kind, every: timedelta) -> bool:
        newest = await self._runs.newest([account.account], kind, 1)
        return not newest or (not newest[0].active and newest[0].created_at + every <= datetime.now(UTC))

    async def _begin(self, account: Account, kind: Kind) -> None:
        try:
            run = await self._runs.start(kind, Mode.INCREMENTAL, account.account, account.user_id, "schedule")
        except AlreadyRuns:
            return
        log.info("scheduled", run_id=run.run_id, account=account.account)
        self._worker.wake()
