"""An interlock with shops in memory: its consumer and its worker running, on real Kafka and PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from functools import partial

from libs.bus.consumer import Consumer
from libs.bus.publisher import Publisher
from libs.bus.settings import KafkaSettings
from libs.channels.accounts import Channels
from libs.db.pool import Database
from libs.jobs import JobQueue, Worker, WorkerSettings
from libs.selling.channel import SalesChannel
from services.interlock.handlers import TOPICS, on_facts
from services.interlock.interlocking import QUEUE, TAKE_OFF, Interlock
from services.interlock.taking_off import TakingOff


def interlock_of(database: Database, units: int | None = 1) -> Interlock:
    return Interlock(database, JobQueue(database, QUEUE), units)


@asynccontextmanager
async def working(interlock: Interlock, shops: Iterable[SalesChannel]) -> AsyncIterator[None]:
    """Take listings off for as long as the block lasts."""
    stop = asyncio.Event()
    channels = Channels({(shop.channel, shop.market): shop for shop in shops})
    settings = WorkerSettings(locked_by="tests", lock_seconds=30, sleep_empty=0.1, concurrency=16)
    worker = Worker(interlock.queue, {TAKE_OFF: TakingOff(interlock.queue, channels)}, settings)
    task = asyncio.create_task(worker.run(stop))
    try:
        yield
    finally:
        stop.set()
        await task


@asynccontextmanager
async def consuming(interlock: Interlock, kafka: KafkaSettings, publisher: Publisher) -> AsyncIterator[None]:
    """Read orders and listings for as long as the block lasts."""
    stop = asyncio.Event()
    consumer = Consumer(kafka, "interlock", TOPICS, publisher)
    task = asyncio.create_task(consumer.run(partial(on_facts, interlock=interlock), stop))
    try:
        yield
    finally:
        stop.set()
        await task
