"""The worker on a real PostgreSQL: woken, not polling; ends of all kinds; stopping; locks held, and locks lost."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

import pytest
from prometheus_client import REGISTRY

from libs.jobs import (
    SETTLED,
    Handler,
    Job,
    JobFailed,
    JobQueue,
    NewJob,
    RetryJob,
    Settled,
    Status,
    Worker,
    WorkerSettings,
)
from libs.jobs.depth import count_open
from tests.integration.jobs import open_queue, row, run_out

SECONDS = 20.0


@pytest.fixture
async def queue(database_url: str) -> AsyncIterator[JobQueue]:
    async with open_queue(database_url) as opened:
        yield opened


def settings(**given: object) -> WorkerSettings:
    """A worker that does not look by itself during a test, so that what it hears of was told."""
    return WorkerSettings(**{"sleep_empty": 600, "sleep_error": 0.05, "lock_seconds": 60, **given})  # type: ignore[arg-type]  # a test's shorthand


@asynccontextmanager
async def working(queue: JobQueue, handlers: Mapping[str, Handler], **given: object) -> AsyncIterator[Worker]:
    worker = Worker(queue, handlers, settings(**given))
    stop = asyncio.Event()
    task = asyncio.create_task(worker.run(stop))
    try:
        yield worker
    finally:
        stop.set()
        async with asyncio.timeout(SECONDS):
            await task


async def until(found: Callable[[], Awaitable[bool]], what: str) -> None:
    try:
        async with asyncio.timeout(SECONDS):
            while not await found():
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"not within {SECONDS} s: {what}") from None


async def until_status(queue: JobQueue, job_id: int, *wanted: Status) -> None:
    async def has() -> bool:
        return (await row(queue, job_id))["status"] in wanted

    await until(has, f"job {job_id} becomes {' or '.join(wanted)}")


async def do_nothing(_job: Job) -> None:
    return None


async def test_an_idle_worker_is_woken(queue: JobQueue) -> None:
    async with working(queue, {"search": do_nothing}):
        await asyncio.sleep(0.2)
        for _ in range(3):
            (made,) = await queue.enqueue(NewJob("search", {}))
            await until_status(queue, made.job_id, Status.SUCCEEDED)


async def test_a_delayed_job_is_found_by_the_slow_look(queue: JobQueue) -> None:
    async with working(queue, {"search": do_nothing}, sleep_empty=0.1):
        (made,) = await queue.enqueue(NewJob("search", {}, delay_seconds=0.3))
        await until_status(queue, made.job_id, Status.SUCCEEDED)
        found = await row(queue, made.job_id)
        assert found["updated_at"] >= found["available_at"]


async def test_each_end_is_written_down(queue: JobQueue) -> None:
    blocked = {"http_status": 403, "code": "PolicyAgent", "msg": "blocked"}

    async def handle(job: Job) -> Settled | None:
        match job.payload["do"]:
            case "retry":
                raise RetryJob(blocked)
            case "retry soon":
                raise RetryJob(blocked, after_seconds=5)
            case "fail":
                raise JobFailed(blocked)
            case "break":
                raise LookupError("no such thing")
            case "settle":
                async with queue.database.transaction() as connection:
                    await queue.finish_in(connection, job)
                return SETTLED
        return None

    ways = ("succeed", "retry", "retry soon", "fail", "break", "settle")
    made = await queue.enqueue(*[NewJob("search", {"do": way}) for way in ways])
    async with working(queue, {"search": handle}):
        for one in made:
            await until_status(queue, one.job_id, Status.SUCCEEDED, Status.RETRY, Status.FAILED_PERMANENT)
    found = {way: await row(queue, one.job_id) for way, one in zip(ways, made, strict=True)}
    assert {way: (one["status"], one["attempts"]) for way, one in found.items()} == {
        "succeed": ("succeeded", 0),
        "retry": ("retry", 1),
        "retry soon": ("retry", 1),
        "fail": ("failed_permanent", 1),
        "break": ("retry", 1),
        "settle": ("succeeded", 0),
    }
    assert json.loads(found["fail"]["last_error"]) == blocked
    assert json.loads(found["break"]["last_error"]) == {"code": "LookupError", "msg": "no such thing"}
    waits = {way: (found[way]["available_at"] - found[way]["updated_at"]).total_seconds() for way in found}
    assert 42 <= waits["retry"] <= 78
    assert waits["retry soon"] == 5


async def test_a_run_that_could_try_nothing_is_no_attempt(queue: JobQueue) -> None:
    runs = 0

    async def handle(_job: Job) -> None:
        nonlocal runs
        runs += 1
        if runs < 3:
            raise RetryJob({"code": "Away"}, 0.0, counts=False)

    (made,) = await queue.enqueue(NewJob("search", {}, max_attempts=1))
    async with working(queue, {"search": handle}, sleep_empty=0.1):
        await until_status(queue, made.job_id, Status.SUCCEEDED, Status.FAILED_PERMANENT)
    found = await row(queue, made.job_id)
    assert (runs, found["status"], found["attempts"]) == (3, "succeeded", 0)


async def test_no_more_at_once_than_allowed_and_the_urgent_first(queue: JobQueue) -> None:
    running, most, order = 0, 0, list[int]()

    async def handle(job: Job) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        order.append(job.priority)
        await asyncio.sleep(0.002)
        running -= 1

    await queue.enqueue(*[NewJob("search", {}, priority=n % 10) for n in range(60)])
    async with working(queue, {"search": handle}, concurrency=3, prefetch=9):
        await until(lambda: _ended(queue, 60), "60 jobs end")
    assert most == 3
    assert order == sorted(order)


async def _ended(queue: JobQueue, jobs: int) -> bool:
    counts = await queue.counts()
    return sum(number for of_type in counts.values() for status, number in of_type.items() if status.ended) == jobs


async def test_stopping_lets_jobs_end_and_gives_back_the_rest(queue: JobQueue) -> None:
    began = asyncio.Event()

    async def handle(job: Job) -> None:
        began.set()
        await asyncio.sleep(0.3 if job.payload["ends"] else 600)

    ends, hangs, waits = await queue.enqueue(
        NewJob("search", {"ends": True}), NewJob("search", {"ends": False}), NewJob("search", {"ends": True})
    )
    async with working(queue, {"search": handle}, concurrency=2, prefetch=1, stop_grace_seconds=1):
        await began.wait()
    assert (await row(queue, ends.job_id))["status"] == Status.SUCCEEDED
    for given_back in (hangs, waits):
        found = await row(queue, given_back.job_id)
        assert (found["status"], found["attempts"], found["locked_by"]) == ("pending", 0, None)


async def test_a_lock_is_held_for_as_long_as_the_job_takes(queue: JobQueue) -> None:
    runs = 0

    async def handle(_job: Job) -> None:
        nonlocal runs
        runs += 1
        await asyncio.sleep(1.5)

    (made,) = await queue.enqueue(NewJob("search", {}))
    async with (
        working(queue, {"search": handle}, lock_seconds=0.6, sleep_empty=0.1),
        working(queue, {"search": handle}, lock_seconds=0.6, sleep_empty=0.1),
    ):
        await until_status(queue, made.job_id, Status.SUCCEEDED)
    assert (runs, (await row(queue, made.job_id))["lock_no"]) == (1, 1)


async def test_work_on_a_lost_job_is_broken_off(queue: JobQueue) -> None:
    began, broken_off = asyncio.Event(), asyncio.Event()

    async def handle(_job: Job) -> None:
        began.set()
        try:
            await asyncio.sleep(600)
        except asyncio.CancelledError:
            broken_off.set()
            raise

    (made,) = await queue.enqueue(NewJob("search", {}))
    async with working(queue, {"search": handle}, lock_seconds=0.6):
        await began.wait()
        taken = []
        while not taken:  # its heartbeat may come between
            await run_out(queue, made.job_id)
            taken = await queue.dequeue("thief", lock_seconds=60)
        async with asyncio.timeout(SECONDS):
            await broken_off.wait()
    found = await row(queue, made.job_id)
    assert (found["status"], found["locked_by"]) == ("processing", "thief")
    await queue.finish(taken[0])


async def _listens(queue: JobQueue) -> bool:
    async with queue.database.connection() as connection:
        return bool(
            await connection.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                "AND application_name = $1 AND query LIKE 'LISTEN%'",
                f"jobs of {queue.name}",
            )
        )


async def test_lost_connections_are_replaced(queue: JobQueue) -> None:
    done = 0

    async def handle(_job: Job) -> None:
        nonlocal done
        done += 1

    async with working(queue, {"search": handle}):
        await until(lambda: _listens(queue), "the worker listens")
        async with queue.database.connection() as connection:
            killed = await connection.fetchval(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        assert killed >= 1
        await until(lambda: _listens(queue), "the worker listens again")
        (made,) = await queue.enqueue(NewJob("search", {}))
        await until_status(queue, made.job_id, Status.SUCCEEDED)
    assert done == 1


async def test_an_idle_worker_asks_nothing(queue: JobQueue) -> None:
    """Only the slow look asks, and here it does not come."""
    newest = (
        "SELECT max(query_start) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
        "AND backend_type = 'client backend'"
    )
    async with working(queue, {"search": do_nothing}), queue.database.own_connection("onlooker") as onlooker:
        await until(lambda: _listens(queue), "the worker listens")
        await asyncio.sleep(1)  # it looks once more then
        before = await onlooker.fetchval(newest)
        await asyncio.sleep(1)
        assert await onlooker.fetchval(newest) == before


async def test_open_jobs_are_counted(queue: JobQueue) -> None:
    def counted(job_type: str, status: Status) -> float | None:
        labels = {"queue": queue.name, "job_type": job_type, "status": status.value}
        return REGISTRY.get_sample_value("jobs_open", labels)

    async def has(pending: int, processing: int) -> bool:
        return (counted("deep", Status.PENDING), counted("deep", Status.PROCESSING)) == (pending, processing)

    await queue.enqueue(NewJob("deep", {}), NewJob("deep", {}), NewJob("other", {}, priority=200))
    (job,) = await queue.dequeue("w", lock_seconds=60)
    counting = asyncio.create_task(count_open(queue, ["deep"], every_seconds=0.02))
    try:
        await until(lambda: has(1, 1), "one waits, one is being done")
        assert counted("deep", Status.RETRY) == 0
        assert counted("other", Status.PENDING) is None
        await queue.finish(job)
        await until(lambda: has(1, 0), "what has ended is not counted")
    finally:
        counting.cancel()
