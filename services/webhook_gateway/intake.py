"""Taking deliveries in: each published once, however often and however fast it is delivered.

Two ways. Directly: a delivery goes to Kafka, and its sender is answered when Kafka has acknowledged it. As soon as
Kafka is late or refuses, by the detour: deliveries go to the spool, their senders are answered when they are on the
disk, and the forwarder brings them to Kafka in their order. Direct again only when nothing is left that Kafka has not
been given: so the order of a key holds.

No answer's deadline ends a publication: the producer may still write a record whose sender was told 503 or answered
from the spool. So a redelivery waits for that same publication, and the spool's copy waits for its end.
"""

import asyncio
import time
from collections.abc import Collection
from functools import partial
from typing import Final, Protocol

from libs.bus.group_commit import Log, Overloaded, Refused
from libs.telemetry.log import get_logger
from libs.telemetry.metrics import GATEWAY_SPOOL_BYTES, GATEWAY_SPOOL_DELIVERIES, GATEWAY_SPOOLED
from services.webhook_gateway.records import Record
from services.webhook_gateway.shares import Shares, account_of
from services.webhook_gateway.spool import Entry, NotSpooled, Spool
from services.webhook_gateway.window import Window

log = get_logger()

LOOK_SECONDS = 0.02

_LOOK_BACK_SECONDS = 24 * 3600.0
"""How far to look for what has a time in the future: it may have been forwarded under an earlier one."""

_time: Final = time.time
_monotonic: Final = time.monotonic
"""Compiled, a name of another module is looked up at each call."""


