"""Construction: orders → reservations in PostgreSQL → jobs → sales channels, where listings are taken off."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from importlib.metadata import version

from aiohttp import web

from libs.bus.consumer import Consumer
from libs.bus.publisher import Publisher
from libs.channels.accounts import open_channels
from libs.commands.live_builds import LiveBuilds
from libs.db.pool import Database
from libs.entities.prepared import prepare_tables
from libs.http.openapi import Api
from libs.jobs import JobQueue, Worker, WorkerSettings
from libs.service import Service
from services.interlock.config import Config
from services.interlock.handlers import TOPICS, on_facts
from services.interlock.interlocking import QUEUE, TAKE_OFF, Interlock
from services.interlock.routes import routes
from services.interlock.taking_off import TakingOff

NAME = "interlock"


@asynccontextmanager
async def build(config: Config) -> AsyncIterator[Service]:
    """The service, connected; everything is closed in the opposite order."""
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(Database(config.database.url, application=NAME))
        publisher = await stack.enter_async_context(Publisher(config.kafka, NAME))
        channels = await open_channels(config.selling, config.database.url, config.secrets.vault, NAME, stack)
        queue = JobQueue(database, QUEUE)
        interlock = Interlock(database, queue, config.units_unless_told, config.attempts)
        settings = WorkerSettings(locked_by=NAME, lock_seconds=30, sleep_empty=0.3, concurrency=config.concurrency)
        worker = Worker(queue, {TAKE_OFF: TakingOff(queue, channels)}, settings)
        consumer = Consumer(config.kafka, NAME, TOPICS, publisher)  # a replay must not take a listing off
        http = web.Application()
        Api(NAME, version("sellstream"), "Units that were sold, and what is oversold.", routes=routes(database)).add_to(
            http
        )

        async def work(stop: asyncio.Event) -> None:
            if await prepare_tables(LiveBuilds(database), stop):
                await consumer.run(partial(on_facts, interlock=interlock), stop)

        yield Service(
            name=NAME,
            host=config.host,
            port=config.port,
            http=http,
            ready={"kafka": publisher.check, "consumer": consumer.check, "postgres": database.check},
            workers={"consumer": work, "worker": worker.run},
        )
