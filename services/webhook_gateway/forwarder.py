"""From the spool to Kafka, in order, once, as soon as Kafka is back; then the gateway goes on directly.

What the producer of this process may still write is waited for. What the producer gave up, or a process that is gone
had begun, may be in the topic: it is looked for there by its delivery id before it is written.

Kafka may refuse a delivery for its own sake, and all that is in a batch with it: each of these is tried by itself then,
and only what is refused once more stays behind, on the disk.
"""

import asyncio
import sqlite3
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from uuid import UUID

from libs.bus.group_commit import Overloaded
from libs.bus.settings import KafkaSettings
from libs.bus.tail import TopicUnreadable, read_tail
from libs.telemetry.log import get_logger
from schemas.webhooks.webhook_received import EVENT
from services.webhook_gateway.intake import Intake
from services.webhook_gateway.spool import Entry, Spool
from services.webhook_gateway.warm_up import delivery_of

log = get_logger()

RETRY_SECONDS = 1.0

ON_THE_WIRE_SECONDS = 1.0
"""How long after the first look at the topic the last one is taken: a request of a process that was killed may lie in
the broker's socket while the broker is stopped, and is written when it goes on."""

AGAIN_SECONDS = 600.0
"""How long after something was passed over it is tried again: it costs all deliveries a detour."""

CLOCK_SECONDS = 10.0
"""How long after Kafka has refused the present time it is asked again."""

_PAUSE_SECONDS = 0.05

_CHUNK = 500
_MOST_PER_PARTITION = 10_000_000
_CLOCKS = timedelta(minutes=10)
"""How far a record's time may be before the one in the spool, clocks being what they are."""


class _WrongClock(Exception):
    """Kafka takes no record of the present: this machine's clock, or the broker's, is wrong."""


class Forwarder:
    """Ends the intake's detour whenever it is made."""

    def __init__(self, kafka: KafkaSettings, intake: Intake, spool: Spool, window_filled: asyncio.Event) -> None:
        self._kafka = kafka
        self._intake = intake
        self._spool = spool
        self._window_filled = window_filled
        self._again_at: float | None = None  # by the loop's clock: when what was passed over is tried again

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
            await self._until_needed()
            try:
                if await self._end_detour():
                    await self._spool.shrink()
                    continue
            except _WrongClock:
                await asyncio.sleep(CLOCK_SECONDS)
            except (TopicUnreadable, sqlite3.Error) as error:
                log.warning("the spool is not forwarded yet; trying again", error=f"{type(error).__name__}: {error}")
            await asyncio.sleep(RETRY_SECONDS)

    async def _until_needed(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout_at(self._again_at):
                await self._intake.detour.wait()
        if self._again_at is not None and asyncio.get_running_loop().time() >= self._again_at:
            self._again_at = None
            self._intake.try_again()

    async def _end_detour(self) -> bool:
        """Bring everything to Kafka; False when it is not known of something whether Kafka has taken it."""
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
            await self._one_by_one(entries)
            if self._intake.uncertain_since is not None:
                return False

    async def _one_by_one(self, entries: list[Entry]) -> None:
        """What Kafka has refused among these, in its order: each alone, so that its neighbours do not suffer.

        As of now, so that no time of its own stands in the way. Raises _WrongClock.
        """
        for entry in entries:
            if self._intake.uncertain_since is not None:
                return
            if self._intake.refusal(entry) is None:
                continue
            self._intake.forward(entry, as_of_now=True)
            await self._intake.producer_empty.wait()
            refusal = self._intake.refusal(entry)
            if refusal is None:
                continue
            if refusal.of_time:
                log.error(
                    "Kafka refuses deliveries because of their time; they wait on the disk, in their order",
                    error=str(refusal),
                    to_do="set this machine's clock and the brokers' right (NTP)",
                )
                raise _WrongClock
            self._intake.pass_over(entry)
            self._again_at = self._again_at or asyncio.get_running_loop().time() + AGAIN_SECONDS
            log.error(
                "Kafka refuses a delivery; it stays on the disk, and others go on",
                webhook_id=str(UUID(bytes=entry.delivery)),
                key=entry.record.key.decode(errors="replace"),
                bytes=len(entry.record.value) + len(entry.record.headers),
                error=str(refusal),
                to_do=f"let the topic take it (its max.message.bytes); tried every {AGAIN_SECONDS:.0f} s, and at start",
            )

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
