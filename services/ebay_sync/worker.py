"""Runs are taken, done, and ended; those whose process died are taken up again.

| what happens to a run                           | its fate                                                     |
|-------------------------------------------------|--------------------------------------------------------------|
| it goes to its end                              | completed                                                    |
| STOP                                            | stopped, at the next checkpoint                              |
| eBay refuses the account, or puts it off for too long | failed, with the reason                                |
| Kafka or PostgreSQL is away                     | let go; taken up again some seconds later, from its place    |
| this process stops                              | let go; taken up at once by another, from its place          |
| this process dies                               | taken up by another when the lease is over, from its place   |
| a defect                                        | failed, logged with its trace                                |
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

from libs.bus.publisher import NotPublished
from libs.db.errors import DatabaseAway, NotMigrated
from libs.db.pool import Database
from libs.http.errors import ApiError
from libs.telemetry.log import get_logger
from services.ebay_sync import lines
from services.ebay_sync.inventory import sync_inventory
from services.ebay_sync.journal import Journal, LostLease, Stopped
from services.ebay_sync.offers import sync_offers
from services.ebay_sync.run import Kind, Run, Status
from services.ebay_sync.runs import Runs
from services.ebay_sync.work import Work

log = get_logger()

LOOK_SECONDS = 1.0
PAUSE = timedelta(seconds=3)
MOST_HOLDERS = 25
"""A run that so many processes have begun and none has ended is the reason why they die."""

SYNCS: Mapping[Kind, Callable[[Work], Awaitable[None]]] = {Kind.INVENTORY: sync_inventory, Kind.OFFERS: sync_offers}

Prepare = Callable[[Run, Journal], Work]


class Worker:
    """Does this process's share of the runs."""

    def __init__(
        self,
        runs: Runs,
        database: Database,
        prepare: Prepare,
        *,
        owner: str,
        accounts: tuple[str, ...],
        most: int,
        lease: timedelta,
    ) -> None:
        self._runs = runs
        self._database = database
        self._prepare = prepare
        self._owner = owner
        self._accounts = accounts
        self._most = most
        self._lease = lease
        self._wake = asyncio.Event()
        self._journals: dict[str, Journal] = {}

    def wake(self) -> None:
        """There is a new run."""
        self._wake.set()

    def stop_run(self, run_id: str) -> None:
        """STOP was pressed: tell it to the run at once if it is done here."""
        if journal := self._journals.get(run_id):
            journal.stop()

    async def work(self, stop: asyncio.Event) -> None:
        """Take runs until `stop`; those in hand are then let go."""
        tasks: set[asyncio.Task[None]] = set()
        stopping = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set():
                self._wake.clear()
                while len(tasks) < self._most and (run := await self._claimed()):
                    tasks.add(asyncio.create_task(self._do(run), name=run.run_id))
                woken = asyncio.create_task(self._wake.wait())
                await asyncio.wait({stopping, woken, *tasks}, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                woken.cancel()
                tasks = {task for task in tasks if not task.done()}
        finally:
            stopping.cancel()
            for task in tasks:
                task.cancel()
            if tasks:
                await asyncio.wait(tasks)

    async def _claimed(self) -> Run | None:
        try:
            return await self._runs.claim(self._owner, self._accounts, self._lease)
        except (DatabaseAway, NotMigrated) as error:
            log.warning("no runs can be taken", error=str(error))
            return None

    async def _do(self, run: Run) -> None:
        journal = Journal(self._database, run, self._lease)
        self._journals[run.run_id] = journal
        keeping = asyncio.create_task(journal.keep(), name=f"journal of {run.run_id}")
        doing = asyncio.create_task(self._done(run, journal), name=f"work of {run.run_id}")
        try:
            await asyncio.wait({keeping, doing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if self._journals.get(run.run_id) is journal:  # else this process has taken the run up again meanwhile
                del self._journals[run.run_id]
            for task in (doing, keeping):
                task.cancel()
            results = await asyncio.gather(doing, keeping, return_exceptions=True)
            errors = [one for one in results if isinstance(one, Exception)]
            # Also when this process stops: the run need not wait for the end of its lease.
            await self._let_go(run, errors[0] if errors else None, ended=not doing.cancelled())

    async def _let_go(self, run: Run, error: Exception | None, *, ended: bool) -> None:
        if error is None and ended:
            return
        if isinstance(error, LostLease):
            log.warning("a run was taken over by another process", run_id=run.run_id)
            return
        if error is not None and not isinstance(error, DatabaseAway | NotPublished):
            log.error("a defect in a run's journal", run_id=run.run_id, exc_info=error)
        try:
            await self._runs.release(run, PAUSE if error else timedelta(0))
        except DatabaseAway as away:
            log.warning("a run will be taken up when its lease is over", run_id=run.run_id, error=str(away))

    async def _done(self, run: Run, journal: Journal) -> None:
        """Do the run and write its end. What passes by itself is raised; so is the loss of the run."""
        log.info("run", run_id=run.run_id, kind=run.kind, mode=run.mode, account=run.account, holder=run.fence)
        try:
            work = self._prepare(run, journal)
            if run.fence == 1:
                journal.say("start", lines.starting(run.kind, work.environment))
                journal.say("info", lines.CONFIGURATION[run.kind])
            else:
                journal.say("warning", lines.resumed(run.kind, run.fence))
            await journal.write()
            journal.check()
            _refuse_a_killer(run)
            await SYNCS[run.kind](work)
            await journal.write(ended=Status.COMPLETED)
        except Stopped:
            journal.say("stopped", lines.stopped(run.kind, journal.counts))
            await journal.write(ended=Status.STOPPED)
        except (LostLease, DatabaseAway, NotPublished):
            raise
        except ApiError as error:
            journal.say("error", lines.failed(run.kind, str(error)))
            await journal.write(ended=Status.FAILED, error=str(error)[:1000])
        except Exception as error:
            log.exception("a run failed by a defect", run_id=run.run_id)
            told = f"an error of ours ({type(error).__name__}); our log tells more under {run.run_id}"
            journal.say("error", lines.failed(run.kind, told))
            await journal.write(ended=Status.FAILED, error=told)
        log.info("run ended", run_id=run.run_id, **journal.counts.model_dump())


def _refuse_a_killer(run: Run) -> None:
    if run.fence > MOST_HOLDERS:
        raise RuntimeError(f"{MOST_HOLDERS} processes have begun this run, and none has come to its end")
