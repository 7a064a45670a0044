"""Deciding about a delivery: verified, named, published once; the answer is the marketplace's own."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
from typing import Final

from libs.marketplaces.contract import BadPayload, Refused, UnknownAccount
from libs.marketplaces.delivery import Delivery, Notification
from libs.printable import is_printable
from libs.telemetry.log import get_logger
from services.webhook_gateway.deadlines import Deadlines
from services.webhook_gateway.intake import LATE, Intake, NotTakenIn
from services.webhook_gateway.places import Marketplace, Place
from services.webhook_gateway.record import Recorder
from services.webhook_gateway.records import Clock, webhook_id, webhook_record
from services.webhook_gateway.shares import Shares
from services.webhook_gateway.traces import Trace
from services.webhook_gateway.verdict import DEFECT, Verdict, absence, refusal

log = get_logger()

_time: Final = time.time
_perf_counter: Final = time.perf_counter
"""Compiled, a name of another module is looked up at each call."""

KEY_WAITING_BYTES: Final = 16 * 1024 * 1024
"""What may wait for keys at one time, shared fairly among accounts. Apart from what waits for Kafka: none of it is
proved yet, and how much comes is up to whoever invents names of keys.
"""

KEY_OVERHEAD: Final = 16 * 1024
"""Bytes that one takes beside its body while it waits for a key: its headers at their most, and its task."""

_UNPROVED: Final = ("overloaded", "Too many deliveries wait for a key that their proofs name.")

_LONGEST: Final = 512  # characters of a name in a Kafka header or key; no marketplace's ids come near it


class Arrival:
    """A request on its way to its verdict; `since` is when its last byte was here (until then: when it began).

    `verdict` and `ended_at` are there once it has `ended`. Both times are of `time.perf_counter`. `route` is told where
    nobody else counts the request in the metrics that all services have in common.
    """

    topic: str | None = None
    webhook_id: str | None = None
    size = 0
    ended = False
    ended_at: float
    verdict: Verdict

    def __init__(
        self,
        gateway: "Gateway",
        place: Place,
        request_id: str,
        trace: Trace,
        route: str | None,
    ) -> None:
        self._gateway = gateway
        self.place = place
        self.request_id = request_id
        self.trace = trace
        self.route = route
        self.account = place.known_account
        self.since = _perf_counter()

    def answer(self, verdict: Verdict) -> None:
        """Called once, before the verdict is told of."""
        raise NotImplementedError

    def taken_in(self, *, new: bool) -> None:
        marketplace = self.place.marketplace
        if marketplace is not None:
            self._gateway.end(self, marketplace.accepted if new else marketplace.duplicate)

    def not_taken_in(self, reason: str, detail: str) -> None:
        self._gateway.end(self, absence(reason, detail, self._gateway.retry_after))

    def late(self) -> None:
        self.not_taken_in(*LATE)


class Replied(Arrival):
    """One that is answered by a function: it is given the verdict."""

    def __init__(
        self,
        gateway: "Gateway",
        place: Place,
        request_id: str,
        trace: Trace,
        reply: Callable[[Verdict], None],
        route: str | None = None,
    ) -> None:
        super().__init__(gateway, place, request_id, trace, route)
        self._reply = reply

    def answer(self, verdict: Verdict) -> None:
        self._reply(verdict)


class Gateway:
    """Decides about the deliveries of the configured marketplaces."""

    def __init__(self, intake: Intake, deadlines: Deadlines, recorder: Recorder, retry_after: timedelta) -> None:
        self._intake = intake
        self._deadlines = deadlines
        self._recorder = recorder
        self._fetching: set[asyncio.Task[None]] = set()
        self._unproved = Shares(KEY_WAITING_BYTES)
        self._clock = Clock()
        self.retry_after = retry_after

    def admit(self, place: Place) -> Marketplace:
        """The marketplace of a place; raise Refused where no such marketplace or account is configured."""
        marketplace = place.marketplace
        if marketplace is None:
            raise Refused(404, "unknown_marketplace", "No such marketplace is configured.")
        if place.account is not None and place.account not in marketplace.accounts:
            raise UnknownAccount("No such account is configured.")
        return marketplace

    def receive(self, arrival: Arrival, headers: dict[bytes, bytes], doubled: frozenset[bytes], body: bytes) -> None:
        """Decide about a complete request; it is answered now or later, in time."""
        place = arrival.place
        try:
            marketplace = self.admit(place)
            arrival.size = len(body)
            arrival.since = _perf_counter()
            delivery, kept = marketplace.reception.read(
                headers, doubled, place.query, body, place.account, place.secret, _time()
            )
            found = marketplace.verifier.verify(delivery)
            if isinstance(found, Notification):
                self._take_in(arrival, marketplace, delivery, kept, found)
            else:
                self._take_in_later(arrival, marketplace, delivery, kept, found)
        except Exception as error:  # noqa: BLE001  (each becomes a verdict)
            self.fail(arrival, error)

    def fail(self, arrival: Arrival, error: Exception) -> None:
        """End with what an exception stands for."""
        if arrival.ended:
            return
        match error:
            case Refused():
                self.end(arrival, refusal(error))
            case NotTakenIn():
                self.end(arrival, absence(error.reason, error.detail, self.retry_after))
            case _:
                log.error("a delivery failed", request_id=arrival.request_id, exc_info=error)
                self.end(arrival, DEFECT)

    def end(self, arrival: Arrival, verdict: Verdict) -> None:
        """Answer, then tell of the verdict; only the first one counts. Never raises: others may come behind it."""
        if arrival.ended:
            return
        arrival.ended = True
        arrival.verdict = verdict
        arrival.ended_at = _perf_counter()
        try:
            arrival.answer(verdict)
        except Exception:
            log.exception("an answer could not be given", request_id=arrival.request_id)
        self._recorder.record(arrival)

    def _take_in(
        self,
        arrival: Arrival,
        marketplace: Marketplace,
        delivery: Delivery,
        kept: list[bytes],
        notification: Notification,
    ) -> None:
        check_names(notification)
        arrival.account, arrival.topic = notification.account, notification.topic
        identity, text = webhook_id(marketplace.name, notification)
        received_at = int(delivery.received * 1e6 + 0.5)
        record = webhook_record(
            marketplace.name,
            notification,
            text,
            delivery.body,
            kept,
            self._clock.text(received_at),
            received_at // 1000,
            arrival.trace,
        )
        arrival.webhook_id = text
        if self._intake.take_in(identity, record, arrival):
            self.end(arrival, marketplace.duplicate)
            return
        self._deadlines.watch(arrival, marketplace.patience)

    def _take_in_later(
        self,
        arrival: Arrival,
        marketplace: Marketplace,
        delivery: Delivery,
        kept: list[bytes],
        found: Awaitable[Notification],
    ) -> None:
        """A key must be fetched first; until then the delivery holds a share of what may wait for keys."""
        share = f"{marketplace.name}:{delivery.account or '-'}".encode()
        size = len(delivery.body) + KEY_OVERHEAD
        if not self._unproved.take(share, size):
            if isinstance(found, Coroutine):
                found.close()
            raise NotTakenIn(*_UNPROVED)

        async def finish() -> None:
            try:
                async with asyncio.timeout(marketplace.patience):
                    notification = await found
            except TimeoutError:
                self.fail(arrival, NotTakenIn("cannot_verify", "The proof could not be checked in time."))
                return
            except Exception as error:  # noqa: BLE001  (each becomes a verdict)
                self.fail(arrival, error)
                return
            try:
                self._take_in(arrival, marketplace, delivery, kept, notification)
            except Exception as error:  # noqa: BLE001
                self.fail(arrival, error)

        def finished(task: asyncio.Task[None]) -> None:
            self._fetching.discard(task)
            self._unproved.give_back(share, size)

        task = asyncio.ensure_future(finish())
        self._fetching.add(task)
        task.add_done_callback(finished)


def check_names(notification: Notification) -> None:
    """Raise BadPayload unless the names fit into a record's key and headers."""
    resource = notification.resource if notification.resource is not None else "-"
    delivery, topic, subject = notification.delivery_id, notification.topic, notification.subject
    lengths_fit = (
        0 < len(delivery) <= _LONGEST
        and 0 < len(topic) <= _LONGEST
        and 0 < len(subject) <= _LONGEST
        and 0 < len(resource) <= _LONGEST
    )
    if not lengths_fit or not is_printable(f"{delivery}{topic}{subject}{resource}"):
        raise BadPayload("An identifier in the body is empty, too long, or not printable.")
