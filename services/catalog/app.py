"""Construction: for each declared entity its routes, on commands and on its read model."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version

from aiohttp import web

from libs.bus.publisher import Publisher
from libs.commands.live_builds import LiveBuilds
from libs.commands.run import Commands
from libs.db.pool import Database
from libs.entities.sequences import Sequences
from libs.http.openapi import Api
from libs.privacy.keys import Keys
from libs.privacy.sealer import open_sealer
from libs.read_models import READ_MODELS
from libs.service import Service
from schemas.entities import ENTITIES
from services.catalog.config import Config
from services.catalog.reading import Reading
from services.catalog.review import Review
from services.catalog.writing import MOST_BYTES, Writing

NAME = "catalog"

_DESCRIPTION = (
    "Products, offers, listings, matches, cost rules, opportunities, drafts, publishing, orders, shipments, tickets, "
    "procurement. A POST is decided, published and readable when it is answered."
)


@asynccontextmanager
async def build(config: Config) -> AsyncIterator[Service]:
    """The service, connected; everything is closed in the opposite order."""
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(Database(config.database.url, application=NAME))
        sealer = await stack.enter_async_context(open_sealer(config.database.url, config.secrets.vault, NAME))
        publisher = await stack.enter_async_context(Publisher(config.kafka, NAME, waits=False, seal=sealer))
        commands = Commands(database, config.kafka, publisher, NAME, READ_MODELS, patience=config.patience_seconds)
        await stack.enter_async_context(commands)
        sequences, builds = Sequences(database), LiveBuilds(database)
        keys = Keys(database, config.secrets.vault)
        routes = [
            route
            for entity in ENTITIES
            for route in (
                *Writing(entity, commands, sequences).routes(),
                *Reading(entity, database, builds, keys).routes(),
            )
        ]
        routes += Review(database, builds, commands, sequences).routes()
        tags = {entity.collection: entity.summary for entity in ENTITIES}
        http = web.Application(client_max_size=MOST_BYTES)
        Api(NAME, version("sellstream"), _DESCRIPTION, routes=tuple(routes), tags=tags).add_to(http)
        yield Service(name=NAME, host=config.host, port=config.port, http=http, ready={"postgres": database.check})
