"""Construction: the catalog's topics → Faust → opportunities, by command."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from importlib.metadata import version

from aiohttp import web

from libs.bus.dead_letter import DeadLetters
from libs.bus.halt import Halt
from libs.bus.publisher import Publisher
from libs.bus.topics import apply_topics
from libs.commands.run import Commands
from libs.db.pool import Database
from libs.entities.sequences import Sequences
from libs.http.openapi import Api
from libs.read_models import READ_MODELS
from libs.service import Service
from services.pricing.application import NAME
from services.pricing.config import Config
from services.pricing.intelligence import IntelligenceApi
from services.pricing.messages import internal_topics
from services.pricing.opportunities import Opportunities
from services.pricing.repricing import Repricing
from services.pricing.repricing_routes import RepricingApi
from services.pricing.terms import Terms
from services.pricing.worker import Worker

_DESCRIPTION = (
    "What the market says of a product. Opportunities themselves are read at the catalog: GET /opportunities."
)


@asynccontextmanager
async def build(config: Config) -> AsyncIterator[Service]:
    """The service, connected; everything is closed in the opposite order."""
    config.data_dir.mkdir(parents=True, exist_ok=True)
    async with AsyncExitStack() as stack:
        await apply_topics(config.kafka.bootstrap_servers, internal_topics(NAME), prefix=config.kafka.topic_prefix)
        database = await stack.enter_async_context(Database(config.database.url, application=NAME))
        publisher = await stack.enter_async_context(Publisher(config.kafka, NAME))
        commands = Commands(database, config.kafka, publisher, NAME, READ_MODELS, patience=config.patience_seconds)
        await stack.enter_async_context(commands)
        opportunities = Opportunities(commands, Sequences(database))
        repricing = Repricing(database, commands, Sequences(database))
        dead_letters = DeadLetters(config.kafka, publisher, NAME)
        # One halt for all terms: a new term reads unreadable records again, and would put them there once more.
        make = partial(Worker, config, opportunities, repricing, dead_letters, Halt(NAME))
        terms = Terms(database, config.kafka.group(NAME), make)
        http = web.Application()
        routes = (*IntelligenceApi(database).routes(), *RepricingApi(database, terms.reprice).routes())
        Api(NAME, version("sellstream"), _DESCRIPTION, routes=routes).add_to(http)
        yield Service(
            name=NAME,
            host=config.host,
            port=config.port,
            http=http,
            ready={"kafka": publisher.check, "postgres": database.check, "tables": terms.check},
            workers={"faust": terms.run},
        )
