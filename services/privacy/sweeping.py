"""Every so often: raw webhooks and their dead letters that name an erased person are deleted."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from libs.bus.publisher import NotPublished, Publisher
from libs.bus.reader import KafkaAway
from libs.bus.settings import KafkaSettings
from libs.bus.tail import TopicUnreadable
from libs.db.errors import DatabaseAway, NotMigrated
from libs.db.pool import Database
from libs.privacy.sweep import erased_lately, sweep
from libs.telemetry.log import get_logger

log = get_logger()

RETRY = timedelta(minutes=1)


class Sweeping:
    """Sweeps at the start, then `every` so often. Webhooks that are not `kept` so long yet are left for replays."""

    def __init__(
        self, kafka: KafkaSettings, publisher: Publisher, database: Database, *, every: timedelta, kept: timedelta
    ) -> None:
        self._kafka = kafka
        self._publisher = publisher
        self._database = database
        self._every = every
        self._kept = kept

    async def work(self, stop: asyncio.Event) -> None:
        """Until `stop`; Kafka's or PostgreSQL's absence is waited out."""
        while not stop.is_set():
            pause = self._every
            try:
                await self.once()
            except (TopicUnreadable, KafkaAway, NotPublished, DatabaseAway, NotMigrated) as error:
                pause = min(RETRY, self._every)
                log.warning("the sweep begins again later", error=str(error), again_in=str(pause))
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause.total_seconds())

    async def once(self) -> None:
        """One sweep for all who were erased lately."""
        names = await erased_lately(self._database)
        until = datetime.now(UTC) - self._kept
        for one in await sweep(names, self._kafka, self._publisher, self._database, until=until):
            log.info("swept", topic=one.topic, deleted=one.deleted, kept=one.kept, waits_for=one.waits_for)
