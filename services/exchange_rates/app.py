"""Construction: the bank's files → facts in `exchange_rates`."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from aiohttp import web

from libs.bus.publisher import Publisher
from libs.http.client import ApiClient
from libs.service import Service
from services.exchange_rates.config import Config
from services.exchange_rates.rounds import Rounds

NAME = "exchange_rates"


@asynccontextmanager
async def build(config: Config) -> AsyncIterator[Service]:
    """The service, connected; everything is closed in the opposite order."""
    async with AsyncExitStack() as stack:
        publisher = await stack.enter_async_context(Publisher(config.kafka, NAME))
        api = await stack.enter_async_context(ApiClient("ecb", config.api))
        rounds = Rounds(api, config.kafka, publisher, config.every_seconds)
        yield Service(
            name=NAME,
            host=config.host,
            port=config.port,
            http=web.Application(),
            ready={"kafka": publisher.check},
            workers={"rounds": rounds.run},
        )
