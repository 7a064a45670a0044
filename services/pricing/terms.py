"""Terms: of all processes of pricing one works, with tables that it read from their changelogs; the others stand by.

Faust does not stop what is at work when partitions are given out anew, and recovers tables over what is written then.
So nothing is shared and nothing is carried over: a term begins with a new application and empty tables, and ends when
the lock is lost or the group gives out its partitions again (decision 0023).
"""

import asyncio
from collections.abc import Callable

from libs.db.election import elected, until_elected, until_lost
from libs.db.errors import DatabaseAway
from libs.db.pool import Connection, Database
from libs.telemetry.log import get_logger
from services.pricing.worker import Worker

log = get_logger()

_PAUSE_SECONDS = 1.0


class Terms:
    """The worker of the service: stands by, works, and stands by again."""

    def __init__(self, database: Database, lock: str, worker: Callable[[], Worker]) -> None:
        self._database = database
        self._lock = lock
        self._new_worker = worker
        self._worker: Worker | None = None
        self._standing_by = False

    async def run(self, stop: asyncio.Event) -> None:
        """Until the event is set. Raises what a worker could not go on with; its batch is not acknowledged."""
        while not stop.is_set():
            term: asyncio.Task[None] | None = None
            try:
                async with self._database.own_connection(self._lock) as connection:
                    if await self._until_elected(connection, stop):
                        term = await self._until_over(connection, stop)
            except DatabaseAway as error:
                log.warning("pricing waits", reason=str(error), seconds=_PAUSE_SECONDS)
                await asyncio.sleep(_PAUSE_SECONDS)
            if term is not None:
                term.result()

    async def check(self) -> None:
        """Raise while the tables are being recovered, or the work is halted: for readiness.

        Who stands by is ready: to answer, and to work.
        """
        if self._worker is not None:
            await self._worker.check()
        elif not self._standing_by:
            raise RuntimeError("it is not known yet who works")

    async def reprice(self, listing_id: int) -> None:
        """Propose for a listing whose rule was changed, if the work is ours; else who works finds the change."""
        if self._worker is not None:
            await self._worker.reprice({listing_id})

    async def _until_elected(self, connection: Connection, stop: asyncio.Event) -> bool:
        if await elected(connection, self._lock):
            return True
        log.info("pricing stands by: another process works")
        self._standing_by = True
        waiting, stopped = asyncio.create_task(until_elected(connection, self._lock)), asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({waiting, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
            stopped.cancel()
            await asyncio.wait({waiting})
            self._standing_by = False
        if waiting.cancelled():
            return False
        waiting.result()
        return True

    async def _until_over(self, connection: Connection, stop: asyncio.Event) -> asyncio.Task[None]:
        """Work until the lock is lost, the partitions are given out anew, or the event is set; the ended work."""
        over = asyncio.Event()
        self._worker = self._new_worker()
        work = asyncio.create_task(self._worker.run(over))
        ends = {asyncio.create_task(stop.wait()), asyncio.create_task(until_lost(connection))}
        try:
            await asyncio.wait({work, *ends}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            over.set()
            for end in ends:
                end.cancel()
            await asyncio.wait({work, *ends})
            self._worker = None
        log.info("a term of pricing is over", stopping=stop.is_set())
        return work
