"""Items that were queued long ago are queued again: the enrichment goes on when nothing new is named."""

import asyncio
from contextlib import suppress
from datetime import timedelta

from libs.db.errors import DatabaseAway, NotMigrated
from libs.telemetry.log import get_logger
from services.mercadolibre_enricher.fallbacks.seeds import Seeds

log = get_logger()


class SeedWorker:
    """Queues the oldest items again, at most `most` at a time. Any number of replicas may do it."""

    def __init__(self, seeds: Seeds, every: timedelta, most: int) -> None:
        self._seeds = seeds
        self._every = every
        self._most = most

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`."""
        while not stop.is_set():
            try:
                planted = await self._seeds.plant_again(self._most)
            except (DatabaseAway, NotMigrated) as error:
                log.warning("items are not queued again yet", reason=str(error)[:300])
            else:
                if planted.queued:
                    log.info("items queued again", queued=len(planted.queued))
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), self._every.total_seconds())
