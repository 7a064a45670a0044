"""A worker: locks jobs, runs their handlers side by side, and writes their ends down in batches.

One task talks to the table. While its round trip is under way, ends gather; the next round trip takes them all and
brings as many new jobs as there is room for. So a busy worker needs one commit for many jobs, and an idle one only
listens.
"""

import asyncio
import heapq
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from time import perf_counter
from typing import Final

from prometheus_client import Counter, Histogram

from libs.db.errors import DatabaseAway
from libs.jobs.depth import count_open
from libs.jobs.failures import tell_failure
from libs.jobs.job import Failed, Finish, Job, JobFailed, Outcome, Released, Retry, RetryJob, Succeeded
from libs.jobs.queue import JobQueue, LockLost
from libs.jobs.settings import WorkerSettings
from libs.jobs.wake import listen
from libs.telemetry.log import get_logger
from libs.telemetry.metrics import JOBS_DURATION, JOBS_RUNS

log = get_logger()

CANCEL_SECONDS = 2.0


class Settled(Enum):
    """A handler's answer that it has ended the job itself, in the transaction of its results (`finish_in`)."""

    SETTLED = "settled"


SETTLED: Final = Settled.SETTLED

Handler = Callable[[Job], Awaitable[Settled | None]]
"""Does a job. Returning: it succeeded. RetryJob: later again. JobFailed: never again. LockLost: it is another's now.
Any other exception is a defect or an outage: later again. It may run twice (a worker can die after the work and before
the end is written), so its effects must be fit for that, or be committed together with the end (`SETTLED`)."""


@dataclass(slots=True)
class _Run:
    job: Job
    task: asyncio.Task[None] | None = None
    lost: bool = False


