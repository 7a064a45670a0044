"""Taking deliveries in: each published once, however often and however fast it is delivered.

No answer's deadline ends a publication: the producer may still write a record whose sender was told 503, so
a redelivery waits for that same publication instead of starting a second one.
"""

import asyncio
import time
from typing import Protocol

from libs.bus.group_commit import Done, Overloaded
from libs.telemetry.log import get_logger
from schemas.envelope import Header
from services.webhook_gateway.records import Record
from services.webhook_gateway.window import Window

log = get_logger()


class NotTakenIn(Exception):
    """A delivery is not durable in time; `reason` is a short fixed code. It may become so later."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


WARMING_UP = ("warming_up", "The gateway has just started and is not ready yet.")
KAFKA_LATE = ("kafka_away", "Kafka has not acknowledged the delivery in time.")
KAFKA_AWAY = ("kafka_away", "Kafka has not taken the delivery.")
OVERLOADED = ("overloaded", "Too many deliveries wait for Kafka.")


class Log(Protocol):
    """A topic. `done` is called once per record, later: with None when it is durable, else with why not."""

    def append(self, key: bytes, value: bytes, headers: list[Header], timestamp_ms: int, done: Done) -> None:
        """Raises Overloaded."""
        ...


class Sender(Protocol):
    """Who waits for a delivery to be durable. One of the two is called, once, never from `take_in`."""

    def taken_in(self, *, new: bool) -> None: ...

    def not_taken_in(self, reason: str, detail: str) -> None: ...


class _Publication:
    """A record on its way to Kafka, and who waits for it: the first sender is the one whose delivery is new."""

    __slots__ = ("_end", "delivery", "senders", "size")

    def __init__(self, intake: "Intake", delivery: bytes, size: int, sender: Sender) -> None:
        self._end = intake.end
        self.delivery = delivery
        self.size = size
        self.senders = [sender]

    def __call__(self, error: Exception | None) -> None:
        self._end(self, error)


class Intake:
    """Publishes deliveries once."""

    def __init__(self, topic: Log, window: Window, *, waiting_bytes: int) -> None:
        self._topic = topic
        self._window = window
        self._waiting_bytes = waiting_bytes
        self._on_the_way: dict[bytes, _Publication] = {}
        self._early: list[tuple[bytes, Record, Sender]] = []
        self._bytes = 0
        self._settled = asyncio.Event()
        self.warmed_up = False

    def take_in(self, delivery: bytes, record: Record, sender: Sender) -> bool:
        """Make a delivery durable: True if it is already, else `sender` is told later. Raises NotTakenIn."""
        if not self.warmed_up:
            self._early_bird(delivery, record, sender)
            return False
        if self._window.holds(delivery, time.time()):
            return True
        publication = self._on_the_way.get(delivery)
        if publication is not None:
            publication.senders.append(sender)
            return False
        self._begin(delivery, record, sender)
        return False

    def warm(self) -> None:
        """The window is filled: go on with what came before."""
        self.warmed_up = True
        early, self._early = self._early, []
        for delivery, record, sender in early:
            self._bytes -= len(record.value)
            try:
                if self.take_in(delivery, record, sender):
                    sender.taken_in(new=False)
            except NotTakenIn as error:
                sender.not_taken_in(error.reason, error.detail)

    async def settle(self, within: float) -> None:
        """Wait for what is on its way, at most so many seconds; the rest was answered with 503 or not at all."""
        if not self._on_the_way:
            return
        self._settled.clear()
        try:
            await asyncio.wait_for(self._settled.wait(), within)
        except TimeoutError:
            late = len(self._on_the_way)
            log.warning("stopped before Kafka acknowledged; their senders come again", deliveries=late)

    def _early_bird(self, delivery: bytes, record: Record, sender: Sender) -> None:
        self._reserve(len(record.value))
        self._early.append((delivery, record, sender))

    def _begin(self, delivery: bytes, record: Record, sender: Sender) -> None:
        size = len(record.value)
        self._reserve(size)
        publication = _Publication(self, delivery, size, sender)
        try:
            self._topic.append(*record, publication)
        except Overloaded:
            self._bytes -= size
            raise NotTakenIn(*OVERLOADED) from None
        self._on_the_way[delivery] = publication

    def _reserve(self, size: int) -> None:
        if self._bytes + size > self._waiting_bytes:
            raise NotTakenIn(*OVERLOADED)
        self._bytes += size

    def end(self, publication: _Publication, error: Exception | None) -> None:
        """A publication has ended: for the topic to call."""
        # In the same step of the loop: at no time is an acknowledged delivery in neither place.
        del self._on_the_way[publication.delivery]
        self._bytes -= publication.size
        if error is None:
            self._window.add(publication.delivery, time.time())
            new = True
            for sender in publication.senders:
                sender.taken_in(new=new)
                new = False
        else:
            log.warning("a delivery was not published", error=f"{type(error).__name__}: {error}")
            for sender in publication.senders:
                sender.not_taken_in(*KAFKA_AWAY)
        if not self._on_the_way:
            self._settled.set()
