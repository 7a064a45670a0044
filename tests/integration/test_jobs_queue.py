"""The job queue on a real PostgreSQL: order, locks, ends, and what who lost his lock can still do (nothing)."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from libs.db.errors import DatabaseAway, NotMigrated
from libs.db.pool import Database
from libs.jobs import Failed, Finish, Job, JobQueue, LockLost, NewJob, Released, Retry, Status, Succeeded
from libs.jobs.queue import MAX_LOST_LOCKS
from tests.integration.jobs import open_queue, row, run_out

ERROR = {"http_status": 403, "code": "PolicyAgent", "msg": "blocked"}


@pytest.fixture
async def queue(database_url: str) -> AsyncIterator[JobQueue]:
    async with open_queue(database_url) as opened:
        yield opened


def search(**fields: object) -> NewJob:
    return NewJob("search", {"query_text": "iphone 15"}, **fields)  # type: ignore[arg-type]  # a test's shorthand


async def taken(queue: JobQueue, who: str = "a", most: int = 1, types: list[str] | None = None) -> list[Job]:
    return await queue.dequeue(who, lock_seconds=60, most=most, types=types)


async def one(queue: JobQueue, who: str = "a") -> Job:
    (job,) = await taken(queue, who)
    return job


async def resumed(queue: JobQueue, who: str) -> Job | None:
    async with queue.database.transaction() as connection:
        return await queue.dequeue_or_resume_in(connection, who, lock_seconds=60)


async def test_a_job_is_given_out_as_it_came_in(queue: JobQueue) -> None:
    payload = {"site_id": "MLM", "filters_json": {"offset": 0, "price": 12.5}, "empty": None, "letter": "ñ 🦊"}
    (made,) = await queue.enqueue(NewJob("search", payload, priority=7, max_attempts=3))
    began = datetime.now(UTC)
    job = await one(queue, "worker")
    assert (job.job_id, job.job_type, job.payload, job.priority) == (made.job_id, "search", payload, 7)
    assert (job.attempts, job.max_attempts, job.locked_by) == (0, 3, "worker")
    assert timedelta(seconds=50) < job.locked_until - began < timedelta(seconds=70)
    assert (await row(queue, job.job_id))["status"] == Status.PROCESSING


async def test_the_order_is_priority_then_availability_then_age(queue: JobQueue) -> None:
    jobs = [search(priority=100), search(priority=5), search(priority=100), search(priority=5), search(priority=-1)]
    ids = [made.job_id for made in await queue.enqueue(*jobs)]
    async with queue.database.connection() as connection:
        await connection.execute("UPDATE ops.jobs SET available_at = now() - interval '1 hour' WHERE id = $1", ids[3])
    assert [job.job_id for job in await taken(queue, most=10)] == [ids[4], ids[3], ids[1], ids[0], ids[2]]


async def test_a_delayed_job_waits_whatever_its_priority(queue: JobQueue) -> None:
    late, now = await queue.enqueue(search(priority=1, delay_seconds=3600), search(priority=100))
    assert [job.job_id for job in await taken(queue, most=10)] == [now.job_id]
    async with queue.database.connection() as connection:
        await connection.execute("UPDATE ops.jobs SET available_at = now() WHERE id = $1", late.job_id)
    assert (await one(queue)).job_id == late.job_id


async def test_queues_and_types_are_kept_apart(queue: JobQueue) -> None:
    other = JobQueue(queue.database, "another")
    await other.enqueue(NewJob("search", {}))
    search_job, enrich_job = await queue.enqueue(NewJob("search", {}), NewJob("enrich", {}))
    assert [job.job_id for job in await taken(queue, most=10, types=["enrich", "score"])] == [enrich_job.job_id]
    assert [job.job_id for job in await taken(queue, most=10)] == [search_job.job_id]


async def test_no_two_workers_get_the_same_job(queue: JobQueue) -> None:
    ids = {made.job_id for made in await queue.enqueue(*[search() for _ in range(200)])}

    async def drain(who: str) -> list[int]:
        mine: list[int] = []
        while jobs := await taken(queue, who, most=7):
            mine += [job.job_id for job in jobs]
        return mine

    found = [job_id for mine in await asyncio.gather(*(drain(f"w{n}") for n in range(8))) for job_id in mine]
    assert len(found) == len(set(found))
    assert set(found) == ids


async def test_a_lost_lock_is_taken_over_in_its_old_place(queue: JobQueue) -> None:
    first, second = await queue.enqueue(search(), search())
    assert (await one(queue, "dead")).job_id == first.job_id
    assert [job.job_id for job in await taken(queue, "b", most=1)] == [second.job_id]
    assert await taken(queue, "b") == []
    await run_out(queue, first.job_id)
    again = await one(queue, "b")
    assert (again.job_id, again.locked_by, again.attempts, again.lock_no) == (first.job_id, "b", 0, 2)
    assert (await row(queue, first.job_id))["lost_locks"] == 1


async def test_who_lost_his_lock_finishes_nothing(queue: JobQueue) -> None:
    await queue.enqueue(search())
    old = await one(queue, "old")
    await run_out(queue, old.job_id)
    new = await one(queue, "new")
    for outcome in (Succeeded(), Retry(ERROR, 1), Failed(ERROR), Released()):
        with pytest.raises(LockLost, match=f"job {old.job_id} is not locked by old any more"):
            await queue.finish(old, outcome)
    assert await queue.extend("old", [old], lock_seconds=60) == [old]
    await queue.finish(new)
    assert (await row(queue, old.job_id))["status"] == Status.SUCCEEDED


async def test_the_same_name_does_not_pass_the_fence(queue: JobQueue) -> None:
    await queue.enqueue(search())
    before = await resumed(queue, "ml_worker_01")
    after = await resumed(queue, "ml_worker_01")
    assert before is not None
    assert after is not None
    assert after.job_id == before.job_id
    assert await resumed(queue, "ml_worker_02") is None
    with pytest.raises(LockLost):
        await queue.finish(before)
    await queue.finish(after)


async def test_a_late_worker_whose_job_nobody_took_finishes_it(queue: JobQueue) -> None:
    await queue.enqueue(search())
    job = await one(queue)
    await run_out(queue, job.job_id)
    await queue.finish(job)
    assert (await row(queue, job.job_id))["status"] == Status.SUCCEEDED


async def test_a_failed_run_waits_counts_and_ends(queue: JobQueue) -> None:
    (made,) = await queue.enqueue(search(max_attempts=2))
    await queue.finish(await one(queue), Retry(ERROR, backoff_seconds=300))
    found = await row(queue, made.job_id)
    assert (found["status"], found["attempts"], found["locked_by"], found["locked_until"]) == ("retry", 1, None, None)
    assert timedelta(seconds=290) < found["available_at"] - datetime.now(UTC) < timedelta(seconds=310)
    assert await taken(queue) == []
    async with queue.database.connection() as connection:
        await connection.execute("UPDATE ops.jobs SET available_at = now()")
    last = await one(queue)
    assert last.last_attempt
    await queue.finish(last, Retry(ERROR, 0))
    found = await row(queue, made.job_id)
    assert (found["status"], found["attempts"]) == ("failed_permanent", 2)
    assert await taken(queue) == []


async def test_a_run_that_was_told_to_wait_is_no_attempt(queue: JobQueue) -> None:
    (made,) = await queue.enqueue(search(max_attempts=1))
    await queue.finish(await one(queue), Retry(ERROR, 300, counts=False))
    found = await row(queue, made.job_id)
    assert (found["status"], found["attempts"], json.loads(found["last_error"])) == ("pending", 0, ERROR)
    assert timedelta(seconds=290) < found["available_at"] - datetime.now(UTC) < timedelta(seconds=310)
    assert await taken(queue) == []


async def test_a_permanent_failure_and_a_release(queue: JobQueue) -> None:
    failed, released = await queue.enqueue(search(), search())
    jobs = {job.job_id: job for job in await taken(queue, most=2)}
    finishes = [Finish(jobs[failed.job_id], Failed(ERROR)), Finish(jobs[released.job_id], Released())]
    assert await queue.settle("a", finishes) == []
    assert (await row(queue, failed.job_id))["status"] == "failed_permanent"
    found = await row(queue, released.job_id)
    assert (found["status"], found["attempts"], found["last_error"]) == ("pending", 0, None)
    assert (await one(queue, "b")).job_id == released.job_id


async def test_an_exchange_ends_and_begins(queue: JobQueue) -> None:
    await queue.enqueue(*[search() for _ in range(5)])
    first = await queue.exchange("a", (), lock_seconds=60, most=3)
    assert (len(first.jobs), first.more) == (3, True)
    await run_out(queue, first.jobs[0].job_id)
    stolen = await one(queue, "thief")
    second = await queue.exchange("a", [Finish(job) for job in first.jobs], lock_seconds=60, most=3)
    assert stolen.job_id == first.jobs[0].job_id
    assert second.lost == [first.jobs[0]]
    assert (len(second.jobs), second.more) == (2, False)
    assert await queue.counts() == {"search": {Status.SUCCEEDED: 2, Status.PROCESSING: 3}}


async def test_a_job_that_kills_its_workers_comes_to_an_end(queue: JobQueue) -> None:
    (made,) = await queue.enqueue(search())
    for _ in range(MAX_LOST_LOCKS):
        await run_out(queue, (await one(queue, "victim")).job_id)
    (after,) = await queue.enqueue(search())
    given = await resumed(queue, "b")
    assert given is not None
    assert given.job_id == after.job_id  # the one that is given up does not hide the next
    found = await row(queue, made.job_id)
    assert (found["status"], found["attempts"], found["locked_by"]) == ("failed_permanent", 1, None)
    assert '"code": "LockLost"' in found["last_error"]


async def test_one_unfinished_job_per_dedupe_key(queue: JobQueue) -> None:
    same = NewJob("enrich", {"item_id": "MLM1"}, dedupe_key="enrich:MLM1")
    answers = await queue.enqueue(same, search(), same, NewJob("enrich", {}, dedupe_key="enrich:MLM2"))
    assert [answer.created for answer in answers] == [True, True, False, True]
    assert answers[0].job_id == answers[2].job_id
    assert len({answer.job_id for answer in answers}) == 3
    (again,) = await queue.enqueue(same)
    assert (again.job_id, again.created) == (answers[0].job_id, False)
    await queue.finish(await one(queue))
    (fresh,) = await queue.enqueue(same)
    assert fresh.created
    assert fresh.job_id != answers[0].job_id


async def test_batches_with_the_same_keys_do_not_lock_each_other_out(queue: JobQueue) -> None:
    keys = [f"k{n:03}" for n in range(60)]
    batches = [keys, keys[::-1], keys[20:] + keys[:20]] * 3
    jobs = [[NewJob("enrich", {}, dedupe_key=key) for key in batch] for batch in batches]
    answers = await asyncio.gather(*(queue.enqueue(*batch) for batch in jobs))
    assert sum(answer.created for batch in answers for answer in batch) == len(keys)


async def test_jobs_come_and_end_with_the_callers_transaction(queue: JobQueue) -> None:
    class Broken(Exception):
        pass

    async def broken_off(job: Job | None) -> None:
        async with queue.database.transaction() as connection:
            await queue.enqueue_in(connection, [NewJob("enrich", {})])
            if job is not None:
                await queue.finish_in(connection, job)
            raise Broken

    with pytest.raises(Broken):
        await broken_off(None)
    assert await taken(queue) == []
    await queue.enqueue(search())
    job = await one(queue)
    with pytest.raises(Broken):
        await broken_off(job)
    assert await queue.counts() == {"search": {Status.PROCESSING: 1}}


async def test_what_cannot_be_stored_is_refused_or_told_otherwise(queue: JobQueue) -> None:
    with pytest.raises(ValueError, match=r"the payload of a 'search' job cannot be stored as JSON: .*NUL"):
        await queue.enqueue(NewJob("search", {"text": "a\0b"}))
    with pytest.raises(ValueError, match="cannot be stored as JSON"):
        await queue.enqueue(NewJob("search", {"what": object()}))
    await queue.enqueue(NewJob("search", {"text": r"a\u0000b"}))  # a backslash and letters: no NUL
    await queue.finish(await one(queue), Failed({"code": "X", "msg": "a\0b \ud800"}))
    assert await queue.counts() == {"search": {Status.FAILED_PERMANENT: 1}}


async def test_many_delayed_jobs_do_not_slow_a_dequeue(queue: JobQueue) -> None:
    """The plan, not the clock: delayed jobs of better priority are passed over in the index, not read one by one."""
    await queue.enqueue(*[search(priority=n % 3, delay_seconds=3600) for n in range(6000)], search(priority=50))
    async with queue.database.connection() as connection:
        await connection.execute("VACUUM ANALYZE ops.jobs")
        version = await connection.fetchval("SELECT current_setting('server_version_num')::int")
        plan = "\n".join(
            line[0]
            for line in await connection.fetch(
                "EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) SELECT id FROM ops.jobs WHERE queue = 'tests' "
                "AND status IN ('pending', 'retry') AND available_at <= now() "
                "ORDER BY priority, available_at, id LIMIT 1"
            )
        )
    assert "jobs_waiting" in plan, plan
    assert "Seq Scan" not in plan, plan
    if version >= 180_000:  # skip scans
        assert "Rows Removed by Filter" not in plan, plan


async def test_a_database_that_is_not_migrated_or_away_is_said_to_be(unmigrated_url: str) -> None:
    async with Database(unmigrated_url, application="tests") as bare:
        with pytest.raises(NotMigrated, match="sellstream db migrate"):
            await JobQueue(bare, "q").enqueue(search())
    nowhere = unmigrated_url.rpartition("@")[0] + "@127.0.0.1:1/nothing"
    async with Database(nowhere, application="tests") as away:
        with pytest.raises(DatabaseAway):
            await JobQueue(away, "q").dequeue("a", lock_seconds=1)
