"""libs/jobs, as a service of sellstream uses it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bench.jobs.program import Drain, Give, Program
from libs.db.migrate import migrate
from libs.db.pool import Database
from libs.jobs import Job, JobQueue, NewJob, Worker, WorkerSettings

QUEUE = "bench"


class Ours(Program):
    async def setup(self) -> None:
        async with Database(self.url, application="bench") as database:
            await migrate(database)

    @asynccontextmanager
    async def giving(self) -> AsyncIterator[Give]:
        async with Database(self.url, application="bench") as database:
            queue = JobQueue(database, QUEUE)
            yield lambda numbers: queue.enqueue(*[NewJob("work", {"number": number}) for number in numbers])

    @asynccontextmanager
    async def draining(self, concurrency: int) -> AsyncIterator[Drain]:
        async def work(job: Job) -> None:
            self.done.append(job.payload["number"])  # type: ignore[arg-type]  # we gave it in

        async with Database(self.url, application="bench") as database:
            settings = WorkerSettings(locked_by="bench", concurrency=concurrency, prefetch=3 * concurrency)
            worker = Worker(JobQueue(database, QUEUE), {"work": work}, settings)
            yield lambda: worker.run(asyncio.Event(), drain=True)


PROGRAM = Ours
