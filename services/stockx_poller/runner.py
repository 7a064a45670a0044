"""One account's work, call by call: survey, decide, do, publish. Taken by one process; taken over when that one dies.

| what happens                                | then                                                                  |
|---------------------------------------------|-----------------------------------------------------------------------|
| limits, 429, an open circuit                | wait as long as is told, then go on                                   |
| 5xx, a timeout                              | the same, and what was asked for comes later than all else            |
| 401, 403                                    | the account is left alone for five minutes; the reason is told        |
| PostgreSQL or Kafka is away                 | the lease is let go; taken again, by whoever comes first              |
| another process holds the lease             | stand by, and look every second                                       |
| this process stops                          | the lease is let go at once                                           |
| a defect                                    | logged with its trace, the lease let go; for another to take |
"""

import asyncio
from collections.abc import Callable
from datetime import timedelta

from libs.bus.publisher import NotPublished
from libs.db.errors import DatabaseAway, NotMigrated
from libs.db.pool import Database
from libs.http.errors import ApiError, Blocked, Garbage, Later, NotFound, Refused, Unauthorized
from libs.marketplaces.stockx.errors import failed_there
from libs.telemetry.log import get_logger
from services.stockx_poller import batch_polling, doubts, listings, orders, outbox, polling, sending, states, unreadable
from services.stockx_poller.lease import Lease, LostLease, claim
from services.stockx_poller.pacing import stretch
from services.stockx_poller.putting_off import put_off
from services.stockx_poller.scheduler import Rules, next_call
from services.stockx_poller.situation import (
    Call,
    LookAtOperations,
    LookForDoubtful,
    PollBatch,
    PollListing,
    ReadStates,
    Refresh,
    Round,
    SendBatch,
    SendOne,
    Situation,
    Wait,
)
from services.stockx_poller.survey import Survey
from services.stockx_poller.work import Work

log = get_logger()

LOOK_SECONDS = 1.0
"""How often a process looks whether there is something to do, or a lease to take."""

HALT = timedelta(minutes=5)
_PAUSE = 1.0


