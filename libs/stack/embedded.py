"""The embedded stack: real Kafka and real PostgreSQL as child processes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from libs.stack.endpoints import Endpoints
from libs.stack.kafka import EmbeddedKafka, stop_running_kafka
from libs.stack.postgres import EmbeddedPostgres, stop_running_postgres


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
    kafka = EmbeddedKafka(state_dir, brokers=brokers, on_progress=on_progress)
    postgres = EmbeddedPostgres(state_dir, durable=durable, on_progress=on_progress)
    try:
        started = await asyncio.gather(kafka.start(), postgres.start(), return_exceptions=True)
        for outcome in started:
            if isinstance(outcome, BaseException):
                raise outcome
        yield Endpoints("embedded", kafka.bootstrap_servers, postgres.database_url)
    finally:
        await asyncio.shield(asyncio.gather(kafka.stop(), postgres.stop()))


async def stop_embedded(state_dir: Path) -> bool:
    """Stop whatever runs in `state_dir`, whoever started it; False when nothing ran."""
    return any(await asyncio.gather(stop_running_kafka(state_dir), stop_running_postgres(state_dir)))
