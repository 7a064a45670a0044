"""Taking deliveries in: each published once, however often and however fast it is delivered.

A delivery's publication runs in a task of its own, which no answer's deadline ends: aiokafka may still write a record
whose caller has given up, so a redelivery waits for that same publication instead of starting a second one.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from libs.bus.message import Outgoing
from libs.telemetry.log import get_logger
from services.webhook_gateway.window import Window

log = get_logger()

_Result = TypeVar("_Result")


class NotTakenIn(Exception):
    """A delivery is not durable in time; `reason` is a short fixed code. It may become so later."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Publication:
    """A record on its way to Kafka; `error` of its end is None when Kafka has acknowledged it."""

    outcome: "asyncio.Task[Exception | None]"
    size: int


class Intake:
    """Publishes deliveries once. `publish` returns when Kafka has acknowledged, and raises when it never will."""

    def __init__(self, publish: Callable[[Outgoing], Awaitable[object]], window: Window, *, waiting_bytes: int) -> None:
        self._publish = publish
        self._window = window
        self._waiting_bytes = waiting_bytes
        self._on_the_way: dict[bytes, Publication] = {}
        self._bytes = 0
        self.warmed_up = asyncio.Event()

    async def take_in(self, delivery: UUID, outgoing: Outgoing, size: int, until: float) -> bool:
        """Make a delivery durable by `until` (the loop's time): True if it is new, False if it was before.

        Raises NotTakenIn.
        """
        if not self.warmed_up.is_set():
            await _by(until, self.warmed_up.wait(), "warming_up", "The gateway has just started and is not ready yet.")
        if self._window.holds(delivery.bytes, time.time()):
            return False
        publication = self._on_the_way.get(delivery.bytes)
        fresh = publication is None
        if publication is None:
            publication = self._begin(delivery.bytes, outgoing, size)
        late = "Kafka has not acknowledged the delivery in time."
        error = await _by(until, asyncio.shield(publication.outcome), "kafka_away", late)
        if error is not None:
            raise NotTakenIn("kafka_away", "Kafka has not taken the delivery.")
        return fresh

    async def settle(self, within: float) -> None:
        """Wait for what is on its way, at most so many seconds; the rest was answered with 503 or not at all."""
        outcomes = {publication.outcome for publication in self._on_the_way.values()}
        if not outcomes:
            return
        _, late = await asyncio.wait(outcomes, timeout=within)
        for outcome in late:
            outcome.cancel()
        if late:
            log.warning("stopped before Kafka acknowledged; their senders come again", deliveries=len(late))
            await asyncio.wait(late)

    def _begin(self, delivery: bytes, outgoing: Outgoing, size: int) -> Publication:
        if self._bytes + size > self._waiting_bytes:
            raise NotTakenIn("overloaded", "Too many deliveries wait for Kafka.")
        publication = Publication(asyncio.create_task(self._published(outgoing)), size)
        self._on_the_way[delivery] = publication
        self._bytes += size
        publication.outcome.add_done_callback(lambda outcome: self._end(delivery, size, outcome))
        return publication

    async def _published(self, outgoing: Outgoing) -> Exception | None:
        try:
            await self._publish(outgoing)
        except Exception as error:  # noqa: BLE001  (whatever the client raises: the delivery is not durable)
            log.warning(
                "a delivery was not published", webhook_id=outgoing.id, error=f"{type(error).__name__}: {error}"
            )
            return error
        return None

    def _end(self, delivery: bytes, size: int, outcome: "asyncio.Task[Exception | None]") -> None:
        # In the same step of the loop: at no time is an acknowledged delivery in neither place.
        if not outcome.cancelled() and outcome.result() is None:
            self._window.add(delivery, time.time())
        del self._on_the_way[delivery]
        self._bytes -= size


async def _by(until: float, awaited: Awaitable[_Result], reason: str, detail: str) -> _Result:
    try:
        async with asyncio.timeout_at(until):
            return await awaited
    except TimeoutError:
        raise NotTakenIn(reason, detail) from None
