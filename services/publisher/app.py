"""Construction: topics of drafts and publish jobs → the work queue → sales channels → the catalog's topics.

Beside it, the queue of prices that live repricing has changed → sales channels.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial

from aiohttp import web

from libs.bus.consumer import Consumer
from libs.bus.publisher import Publisher
from libs.channels.accounts import open_channels
from libs.channels.price_jobs import CARRY
from libs.channels.price_jobs import QUEUE as PRICES
from libs.commands.live_builds import LiveBuilds
from libs.commands.run import Commands
from libs.db.pool import Database
from libs.entities.prepared import prepare_tables
from libs.entities.sequences import Sequences
from libs.jobs import JobQueue, Worker
from libs.read_models import READ_MODELS
from libs.service import Service
from services.publisher.book import Book
from services.publisher.carrying import Carrying
from services.publisher.config import Config
from services.publisher.publish import Publishing
from services.publisher.queueing import PUBLISH, QUEUE, TOPICS, on_facts
from services.publisher.rates import PublishedRates

NAME = "publisher"


@asynccontextmanager
async def build(config: Config) -> AsyncIterator[Service]:
    """The service, connected; everything is closed in the opposite order."""
    async with AsyncExitStack() as stack:
        most = 4 * config.worker.concurrency + 6
        database = await stack.enter_async_context(Database(config.database.url, application=NAME, most=most))
        publisher = await stack.enter_async_context(Publisher(config.kafka, NAME))
        commands = Commands(database, config.kafka, publisher, NAME, READ_MODELS, patience=config.patience_seconds)
        await stack.enter_async_context(commands)
        channels = await open_channels(config.selling, config.database.url, config.secrets.vault, NAME, stack)
        book = Book(commands, Sequences(database))
        queue = JobQueue(database, QUEUE)
        settings = config.worker
        publishing = Publishing(
            book,
            channels,
            PublishedRates(config.kafka),
            settings.backoff,
            settings.max_attempts,
            timedelta(days=config.oldest_rate_days),
        )
        worker = Worker(queue, {PUBLISH: publishing}, settings)
        carrier = Worker(JobQueue(database, PRICES), {CARRY: Carrying(database, channels)}, settings)
        consumer = Consumer(config.kafka, NAME, TOPICS, publisher)
        prepared = partial(prepare_tables, LiveBuilds(database))

        async def consume(stop: asyncio.Event) -> None:
            if await prepared(stop):
                await consumer.run(partial(on_facts, book=book, queue=queue), stop)

        async def work(stop: asyncio.Event) -> None:
            if await prepared(stop):
                await worker.run(stop)

        async def carry(stop: asyncio.Event) -> None:
            if await prepared(stop):
                await carrier.run(stop)

        yield Service(
            name=NAME,
            host=config.host,
            port=config.port,
            http=web.Application(),
            ready={"kafka": publisher.check, "consumer": consumer.check, "postgres": database.check},
            workers={"consumer": consume, "worker": work, "prices": carry},
        )
