"""procrastinate with its connector for psycopg 3. https://procrastinate.readthedocs.io"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import procrastinate

from bench.jobs.program import Drain, Give, Program


class Procrastinate(Program):
    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=url))

        @self._app.task(name="work", queue="bench")
        async def work(number: int) -> None:
            self.done.append(number)

        self._task = work

    async def setup(self) -> None:
        async with self._app.open_async():
            await self._app.schema_manager.apply_schema_async()

    @asynccontextmanager
    async def giving(self) -> AsyncIterator[Give]:
        async with self._app.open_async():
            yield lambda numbers: self._task.batch_defer_async(*[{"number": number} for number in numbers])

    @asynccontextmanager
    async def draining(self, concurrency: int) -> AsyncIterator[Drain]:
        async with self._app.open_async():
            yield partial(
                self._app.run_worker_async,
                queues=["bench"],
                concurrency=concurrency,
                wait=False,
                install_signal_handlers=False,
            )


PROGRAM = Procrastinate