class Runner:
    """Does an account's work for as long as it holds the lease."""

    def __init__(
        self,
        database: Database,
        account: str,
        owner: str,
        lease: timedelta,
        prepare: Callable[[Lease], Work],
        survey: Survey,
        rules: Rules,
    ) -> None:
        self._database = database
        self._account = account
        self._owner = owner
        self._lease = lease
        self._prepare = prepare
        self._survey = survey
        self._rules = rules
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """There is a new command."""
        self._wake.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Take the lease whenever it is free, and work, until `stop`."""
        stopping = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set():
                try:
                    lease = await claim(self._database, self._account, self._owner, self._lease)
                except (DatabaseAway, NotMigrated) as error:
                    log.warning("no lease can be taken", account=self._account, error=str(error))
                    lease = None
                if lease is not None:
                    await self._hold(lease, stopping)
                await self._rest(LOOK_SECONDS, stopping)
        finally:
            stopping.cancel()

    async def _hold(self, lease: Lease, stopping: "asyncio.Task[bool]") -> None:
        log.info("the account's work is taken", account=self._account, holder=lease.fence)
        working = asyncio.create_task(self._work(lease), name=f"work of {self._account}")
        keeping = asyncio.create_task(lease.keep(), name=f"lease of {self._account}")
        await asyncio.wait({working, keeping, stopping}, return_when=asyncio.FIRST_COMPLETED)
        for task in (working, keeping):
            task.cancel()
        for result in await asyncio.gather(working, keeping, return_exceptions=True):
            if isinstance(result, LostLease | DatabaseAway | NotPublished):
                log.warning("the account's work is let go", account=self._account, error=str(result))
            elif isinstance(result, Exception):
                log.error("a defect in an account's work", account=self._account, exc_info=result)
        try:
            await lease.release()
        except DatabaseAway as error:
            log.warning("the lease must run out by itself", account=self._account, error=str(error))

    async def _work(self, lease: Lease) -> None:
        work = self._prepare(lease)
        await _flush(work)
        wrote = doubted = False
        while True:
            self._wake.clear()
            surveyed = await self._survey.of(self._account, wrote_last=wrote, doubted_last=doubted)
            if surveyed.halted > 0:
                await self._rest(min(surveyed.halted, LOOK_SECONDS))
                continue
            work.stretch = self._stretch(surveyed.situation)
            call = next_call(surveyed.situation, self._rules)
            if isinstance(call, Wait):
                await self._rest(min(call.seconds, LOOK_SECONDS))
                continue
            wrote, doubted = isinstance(call, SendOne | SendBatch), isinstance(call, LookForDoubtful)
            try:
                await perform(work, call)
            except (Unauthorized, Blocked) as error:
                await self._halt(lease, error)
            except ApiError as error:
                await unreadable.keep_answer(lease, error)
                if failed_there(error):
                    await put_off(work, call)
                await self._wait(error)
            await _flush(work)

    def _stretch(self, situation: Situation) -> float:
        quotas, rules = situation.quotas, self._rules
        planned = len(situation.waiting) + len(situation.polls)
        return stretch(planned, quotas.requests, rules.reserve, quotas.day_ends_in, rules.packing.pace)

    async def _wait(self, error: ApiError) -> None:
        told = error.retry_after if isinstance(error, Later) and error.retry_after else timedelta(seconds=_PAUSE)
        log.warning("StockX is asked later", account=self._account, error=str(error), seconds=told.total_seconds())
        await asyncio.sleep(min(told.total_seconds(), 60.0))

    async def _halt(self, lease: Lease, error: ApiError) -> None:
        log.error("StockX refuses the account", account=self._account, error=str(error))
        async with lease.turn() as connection:
            await connection.execute(
                "UPDATE stockx_poller.accounts SET halted_until = now() + $2, halted_why = $3 WHERE account = $1",
                self._account,
                HALT,
                str(error)[:500],
            )

    async def _rest(self, seconds: float, *others: "asyncio.Task[bool]") -> None:
        woken = asyncio.create_task(self._wake.wait())
        try:
            await asyncio.wait({woken, *others}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            woken.cancel()


async def _flush(work: Work) -> None:
    await outbox.flush(work.lease, work.publisher)
    await unreadable.flush(work.lease, work.dead_letters)


async def perform(work: Work, call: Call) -> None:
    """Make a call and keep what it tells. Raises ApiError, LostLease, DatabaseAway."""
    match call:
        case SendOne():
            await sending.send_one(work, call)
        case SendBatch():
            await sending.send_batch(work, call)
        case LookForDoubtful():
            await doubts.look(work)
        case PollListing(listing_id):
            await polling.poll_listing(work, listing_id)
        case PollBatch(batch_no):
            await batch_polling.poll_batch(work, batch_no)
        case ReadStates():
            await states.read_states(work, call)
        case Refresh():
            await listings.refresh(work, call)
        case LookAtOperations(listing_id):
            await polling.look_at_operations(work, listing_id)
        case Round():
            await _round(work, call)


async def _round(work: Work, call: Round) -> None:
    """A page of a round. After an answer that tells nothing, the page is asked for again when the next round is due."""
    rounds = {
        Round.SWEEP: (listings.sweep, "sweep_at", work.timing.sweep),
        Round.ORDERS: (orders.poll_active, "orders_at", work.timing.orders),
        Round.HISTORY: (orders.poll_history, "history_at", work.timing.history),
    }
    read, column, every = rounds[call]
    try:
        await read(work)
    except (Garbage, NotFound, Refused) as error:
        log.warning("a page tells nothing", account=work.account, round=call, error=str(error))
        await unreadable.keep_answer(work.lease, error)
        async with work.lease.turn() as connection:
            await connection.execute(
                f"UPDATE stockx_poller.accounts SET {column} = now() + $2 WHERE account = $1",  # noqa: S608  (our own names)
                work.account,
                every,
            )
