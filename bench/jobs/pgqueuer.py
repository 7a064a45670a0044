"""pgqueuer on asyncpg, batches as large as what our worker locks ahead. https://pgqueuer.readthedocs.io"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import asyncpg
from pgqueuer.db import AsyncpgDriver
from pgqueuer.models import Job
from pgqueuer.qm import QueueManager
from pgqueuer.queries import Queries
from pgqueuer.types import QueueExecutionMode

from bench.jobs.program import Drain, Give, Program


class PgQueuer(Program):
    async def setup(self) -> None:
        async with self._driver() as driver:
            await Queries(driver).install()

    @asynccontextmanager
    async def giving(self) -> AsyncIterator[Give]:
        async with self._driver() as driver:
            queries = Queries(driver)
            yield lambda numbers: queries.enqueue(
                ["work"] * len(numbers), [b'{"number": %d}' % number for number in numbers], [0] * len(numbers)
            )

    @asynccontextmanager
    async def draining(self, concurrency: int) -> AsyncIterator[Drain]:
        connection = await asyncpg.connect(self.url)
        manager = QueueManager(Queries(AsyncpgDriver(connection)))  # it closes the driver's connection at its end

        @manager.entrypoint("work")
        async def work(job: Job) -> None:
            self.done.append(int((job.payload or b"").removeprefix(b'{"number": ').removesuffix(b"}")))

        yield partial(manager.run, batch_size=4 * concurrency, mode=QueueExecutionMode.drain)

    @asynccontextmanager
    async def _driver(self) -> AsyncIterator[AsyncpgDriver]:
        connection = await asyncpg.connect(self.url)
        try:
            yield AsyncpgDriver(connection)
        finally:
            await connection.close()


PROGRAM = PgQueuer
