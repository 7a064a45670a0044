"""From the spool to Kafka, in order, once, as soon as Kafka is back; then the gateway goes on directly.

What the producer of this process may still write is waited for. What the producer gave up, or a process that is gone
had begun, may be in the topic: it is looked for there by its delivery id before it is written.
"""

import asyncio
import sqlite3
from datetime import UTC, datetime, timedelta

from libs.bus.group_commit import Overloaded
from libs.bus.settings import KafkaSettings
from libs.bus.tail import TopicUnreadable, read_tail
from libs.telemetry.log import get_logger
from schemas.webhooks.webhook_received import EVENT
from services.webhook_gateway.intake import Intake
from services.webhook_gateway.spool import Spool
from services.webhook_gateway.warm_up import delivery_of

log = get_logger()

RETRY_SECONDS = 1.0

ON_THE_WIRE_SECONDS = 1.0
"""How long after the first look at the topic the last one is taken: a request of a process that was killed may lie in
the broker's socket while the broker is stopped, and is written when it goes on."""

_PAUSE_SECONDS = 0.05

_CHUNK = 500
_MOST_PER_PARTITION = 10_000_000
_CLOCKS = timedelta(minutes=10)
"""How far a record's time may be before the one in the spool, clocks being what they are."""


class Forwarder:
    """Ends the intake's detour whenever it is made."""

    def __init__(self, kafka: KafkaSettings, intake: Intake, spool: Spool, window_filled: asyncio.Event) -> None:
        self._kafka = kafka
        self._intake = intake
        self._spool = spool
        self._window_filled = window_filled

    async def work(self, stop: asyncio.Event) -> None:
        """Forward until stopped; what is left is on the disk."""
        forwarding = asyncio.create_task(self._run())
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({forwarding, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if forwarding.done():
            forwarding.result()
        forwarding.cancel()
        await asyncio.wait({forwarding})

    async def _run(self) -> None:
        await self._window_filled.wait()
        while True:
            await self._intake.detour.wait()
            try:
                if await self._end_detour():
                    await self._spool.shrink()
                    continue
            except (TopicUnreadable, sqlite3.Error) as error:
                log.warning("the spool is not forwarded yet; trying again", error=f"{type(error).__name__}: {error}")
            await asyncio.sleep(RETRY_SECONDS)

    async def _end_detour(self) -> bool:
        """Bring everything to Kafka; False when Kafka refused something meanwhile."""
        await self._intake.producer_empty.wait()
        if self._intake.uncertain_since is not None:
            await self._look_for(self._intake.uncertain_since)
        after = count = 0
        while True:
            entries = await self._spool.read(after, _CHUNK)
            try:
                for entry in entries:
                    self._intake.forward(entry)
                    after = entry.seq
                    count += 1
                if not entries:
                    if self._intake.go_direct():
                        log.info("deliveries go to Kafka again", forwarded=count)
                        return True
                    after = 0  # the rest is on the disk: most likely it came there just now
                    await asyncio.sleep(_PAUSE_SECONDS)
            except Overloaded:
                await asyncio.sleep(_PAUSE_SECONDS)
            # Each chunk is waited for: so no more than one is in memory.
            await self._intake.producer_empty.wait()
            if self._intake.uncertain_since is not None:
                return False

    async def _look_for(self, since: float) -> None:
        """Leave out what is in the topic already. Raises TopicUnreadable."""
        missing = {one.delivery: one for one in self._intake.backlog()}
        begin = datetime.fromtimestamp(since, UTC) - _CLOCKS
        for look in range(2):
            if look:
                await asyncio.sleep(ON_THE_WIRE_SECONDS)
            async for record in read_tail(
                self._kafka, EVENT.topic, since=begin, most_per_partition=_MOST_PER_PARTITION
            ):
                found = missing.pop(delivery_of(record) or b"", None)
                if found is not None:
                    self._intake.found(found)
        self._intake.uncertain_since = None
