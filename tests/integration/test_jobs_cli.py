"""`sellstream jobs` on a real queue: what it shows, what it mends, and what it leaves alone."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from click.testing import Result
from typer.testing import CliRunner

from libs.jobs import Failed, Job, JobQueue, NewJob, Retry, Status
from services.ops.cli import app
from tests.integration.jobs import QUEUE, open_queue, row, run_out

BLOCKED = {"http_status": 403, "code": "PolicyAgent", "msg": "blocked \x1b[31m"}


@pytest.fixture
async def queue(database_url: str) -> AsyncIterator[JobQueue]:
    async with open_queue(database_url) as opened:
        yield opened


async def jobs(queue: JobQueue, *arguments: str, status: int = 0, typed: str | None = None) -> str:
    """The command in a thread of its own: it has an event loop of its own."""

    def invoke() -> Result:
        return CliRunner().invoke(app, ["jobs", *arguments], input=typed, env={"DATABASE_URL": queue.database.url})

    result = await asyncio.to_thread(invoke)
    assert result.exit_code == status, result.output
    return str(result.output)


async def failed(queue: JobQueue, **fields: object) -> int:
    (made,) = await queue.enqueue(NewJob("search", {"q": "a"}, **fields))  # type: ignore[arg-type]  # a test's shorthand
    await queue.finish(await one(queue), Failed(BLOCKED))
    return made.job_id


async def one(queue: JobQueue) -> Job:
    (job,) = await queue.dequeue("worker", lock_seconds=60)
    return job


async def test_it_shows_where_jobs_stand(queue: JobQueue) -> None:
    assert await jobs(queue, "status") == "No jobs.\n"
    failed_id = await failed(queue)
    await queue.enqueue(NewJob("enrich", {}), NewJob("enrich", {}), NewJob("score", {}, delay_seconds=60))
    locked = await one(queue)
    await run_out(queue, locked.job_id)
    lines = [line.split() for line in (await jobs(queue, "status")).splitlines()]
    assert lines[0] == ["queue", "type", "status", "jobs"]
    assert [line[1:4] for line in lines[1:]] == [
        ["enrich", "pending", "1"],
        ["enrich", "processing", "1"],
        ["score", "pending", "1"],
        ["search", "failed_permanent", "1"],
    ]
    assert lines[1][4:7] == ["1", "due,", "the"]
    assert " ".join(lines[2][4:]) == "1 with a lock that ran out"
    assert " ".join(lines[3][4:]) == "none due yet"
    told = [json.loads(line) for line in (await jobs(queue, "status", "--json")).splitlines()]
    assert {one["job_type"]: one["lost"] for one in told if one["status"] == "processing"} == {"enrich": 1}
    listed = await jobs(queue, "list", "--status", "failed_permanent")
    assert f"{failed_id}  {QUEUE}  search" in listed
    assert "\x1b" not in listed
    assert await jobs(queue, "list", "--matching", "no such text") == "No such jobs.\n"
    shown = await jobs(queue, "show", str(failed_id))
    assert "attempts   1 of 6 failed; 0 runs ended without a word" in shown
    assert "PolicyAgent" in shown
    assert json.loads(await jobs(queue, "show", str(failed_id), "--json"))["payload"] == {"q": "a"}
    assert "Job 999999 does not exist" in await jobs(queue, "show", "999999", status=1)


async def test_failed_jobs_begin_anew_and_waiting_ones_at_once(queue: JobQueue) -> None:
    failed_id = await failed(queue)
    (waits,) = await queue.enqueue(NewJob("enrich", {}))
    await queue.finish(await one(queue), Retry(BLOCKED, 3600))
    assert await queue.dequeue("worker", lock_seconds=60) == []
    told = await jobs(queue, "retry", "--queue", QUEUE, "--matching", "policyagent", "--yes")
    assert told == f"retried  {failed_id}\nretried  {waits.job_id}\n"
    got = await queue.dequeue("worker", lock_seconds=60, most=5)
    assert {job.job_id: job.attempts for job in got} == {failed_id: 0, waits.job_id: 1}


async def test_what_cannot_be_retried_is_said(queue: JobQueue) -> None:
    first, second = await failed(queue, dedupe_key="k"), await failed(queue, dedupe_key="k")
    assert f"retried  {second}" in await jobs(queue, "retry", str(first), str(second), status=1)
    assert (await row(queue, first))["status"] == Status.FAILED_PERMANENT
    assert f"Not retried: {first}" in await jobs(queue, "retry", str(first), status=1)
    await queue.finish(await one(queue))
    assert f"Not retried: {second}" in await jobs(queue, "retry", str(second), status=1)


async def test_a_cancelled_job_is_done_by_nobody(queue: JobQueue) -> None:
    waiting, running = await queue.enqueue(NewJob("search", {}, priority=200), NewJob("search", {}))
    job = await one(queue)
    assert job.job_id == running.job_id
    await jobs(queue, "cancel", "--status", "pending", "--why", "sold", typed="n\n", status=1)
    told = await jobs(queue, "cancel", "--type", "search", "--why", "sold", typed="y\n")
    assert f"cancelled  {waiting.job_id}\ncancelled  {running.job_id}\n" in told
    assert await queue.dequeue("worker", lock_seconds=60) == []
    assert await queue.extend("worker", [job], lock_seconds=60) == [job]
    assert json.loads((await row(queue, job.job_id))["last_error"]) == {"code": "Cancelled", "msg": "sold"}
    await jobs(queue, "retry", str(job.job_id))
    assert (await one(queue)).job_id == job.job_id


async def test_nothing_is_chosen_by_accident(queue: JobQueue) -> None:
    assert "name jobs by their ids" in await jobs(queue, "retry", "--yes", status=2)
    assert "name jobs by their ids" in await jobs(queue, "cancel", "--why", "x", "--yes", status=2)
    await jobs(queue, "cancel", "1", status=2)  # a reason is asked for


async def test_old_finished_jobs_are_purged_and_nothing_else(queue: JobQueue) -> None:
    (waits,) = await queue.enqueue(NewJob("enrich", {}, delay_seconds=60))
    old, fresh = [await failed(queue) for _ in range(2)]
    async with queue.database.connection() as connection:
        await connection.execute(
            "UPDATE ops.jobs SET updated_at = now() - interval '31 days' WHERE id = ANY($1)", [waits.job_id, old]
        )
    await jobs(queue, "purge", typed="n\n", status=1)
    assert await jobs(queue, "purge", "--type", "enrich", "--yes") == "purged  0 jobs\n"
    assert await jobs(queue, "purge", "--yes") == "purged  1 jobs\n"
    listed = [json.loads(line)["job_id"] for line in (await jobs(queue, "list", "--json")).splitlines()]
    assert sorted(listed) == sorted([waits.job_id, fresh])
    assert await jobs(queue, "purge", "--older-than-days", "0", "--yes") == "purged  1 jobs\n"
