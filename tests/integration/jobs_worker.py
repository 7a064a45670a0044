"""A process with one worker, to be killed. `plain` jobs note that they ran, `atomic` ones do so with their end."""

import asyncio
import random
import signal

from libs.db.pool import Database
from libs.jobs import SETTLED, Job, JobQueue, RetryJob, Settled, Worker, WorkerSettings
from libs.telemetry.log import configure_logs
from tests.integration.jobs import QUEUE

NOTE = "INSERT INTO runs (job_id, lock_no, kind) VALUES ($1, $2, $3)"


def work(url: str, number: int) -> None:
    """What the process does, until SIGTERM or worse."""
    configure_logs(f"worker {number}", level="ERROR")
    asyncio.run(_work(url, number))


async def _work(url: str, number: int) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    settings = WorkerSettings(
        locked_by=f"w{number}", lock_seconds=1.5, concurrency=3, prefetch=2, sleep_empty=0.3, sleep_error=0.1
    )
    async with Database(url, application=f"worker {number}", most=2) as database:
        queue = JobQueue(database, QUEUE)

        async def plain(job: Job) -> None:
            async with database.connection() as connection:
                await connection.execute(NOTE, job.job_id, job.lock_no, "plain")
            await asyncio.sleep(random.random() * 0.005)
            if job.payload["fails_first"] and job.attempts == 0:
                raise RetryJob({"code": "first"}, after_seconds=0)

        async def atomic(job: Job) -> Settled:
            async with database.transaction() as connection:
                await connection.execute(NOTE, job.job_id, job.lock_no, "atomic")
                await queue.finish_in(connection, job)
            return SETTLED

        await Worker(queue, {"plain": plain, "atomic": atomic}, settings).run(stop)
