"""Construction: topics of products, offers and listings → matching → productMatches, and listings that are linked."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from importlib.metadata import version

from aiohttp import web

from libs.bus.consumer import Consumer, Tuning
from libs.bus.publisher import Publisher
from libs.commands.live_builds import LiveBuilds
from libs.commands.run import Commands
from libs.db.pool import Database
from libs.entities.prepared import prepare_tables
from libs.entities.sequences import Sequences
from libs.http.openapi import Api
from libs.matching.embedding import SentenceModel, available
from libs.read_models import READ_MODELS
from libs.service import Service
from libs.telemetry.log import get_logger
from services.matcher.config import Config
from services.matcher.goods import Goods
from services.matcher.links import Links
from services.matcher.matching import TOPICS, Matching
from services.matcher.routes import WITHOUT, routes
from services.matcher.vectors import TitleVectors

log = get_logger()

NAME = "matcher"


@asynccontextmanager
async def build(config: Config) -> AsyncIterator[Service]:
    """The service, connected; everything is closed in the opposite order."""
    by_title = config.titles == "on" or (config.titles == "auto" and available())
    if not by_title:
        log.warning("titles are not matched", reason=WITHOUT)
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(Database(config.database.url, application=NAME))
        publisher = await stack.enter_async_context(Publisher(config.kafka, NAME))
        commands = Commands(database, config.kafka, publisher, NAME, READ_MODELS, patience=config.patience_seconds)
        await stack.enter_async_context(commands)
        goods = Goods(database, TitleVectors(database, SentenceModel() if by_title else None))
        matching = Matching(goods, Links(database, commands, Sequences(database)))
        tuning = Tuning(coalesce=timedelta(milliseconds=config.settle_milliseconds))
        # A replay decides against the rows as they are, and finds done what was done; nothing here acts outside.
        consumer = Consumer(config.kafka, NAME, TOPICS, publisher, tuning, replays="handled")
        http = web.Application()
        Api(NAME, version("sellstream"), "Product matching.", routes=routes(by_title)).add_to(http)

        async def consume(stop: asyncio.Event) -> None:
            if await prepare_tables(LiveBuilds(database), stop):
                await consumer.run(matching.on_facts, stop)

        async def sweep(stop: asyncio.Event) -> None:
            if await prepare_tables(LiveBuilds(database), stop):
                await matching.sweep(config.sweep_seconds, stop)

        yield Service(
            name=NAME,
            host=config.host,
            port=config.port,
            http=http,
            ready={"kafka": publisher.check, "consumer": consumer.check, "postgres": database.check},
            workers={"consumer": consume, "sweep": sweep},
        )
