"""The live tables that are read without a command, made (empty) where no projector has made them yet."""

import asyncio

from libs.bus.session import first
from libs.commands.live_builds import LiveBuilds
from libs.db.errors import DatabaseAway, NotMigrated
from libs.projection.live_build import OtherVersion
from libs.read_models import READ_MODELS
from libs.telemetry.log import get_logger
from schemas.entities import ENTITIES

log = get_logger()

READ = (*(entity.topic for entity in ENTITIES), "offers", "orders")
AGAIN_SECONDS = 2.0


async def prepare_tables(builds: LiveBuilds, stop: asyncio.Event) -> bool:
    """Wait until every table is there; False where the stop came first."""
    while not stop.is_set():
        try:
            for name in READ:
                await builds.live(READ_MODELS[name])
        except (DatabaseAway, NotMigrated, OtherVersion) as error:
            log.warning("the read models cannot be read yet", reason=f"{type(error).__name__}: {error}")
            await first(asyncio.sleep(AGAIN_SECONDS), until=(stop,))
        else:
            return True
    return False
