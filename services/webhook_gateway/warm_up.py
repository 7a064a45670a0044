"""What a starting gateway must know: the deliveries that were published within the window, read from the topic itself.

So a restart or a kill forgets nothing: published, killed before the answer, delivered again: a duplicate.
"""

import asyncio
import heapq
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

from libs.bus.message import Record
from libs.bus.settings import KafkaSettings
from libs.bus.tail import TopicUnreadable, read_tail
from libs.telemetry.log import get_logger
from schemas.webhooks.webhook_received import EVENT
from services.webhook_gateway.window import Window

log = get_logger()

_RETRY_SECONDS = 1.0


class NotWarmedUp(Exception):
    """The gateway does not yet know what was delivered lately."""


class WarmUp:
    """Fills the window once; until then deliveries go to the spool, and none of it to Kafka."""

    def __init__(self, kafka: KafkaSettings, window: Window, length: timedelta, most: int) -> None:
        self.done = asyncio.Event()
        self._kafka_away = False
        self._kafka = kafka
        self._window = window
        self._length = length
        self._most = most

    async def check(self) -> None:
        """Raise until the window is filled: for readiness. With Kafka away that may be long; the spool serves."""
        if not self.done.is_set() and not self._kafka_away:
            raise NotWarmedUp("the deliveries of the window are still being read from the topic `webhooks`")

    async def work(self, stop: asyncio.Event) -> None:
        """Fill the window, however long Kafka is away; then wait for the end, as a worker does."""
        filling = asyncio.create_task(self._fill())
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({filling, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if filling.done():
            filling.result()
            await stopped
        filling.cancel()
        await asyncio.wait({filling})

    async def _fill(self) -> None:
        while True:
            began = time.perf_counter()
            try:
                newest = await self._read()
            except TopicUnreadable as error:
                self._kafka_away = True
                log.warning("the window is not filled yet; trying again", error=str(error))
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            deliveries = len(newest)
            await self._window.warm(newest, time.time())
            self.done.set()
            log.info("window filled", deliveries=deliveries, seconds=round(time.perf_counter() - began, 3))
            return

    async def _read(self) -> list[tuple[float, bytes]]:
        newest: list[tuple[float, bytes]] = []
        since = datetime.now(UTC) - self._length
        async for record in read_tail(self._kafka, EVENT.topic, since=since, most_per_partition=self._most):
            delivery = delivery_of(record)
            if delivery is None:
                log.warning("a record without an id of ours", topic=record.topic, offset=record.offset)
            elif len(newest) < self._most:
                heapq.heappush(newest, (record.timestamp / 1000, delivery))
            else:
                heapq.heappushpop(newest, (record.timestamp / 1000, delivery))
        return newest


def delivery_of(record: Record) -> bytes | None:
    """The 16 bytes of a webhook event's id, or None if it is not one of the gateway's."""
    for name, value in record.headers:
        if name == "ce_id":
            try:
                return UUID(value.decode()).bytes
            except ValueError:  # a wrong encoding is one, too
                return None
    return None
