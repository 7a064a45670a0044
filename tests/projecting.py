"""Running live projections in tests, and waiting for what they do."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from libs.bus.dead_letter import DeadLetters
from libs.bus.publisher import Publisher
from libs.bus.settings import KafkaSettings
from libs.db.pool import Database
from libs.projection.live import LiveProjection, Tuning
from libs.projection.model import AnyReadModel

QUICK = Tuning(batch_records=500, poll_milliseconds=50)


@asynccontextmanager
async def projecting(
    model: AnyReadModel, kafka: KafkaSettings, publisher: Publisher, database: Database, tuning: Tuning = QUICK
) -> AsyncIterator[LiveProjection]:
    """A live projection that runs for as long as the block lasts."""
    stop = asyncio.Event()
    projection = LiveProjection(model, kafka, database, DeadLetters(kafka, publisher, "projector"), tuning=tuning)
    task = asyncio.create_task(projection.run(stop))
    try:
        yield projection
    finally:
        stop.set()
        await task


async def until(condition: Callable[[], Awaitable[bool]], what: str, seconds: float = 30) -> None:
    """Wait for a condition; fail with `what` when it does not come."""
    try:
        async with asyncio.timeout(seconds):
            while not await condition():
                await asyncio.sleep(0.05)
    except TimeoutError:
        pytest.fail(f"it did not happen within {seconds} s: {what}")


async def scalar(database: Database, sql: str, *arguments: object) -> object:
    async with database.connection() as connection:
        return await connection.fetchval(sql, *arguments)


async def until_read(database: Database, model: AnyReadModel, records: int, seconds: float = 30) -> None:
    """Wait until the live build has read so many records."""

    async def reached() -> bool:
        found = await scalar(
            database,
            """
            SELECT coalesce(sum(records), 0) FROM projection.checkpoints JOIN projection.builds ON id = build
            WHERE read_model = $1 AND builds.place = 'live'
            """,
            model.name,
        )
        return found == records

    await until(reached, f"{records} records in {model.name}", seconds)
