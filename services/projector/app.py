"""Construction: fact topics → one live projection per read model → its table in PostgreSQL."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from aiohttp import web

from libs.bus.dead_letter import DeadLetters
from libs.bus.publisher import Publisher
from libs.db.pool import Database
from libs.projection.live import LiveProjection, Tuning
from libs.read_models import READ_MODELS
from libs.service import Service
from services.projector.config import Config

NAME = "projector"


@asynccontextmanager
async def build(config: Config) -> AsyncIterator[Service]:
    """The service, connected; everything is closed in the opposite order."""
    async with AsyncExitStack() as stack:
        most = len(config.read_models) + 2  # a connection for each read model, and one or two for readiness
        # Rows and checkpoints that a crash has taken back come again from the log.
        database = await stack.enter_async_context(
            Database(config.database.url, application=NAME, most=most, again=True)
        )
        publisher = await stack.enter_async_context(Publisher(config.kafka, NAME))
        dead_letters = DeadLetters(config.kafka, publisher, NAME)
        tuning = Tuning(config.batch_records, config.poll_milliseconds)
        projections = [
            LiveProjection(READ_MODELS[name], config.kafka, database, dead_letters, consumer=NAME, tuning=tuning)
            for name in config.read_models
        ]
        yield Service(
            name=NAME,
            host=config.host,
            port=config.port,
            http=web.Application(),
            ready={
                "postgres": database.check,
                **{projection.model.name: projection.check for projection in projections},
            },
            workers={projection.model.name: projection.run for projection in projections},
        )
