"""The embedded stack: real Kafka and real PostgreSQL as child processes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from libs.stack.endpoints import Endpoints
from libs.stack.kafka import EmbeddedKafka, stop_running_kafka
from libs.stack.postgres import EmbeddedPostgres, stop_running_postgres


class EmbeddedStack:
    """Kafka and PostgreSQL in one state folder, started together and stopped together."""

    def __init__(
        self,
        state_dir: Path,
        *,
        brokers: int | None = None,
        durable: bool = True,
        on_progress: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.kafka = EmbeddedKafka(state_dir, brokers=brokers, on_progress=on_progress)
        self.postgres = EmbeddedPostgres(state_dir, durable=durable, on_progress=on_progress)

    async def start(self) -> Endpoints:
        """Start (or join) both. Raises StackError; what was started by then is stopped."""
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self.kafka.start())
                both.create_task(self.postgres.start())
        except BaseExceptionGroup as failures:
            await self.stop()
            raise failures.exceptions[0] from None
        except BaseException:
            await self.stop()
            raise
        return Endpoints("embedded", self.kafka.bootstrap_servers, self.postgres.database_url)

    async def stop(self) -> None:
        """Stop what was started here."""
        await asyncio.gather(self.kafka.stop(), self.postgres.stop())


@asynccontextmanager
async def embedded_stack(
    state_dir: Path,
    *,
    brokers: int | None = None,
    durable: bool = True,
    on_progress: Callable[[str], None] = lambda _: None,
) -> AsyncIterator[Endpoints]:
    """Start (or join) Kafka and PostgreSQL in `state_dir`; at the end, stop what was started here. Data is kept.

    `brokers`: 1, 3, or None for as many as the folder already has (else 1). `on_progress` is given one line per step.
    Raises StackError.
    """
    stack = EmbeddedStack(state_dir, brokers=brokers, durable=durable, on_progress=on_progress)
    endpoints = await stack.start()
    try:
        yield endpoints
    finally:
        await asyncio.shield(stack.stop())


async def stop_embedded(state_dir: Path) -> bool:
    """Stop whatever runs in `state_dir`, whoever started it; False when nothing ran."""
    return any(await asyncio.gather(stop_running_kafka(state_dir), stop_running_postgres(state_dir)))
