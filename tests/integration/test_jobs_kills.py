"""Sixteen worker processes on one queue, killed at random: each job ends exactly once, none is lost, priorities hold.

2,000 jobs; `SELLSTREAM_JOBS_KILL_TEST=20000` runs the test with as many.
"""

import asyncio
import multiprocessing
import os
import random
from datetime import datetime
from multiprocessing.context import ForkServerProcess

from libs.jobs import JobQueue, NewJob, Status
from tests.integration.jobs import open_queue
from tests.integration.jobs_worker import work

JOBS = int(os.environ.get("SELLSTREAM_JOBS_KILL_TEST", "2000"))
WORKERS = 16
SEED = 7
DEADLINE_SECONDS = 60 + JOBS / 50

WATCH = """
CREATE TABLE runs (job_id bigint, lock_no int, kind text);
CREATE TABLE ends (job_id bigint, status text);
CREATE TABLE locks (job_id bigint, lock_no int, began timestamptz, at timestamptz);
CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status IN ('succeeded', 'failed_permanent', 'cancelled') THEN
        INSERT INTO ends VALUES (NEW.id, NEW.status);
    ELSIF NEW.lock_no > OLD.lock_no THEN
        INSERT INTO locks VALUES (NEW.id, NEW.lock_no, now(), clock_timestamp());
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER watch AFTER UPDATE ON ops.jobs FOR EACH ROW EXECUTE FUNCTION watch();
"""


async def test_killed_workers_lose_nothing_and_double_nothing(database_url: str) -> None:
    chance = random.Random(SEED)
    async with open_queue(database_url) as queue:
        async with queue.database.connection() as connection:
            await connection.execute(WATCH)
        jobs = [
            NewJob(
                chance.choice(("plain", "atomic")),
                {"fails_first": chance.random() < 0.03},
                priority=chance.choice((1, 50, 100, 200)),
            )
            for _ in range(JOBS)
        ]
        for first in range(0, JOBS, 1000):
            await queue.enqueue(*jobs[first : first + 1000])
        kills = await _work_through(queue, database_url, chance)
        assert kills >= 5, f"only {kills} kills: the test has proved nothing"
        await _judge(queue)


async def _work_through(queue: JobQueue, url: str, chance: random.Random) -> int:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.integration.jobs_worker"])

    def start(number: int) -> ForkServerProcess:
        process = context.Process(target=work, args=(url, number), daemon=True)
        process.start()
        return process

    workers = [start(number) for number in range(WORKERS)]
    kills = 0
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            while await _unfinished(queue):
                await asyncio.sleep(chance.uniform(0.05, 0.2))
                victim = chance.randrange(WORKERS)
                if kills < JOBS // 50:  # the rest of the time they work
                    workers[victim].kill()
                    kills += 1
                    workers[victim] = start(kills + WORKERS)
    except TimeoutError:
        raise AssertionError(f"not done within {DEADLINE_SECONDS:.0f} s: {await queue.counts()}") from None
    finally:
        for worker in workers:
            worker.terminate()
        for worker in workers:
            await asyncio.to_thread(worker.join, 20)
            worker.kill()
            await asyncio.to_thread(worker.join)
    return kills


async def _unfinished(queue: JobQueue) -> int:
    counts = await queue.counts()
    return sum(number for of_type in counts.values() for status, number in of_type.items() if not status.ended)


async def _judge(queue: JobQueue) -> None:
    async with queue.database.connection() as connection:
        ends = await connection.fetch("SELECT job_id, status FROM ends")
        assert len(ends) == len({end["job_id"] for end in ends}) == JOBS  # each ended, and once
        assert {end["status"] for end in ends} == {Status.SUCCEEDED}
        runs = await connection.fetch("SELECT job_id, kind, count(*) AS n FROM runs GROUP BY 1, 2")
        assert len(runs) == JOBS
        assert [run["job_id"] for run in runs if run["kind"] == "atomic" and run["n"] != 1] == []  # effects once
        doubled = await connection.fetch("SELECT 1 FROM runs GROUP BY job_id, lock_no HAVING count(*) > 1")
        assert doubled == []  # no two workers under one lock
        taken_over = await connection.fetchval("SELECT count(*) FROM ops.jobs WHERE lost_locks > 0")
        assert taken_over > 0, "no killed worker held a lock: the test has proved nothing"
        first_locks = await connection.fetch(
            "SELECT l.began, l.at FROM locks AS l JOIN ops.jobs AS j ON j.id = l.job_id WHERE l.lock_no = 1 "
            "ORDER BY j.priority, j.created_at, j.id"
        )
    assert len(first_locks) == JOBS
    _judge_order([(one["began"], one["at"]) for one in first_locks])


def _judge_order(locks: list[tuple[datetime, datetime]]) -> None:
    """First locks in the queue's order: when the dequeue began, and when the lock was there.

    Whoever locks a job has found all before it locked, so the dequeues that locked those had begun by then.
    """
    latest = locks[0][0]
    for began, at in locks:
        assert at >= latest, f"a job was locked at {at}, and a more urgent one only by a dequeue that began at {latest}"
        latest = max(latest, began)
