"""Construction: fact topics → decisions by the catalog's rules → the catalog's topics and read models."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from importlib.metadata import version

from aiohttp import web

from libs.bus.consumer import Consumer
from libs.bus.publisher import Publisher
from libs.commands.live_builds import LiveBuilds
from libs.commands.run import Commands
from libs.db.pool import Database
from libs.entities.prepared import prepare_tables
from libs.entities.sequences import Sequences
from libs.http.openapi import Api
from libs.privacy.keys import Keys
from libs.privacy.sealer import open_sealer
from libs.read_models import READ_MODELS
from libs.service import Service
from services.order_desk.config import Config
from services.order_desk.desk import Desk
from services.order_desk.handlers import TOPICS, on_facts
from services.order_desk.replies import FirstOf, Templates, templates
from services.order_desk.routes import routes

NAME = "order_desk"


@asynccontextmanager
async def build(config: Config) -> AsyncIterator[Service]:
    """The service, connected; everything is closed in the opposite order."""
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(Database(config.database.url, application=NAME))
        sealer = await stack.enter_async_context(open_sealer(config.database.url, config.secrets.vault, NAME))
        publisher = await stack.enter_async_context(Publisher(config.kafka, NAME, seal=sealer))
        commands = Commands(database, config.kafka, publisher, NAME, READ_MODELS, patience=config.patience_seconds)
        await stack.enter_async_context(commands)
        suggester = await stack.enter_async_context(config.suggester())
        desk = Desk(
            database,
            commands,
            Sequences(database),
            Keys(database, config.secrets.vault),
            FirstOf(suggester, Templates()),
            config.markets,
            config.longest_lead_days,
            config.least_profit_usd,
        )
        if config.suggester is templates:
            # A replay decides against the rows as they are, and finds done what was done; nothing here acts outside.
            consumer = Consumer(config.kafka, NAME, TOPICS, publisher, replays="handled")
        else:
            consumer = Consumer(config.kafka, NAME, TOPICS, publisher)  # a replay must not be told to a stranger
        http = web.Application()
        Api(NAME, version("sellstream"), "What waits at the order desk.", routes=routes(database)).add_to(http)

        async def work(stop: asyncio.Event) -> None:
            if await prepare_tables(LiveBuilds(database), stop):
                await consumer.run(partial(on_facts, desk=desk), stop)

        yield Service(
            name=NAME,
            host=config.host,
            port=config.port,
            http=http,
            ready={"kafka": publisher.check, "consumer": consumer.check, "postgres": database.check},
            workers={"consumer": work},
        )
