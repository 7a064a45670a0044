"""Construction: topic `webhooks` → erasures in PostgreSQL; behind them a sweep of what is not sealed."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from aiohttp import web

from libs.bus.consumer import Consumer
from libs.bus.publisher import Publisher
from libs.db.pool import Database
from libs.service import Service
from schemas.webhooks.webhook_received import EVENT as RECEIVED
from services.privacy.config import Config
from services.privacy.handlers import on_webhooks
from services.privacy.sweeping import Sweeping

NAME = "privacy"


@asynccontextmanager
async def build(config: Config) -> AsyncIterator[Service]:
    """The service, connected; everything is closed in the opposite order."""
    async with AsyncExitStack() as stack:
        publisher = await stack.enter_async_context(Publisher(config.kafka, NAME))
        database = await stack.enter_async_context(Database(config.database.url, application=NAME, most=4))
        # A replayed notice erases who is erased already: it may be handled.
        consumer = Consumer(config.kafka, NAME, [RECEIVED.topic], publisher, replays="handled")
        sweeping = Sweeping(config.kafka, publisher, database, every=config.sweep_every, kept=config.raw_kept)
        yield Service(
            name=NAME,
            host=config.host,
            port=config.port,
            http=web.Application(),
            ready={"kafka": publisher.check, "consumer": consumer.check, "postgres": database.check},
            workers={
                "consumer": partial(consumer.run, partial(on_webhooks, database=database)),
                "sweep": sweeping.work,
            },
        )