class Worker:
    """Runs the jobs of the given handlers' types. `locked_by` becomes unique by an addition for each worker."""

    def __init__(self, queue: JobQueue, handlers: Mapping[str, Handler], settings: WorkerSettings) -> None:
        self._queue = queue
        self._handlers = handlers
        self._settings = settings
        self.locked_by = f"{settings.locked_by}:{secrets.token_hex(4)}"
        self._waiting: list[tuple[int, int, Job]] = []  # a heap: what is locked beyond `concurrency`, by priority
        self._held: dict[int, _Run] = {}
        self._running = 0
        self._finished: list[Finish] = []
        self._labelled: dict[tuple[str, str], tuple[Counter, Histogram]] = {}
        self._look = True
        self._look_for_lost = True
        self._changed = asyncio.Event()

    async def run(self, stop: asyncio.Event, *, drain: bool = False) -> None:
        """Work until the event is set; then finish what runs, and give back what does not end in time.

        `drain`: also until there is nothing more that could be begun now.
        """
        async with asyncio.TaskGroup() as group:
            beside = [
                group.create_task(work)
                for work in (
                    listen(
                        self._queue.database, self._queue.name, self._wake, retry_seconds=self._settings.sleep_error
                    ),
                    self._look_slowly(),
                    self._extend_locks(),
                    self._tell_of(stop),
                    count_open(self._queue, self._handlers),
                )
            ]
            try:
                await self._work(stop, drain=drain)
                await self._end()
            finally:
                self._waiting.clear()
                for task in [*beside, *(run.task for run in self._held.values() if run.task)]:
                    task.cancel()

    async def _work(self, stop: asyncio.Event, *, drain: bool) -> None:
        while not stop.is_set():
            self._changed.clear()
            room = self._settings.concurrency + self._settings.prefetch - len(self._held)
            if self._finished or (self._look and room > 0):
                await self._exchange(room if self._look else 0)
            elif drain and not self._held and not self._look:
                return
            else:
                await self._changed.wait()

    async def _exchange(self, room: int) -> None:
        finished, self._finished = self._finished, []
        if room > 0:
            self._look = False  # a notice that comes from now on sets it again
        try:
            if self._look_for_lost:
                await self._queue.give_back()
                self._look_for_lost = False
            got = await self._queue.exchange(
                self.locked_by,
                finished,
                lock_seconds=self._settings.lock_seconds,
                most=room,
                types=self._handlers,
            )
        except DatabaseAway as error:
            self._finished[:0] = finished
            self._look = True
            log.warning("jobs: PostgreSQL is away", queue=self._queue.name, error=str(error))
            await asyncio.sleep(self._settings.sleep_error)
            return
        self._tell_lost(got.lost)
        self._look = self._look or (room > 0 and got.more)
        for job in got.jobs:
            self._held[job.job_id] = _Run(job)
            heapq.heappush(self._waiting, (job.priority, job.job_id, job))
        self._start()

    def _start(self) -> None:
        while self._waiting and self._running < self._settings.concurrency:
            job = heapq.heappop(self._waiting)[2]
            run = self._held.get(job.job_id)
            if run is None or run.job is not job:
                continue  # its lock was lost while it waited
            self._running += 1
            run.task = asyncio.create_task(self._run(run), name=f"job {job.job_id}")

    async def _run(self, run: _Run) -> None:
        job = run.job
        began = perf_counter()
        outcome: Outcome | None
        try:
            outcome = await self._outcome(job)
        except asyncio.CancelledError:
            outcome = None if run.lost else Released()
        finally:
            self._running -= 1
            if self._held.get(job.job_id) is run:
                del self._held[job.job_id]
        if outcome is not None:
            self._finished.append(Finish(job, outcome))
        told = "lost" if run.lost else "settled" if outcome is None else type(outcome).__name__.lower()
        count, duration = self._metrics(job.job_type, told)
        count.inc()
        duration.observe(perf_counter() - began)
        self._start()
        self._changed.set()

    def _metrics(self, job_type: str, told: str) -> tuple[Counter, Histogram]:
        """The labelled metrics, looked up once: for jobs of microseconds the look-up is a tenth of their time."""
        known = self._labelled.get((job_type, told))
        if known is None:
            known = (
                JOBS_RUNS.labels(self._queue.name, job_type, told),
                JOBS_DURATION.labels(self._queue.name, job_type),
            )
            self._labelled[job_type, told] = known
        return known

    async def _outcome(self, job: Job) -> Outcome | None:
        """None: there is nothing to write down."""
        try:
            answer = await self._handlers[job.job_type](job)
        except RetryJob as error:
            return self._retry(job, error.error, error.after_seconds, counts=error.counts)
        except JobFailed as error:
            failed = Failed(error.error)
            tell_failure(job, failed)
            return failed
        except LockLost as error:
            log.warning("job lost", job_id=job.job_id, job_type=job.job_type, error=str(error))
            return None
        except Exception as error:
            log.exception("job broke its handler", job_id=job.job_id, job_type=job.job_type, attempts=job.attempts)
            return self._retry(job, {"code": type(error).__name__, "msg": str(error)}, None)
        return None if answer is SETTLED else Succeeded()

    def _retry(
        self, job: Job, error: Mapping[str, object], after_seconds: float | None, *, counts: bool = True
    ) -> Retry:
        wait = self._settings.backoff.seconds(job.attempts + 1) if after_seconds is None else after_seconds
        retry = Retry(error, wait, counts)
        tell_failure(job, retry)
        return retry

    async def _end(self) -> None:
        """Let what runs end, give the rest back, and write it all down."""
        unbegun = {job.job_id for _, _, job in self._waiting}
        self._waiting.clear()
        for job_id in unbegun & self._held.keys():
            self._finished.append(Finish(self._held.pop(job_id).job, Released()))
        tasks = {run.task for run in self._held.values() if run.task}
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=self._settings.stop_grace_seconds)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=CANCEL_SECONDS)  # the lock of one that does not end runs out by itself
        if self._finished:
            try:
                self._tell_lost(await self._queue.settle(self.locked_by, self._finished))
            except DatabaseAway as error:
                log.warning("jobs: ends not written, they are done again", jobs=len(self._finished), error=str(error))

    async def _extend_locks(self) -> None:
        """The heartbeat: three a lock's time, so that two may fail."""
        while True:
            await asyncio.sleep(self._settings.lock_seconds / 3)
            held = [run.job for run in self._held.values()] + [one.job for one in self._finished]
            try:
                lost = await self._queue.extend(self.locked_by, held, lock_seconds=self._settings.lock_seconds)
            except DatabaseAway as error:
                log.warning("jobs: locks not extended", jobs=len(held), error=str(error))
                continue
            self._drop(lost)

    def _drop(self, lost: Iterable[Job]) -> None:
        """Stop working on what another worker has, or what was cancelled. What has just ended here is no matter."""
        for job in lost:
            run = self._held.get(job.job_id)
            if run is None or run.job is not job:
                continue
            log.warning("job lost", job_id=job.job_id, job_type=job.job_type, lock_no=job.lock_no)
            run.lost = True
            if run.task is None:
                del self._held[job.job_id]
            else:
                run.task.cancel()

    def _tell_lost(self, lost: Iterable[Job]) -> None:
        for job in lost:
            log.warning("job's end not written: it is another's", job_id=job.job_id, lock_no=job.lock_no)

    def _wake(self) -> None:
        self._look = True
        self._changed.set()

    async def _look_slowly(self) -> None:
        """For delayed jobs, for locks that ran out, and for a notice that was lost."""
        while True:
            await asyncio.sleep(self._settings.sleep_empty)
            self._look_for_lost = True
            self._wake()

    async def _tell_of(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._changed.set()