class NotTakenIn(Exception):
    """A delivery is not durable in time; `reason` is a short fixed code. It may become so later."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


LATE = ("kafka_away", "The delivery was not durable in time.")
NOWHERE = ("kafka_away", "Neither Kafka nor the local disk has taken the delivery.")
OVERLOADED = ("overloaded", "Too many deliveries wait to become durable.")

_OVERHEAD = 2048
"""Bytes that a delivery takes beside its body while it waits, about."""


_MOST_SENDERS = 64
"""Who may wait for one delivery at the same time, each with the body that it has sent: nobody else counts these."""


class Sender(Protocol):
    """Who waits for a delivery to be durable. One of the two is called, once, never from `take_in`.

    `ended`: it has its answer already, and waits no more.
    """

    ended: bool

    def taken_in(self, *, new: bool) -> None: ...

    def not_taken_in(self, reason: str, detail: str) -> None: ...


class Publication:
    """A delivery that is not in the window yet, and who waits for it: the first sender is the one for whom it is new.

    `record` is None when only the spool has it; `spooled`: the spool was asked to keep it; `kept`: it is on the disk;
    `in_producer`: the producer may write it; `refused`: Kafka has not, because of this one or one beside it;
    `passed_over`: because of this one, and it stays on the disk until it is tried again.
    """

    spooled = False
    kept = False
    in_producer = False
    refused: Refused | None = None
    passed_over = False
    new = True  # for who waits first
    account = b""
    size = 0  # of what it holds of its account's share

    def __init__(self, seq: int, delivery: bytes, record: Record | None, senders: list[Sender]) -> None:
        self.seq = seq
        self.delivery = delivery
        self.record = record
        self.senders = senders
        self.since = _monotonic()

    def add(self, sender: Sender) -> None:
        """One more who waits. Raises NotTakenIn."""
        waiting = [one for one in self.senders if not one.ended]
        if self.senders and self.senders[0].ended:
            self.new = False  # it was, for one who is gone
        if len(waiting) >= _MOST_SENDERS:
            raise NotTakenIn(*OVERLOADED)
        waiting.append(sender)
        self.senders = waiting


class Intake:
    """Publishes deliveries once. `spool_after`: seconds that Kafka may take before the detour is made.

    `waiting_bytes` bounds what is in memory, and is shared fairly (`shares.py`).

    Begins on the detour, with what an earlier process left in the spool; the forwarder decides when it is direct.
    """

    def __init__(
        self, topic: Log[Publication], window: Window, spool: Spool, *, waiting_bytes: int, spool_after: float
    ) -> None:
        self._topic = topic
        topic.ended = self._ended
        self._window = window
        self._spool = spool
        self._shares = Shares(waiting_bytes)
        self._spool_after = spool_after
        self._waiting: dict[bytes, Publication] = {}  # in the order of arrival
        self._seq = 0
        self._in_producer = 0
        self._timer: asyncio.TimerHandle | None = None
        self._direct = False
        earliest = min((one.timestamp_ms / 1000 for one in spool.kept), default=None)
        if any(one.timestamp_ms / 1000 > _time() for one in spool.kept):
            earliest = min(earliest or 0, _time() - _LOOK_BACK_SECONDS)
        self.uncertain_since = earliest
        """What arrived then (seconds since 1970) or later, and is in the spool, may be in the topic already."""
        self.detour = asyncio.Event()
        self.detour.set()
        self.producer_empty = asyncio.Event()
        self.producer_empty.set()
        for kept in spool.kept:
            publication = self._waiting[kept.delivery] = Publication(kept.seq, kept.delivery, None, [])
            publication.spooled = publication.kept = True
            self._seq = kept.seq
        self._tell()

    def take_in(self, delivery: bytes, record: Record, sender: Sender) -> bool:
        """Make a delivery durable: True if it is already, else `sender` is told later. Raises NotTakenIn."""
        if self._window.holds(delivery, _time()):
            return True
        publication = self._waiting.get(delivery)
        if publication is not None:
            if publication.kept:
                return True
            publication.add(sender)
            return False
        account, size = account_of(record.key), len(record.value) + _OVERHEAD
        if not self._shares.take(account, size):
            raise NotTakenIn(*OVERLOADED)
        self._seq += 1
        publication = Publication(self._seq, delivery, record, [sender])
        try:
            if self._direct:
                self._publish(publication, record)
            else:
                self._keep(publication, record)
        except Overloaded:
            self._shares.give_back(account, size)
            raise NotTakenIn(*OVERLOADED) from None
        except NotSpooled as error:
            self._shares.give_back(account, size)
            raise NotTakenIn("spool_full", f"Kafka is away, and the local disk takes no more: {error}.") from None
        publication.account, publication.size = account, size
        self._waiting[delivery] = publication
        return False

    def close(self) -> None:
        """Look at nothing more."""
        self._direct = False
        if self._timer is not None:
            self._timer.cancel()

    async def settle(self, within: float) -> None:
        """Wait for what is in the producer, at most so many seconds; the rest was answered 503, or is on the disk."""
        try:
            await asyncio.wait_for(self.producer_empty.wait(), within)
        except TimeoutError:
            log.warning("stopped before Kafka acknowledged all", deliveries=self._in_producer)

    async def check(self) -> None:
        """Raise while deliveries cannot become durable: for readiness."""
        if not self._direct and self._spool.full:
            raise NotTakenIn("spool_full", "Kafka is away, and the local spool is full")

    # for the forwarder

    def backlog(self) -> Collection[Publication]:
        """What the producer does not have, in the order of arrival."""
        return [one for one in self._waiting.values() if not one.in_producer]

    def forward(self, entry: Entry, *, as_of_now: bool = False) -> None:
        """Give the producer what the spool has, as of now if that is earlier (or told so). Raises Overloaded.

        Kafka refuses what is an hour ahead: a clock that was wrong must not keep a delivery from it for ever.
        """
        publication = self._waiting.get(entry.delivery)
        if publication is None or publication.in_producer or publication.passed_over:
            return
        now = _time()
        if self._window.holds(entry.delivery, now):
            self.found(publication)
            return
        record, now_ms = entry.record, int(now * 1000)
        if as_of_now or record.timestamp_ms > now_ms:
            record = Record(record.key, record.value, record.headers, now_ms)
        self._publish(publication, record)

    def refusal(self, entry: Entry) -> Refused | None:
        """Why Kafka has refused what it was given last, unless it was passed over."""
        publication = self._waiting.get(entry.delivery)
        return None if publication is None or publication.passed_over else publication.refused

    def pass_over(self, entry: Entry) -> None:
        """Leave it on the disk, and go on without it."""
        publication = self._waiting.get(entry.delivery)
        if publication is not None:
            publication.passed_over = True

    def try_again(self) -> None:
        """What was passed over, by a detour: what is beside it in a batch would be refused with it."""
        for publication in self._waiting.values():
            publication.passed_over = False
        if self._direct:
            self._make_detour("what Kafka has refused is tried again")

    def found(self, publication: Publication) -> None:
        """It is in the topic already."""
        self._window.add([publication.delivery], _time())
        self._published(publication)
        self._tell()

    def go_direct(self) -> bool:
        """Give the producer the rest, and go on directly; False if there is something that only the disk has.

        What was passed over is no hindrance. Raises Overloaded.
        """
        rest = [one for one in self.backlog() if not one.passed_over]
        if any(one.record is None for one in rest):
            return False
        for one in rest:
            if one.record is not None:
                self._publish(one, one.record)
        self._direct = True
        self.detour.clear()
        self._look_later()
        return True

    # the way of a delivery

    def _publish(self, publication: Publication, record: Record) -> None:
        self._topic.append(record.key, record.value, record.headers, record.timestamp_ms, publication)
        publication.in_producer = True
        publication.refused = None
        if not self._in_producer:
            self.producer_empty.clear()
        self._in_producer += 1
        if self._timer is None:
            self._look_later()

    def _look_later(self) -> None:
        if self._timer is None and self._direct:
            self._timer = asyncio.get_running_loop().call_later(LOOK_SECONDS, self._look)

    def _look(self) -> None:
        """Make the detour if the oldest delivery waits for too long."""
        self._timer = None
        oldest = next((one for one in self._waiting.values() if not one.spooled), None)
        if oldest is None:
            return
        if self._direct and _monotonic() - oldest.since > self._spool_after:
            self._make_detour("Kafka is late")
        self._look_later()

    def _make_detour(self, why: str) -> None:
        """Put all that waits on the disk as well, in its order, and whatever comes."""
        self._direct = False
        log.warning("deliveries go to the spool", why=why, waiting=len(self._waiting))
        for publication in self._waiting.values():
            if not publication.spooled and publication.record is not None:
                try:
                    self._keep(publication, publication.record)
                except NotSpooled as error:
                    log.warning("the spool takes no more", error=str(error))
                    break
        self.detour.set()

    def _keep(self, publication: Publication, record: Record) -> None:
        self._spool.put(Entry(publication.seq, publication.delivery, record), partial(self._on_disk, publication))
        publication.spooled = True
        GATEWAY_SPOOLED.inc()
        self._tell()

    def _ended(self, publications: list[Publication], error: Exception | None) -> None:
        """The producer has ended publications."""
        self._in_producer -= len(publications)
        if error is None:
            # In the same step of the loop: at no time is an acknowledged delivery in neither place.
            self._window.add([one.delivery for one in publications], _time())
        else:
            told = f"{type(error).__name__}: {error}"
            log.warning("deliveries were not published", deliveries=len(publications), error=told)
        for publication in publications:
            publication.in_producer = False
            try:
                if error is None:
                    self._published(publication)
                else:
                    self._refused(publication, error)
            except Exception:
                log.exception("who waited for a delivery failed")  # and the others go on
        if not self._in_producer:
            self.producer_empty.set()

    def _published(self, publication: Publication) -> None:
        self._leave(publication)
        if publication.spooled:
            self._spool.forget(publication.seq)
            self._tell()
        self._tell_senders(publication)

    def _refused(self, publication: Publication, error: Exception) -> None:
        if isinstance(error, Refused):
            publication.refused = error
        else:
            arrived = _time() - (_monotonic() - publication.since)
            self.uncertain_since = min(arrived, self.uncertain_since or arrived)
        if self._direct:
            self._make_detour("Kafka has refused a delivery")
        if not publication.spooled:
            self._give_up(publication)

    def _on_disk(self, publication: Publication, error: Exception | None) -> None:
        """The spool has ended its part of a publication."""
        if publication.delivery not in self._waiting:
            return  # Kafka was faster
        if error is None:
            publication.kept = True
            self._release(publication)
            self._tell_senders(publication)
            return
        publication.spooled = False
        self._tell()
        if not publication.in_producer:
            self._give_up(publication)

    def _give_up(self, publication: Publication) -> None:
        self._leave(publication)
        senders, publication.senders = publication.senders, []
        for sender in senders:
            sender.not_taken_in(*NOWHERE)

    def _tell_senders(self, publication: Publication) -> None:
        senders, publication.senders = publication.senders, []
        new = publication.new
        for sender in senders:
            sender.taken_in(new=new)
            new = False

    def _leave(self, publication: Publication) -> None:
        del self._waiting[publication.delivery]
        self._release(publication)

    def _release(self, publication: Publication) -> None:
        publication.record = None
        if publication.size:
            self._shares.give_back(publication.account, publication.size)
            publication.size = 0

    def _tell(self) -> None:
        GATEWAY_SPOOL_DELIVERIES.set(self._spool.deliveries)
        GATEWAY_SPOOL_BYTES.set(self._spool.bytes)
