"""The records that the gateway writes, their headers as the bytes that Kafka stores: a dozen, most of them constant.

The same as `libs.bus.message.message` makes of the fact; a test holds the two together.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha1
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from libs.bus.batch_writer import field, header, varint
from libs.marketplaces.delivery import Notification
from schemas.deliveries.delivery_decided import DeliveryDecidedV1
from schemas.event import Fact
from schemas.registry import BY_MODEL
from schemas.webhooks.webhook_received import WebhookReceivedV1
from services.webhook_gateway.traces import Trace

_NAMESPACED: Final = sha1(uuid5(NAMESPACE_URL, "urn:sellstream:webhook").bytes, usedforsecurity=False)

_VERSION: Final = [bytes([0x50 | byte & 0x0F]) for byte in range(256)]
_VARIANT: Final = [bytes([0x80 | byte & 0x3F]) for byte in range(256)]
"""A UUID's seventh and ninth byte, by what is hashed there (RFC 9562, sections 4.1 and 5.5)."""


@dataclass(init=False)
class Record:
    """A record for a topic; `headers` is a `header_block`, the time is in milliseconds since 1970.

    Written like `libs.marketplaces.delivery`, for the same reasons.
    """

    key: bytes
    value: bytes
    headers: bytes
    timestamp_ms: int

    def __init__(self, key: bytes, value: bytes, headers: bytes, timestamp_ms: int) -> None:
        self.key = key
        self.value = value
        self.headers = headers
        self.timestamp_ms = timestamp_ms


def webhook_id(marketplace: str, notification: Notification) -> tuple[bytes, str]:
    """The id of a delivery's event, the same for all its retries, everywhere: a UUID of version 5, bytes and text."""
    name = f"{marketplace}:{notification.account}:{notification.delivery_id}".encode()
    hashed = _NAMESPACED.copy()
    hashed.update(name)
    raw = hashed.digest()
    identity = b"".join((raw[:6], _VERSION[raw[6]], raw[7:8], _VARIANT[raw[8]], raw[9:16]))
    digits = identity.hex()
    return identity, f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


class _Frame:
    """The constant headers of one event, cut where an id, a time and a subject stand between them."""

    def __init__(self, fact: type[Fact]) -> None:
        version = BY_MODEL[fact]
        self.to_id = (
            header("content-type", b"application/json") + header("ce_specversion", b"1.0") + _before("ce_id", 36)
        )
        self.to_time = (
            header("ce_source", b"/sellstream/webhook_gateway")
            + header("ce_type", version.type.encode())
            + _before("ce_time", len("2026-01-15T10:20:30.456789Z"))
        )
        self.to_subject = field(b"ce_subject")
        self.to_correlation = header("ce_dataschema", version.dataschema.encode()) + _before("ce_correlationid", 36)


def _before(name: str, length: int) -> bytes:
    """What stands before a header's value of that many bytes."""
    return field(name.encode()) + varint(length)


_WEBHOOK: Final = _Frame(WebhookReceivedV1)
_DECISION: Final = _Frame(DeliveryDecidedV1)
_RESOURCE: Final = field(b"ce_resource")
_PARENT: Final = _before("traceparent", 55)
_STATE: Final = field(b"tracestate")
_WEBHOOK_HEADERS: Final = 14
_DECISION_HEADERS: Final = 10
"""How many there are of each, beside those that are not always there."""


def webhook_record(
    marketplace: str,
    notification: Notification,
    identity: str,
    body: bytes,
    kept: list[bytes],
    received_at: str,
    timestamp_ms: int,
    trace: Trace,
) -> Record:
    """The record of `webhook.received`; `kept` are the HTTP headers that the delivery's proof depends on, encoded.

    `received_at` and `timestamp_ms` are the same time, once as `Clock` writes it.
    """
    ident = identity.encode()
    to_key, to_delivery, topic = _names(marketplace, notification.account, notification.topic)
    subject = to_key + notification.subject.encode()
    delivery = notification.delivery_id.encode()
    resource, state = notification.resource, trace.state
    count = _WEBHOOK_HEADERS + (resource is not None) + (state is not None) + len(kept)
    headers = [
        varint(count),
        _WEBHOOK.to_id,
        ident,
        _WEBHOOK.to_time,
        received_at.encode(),
        _WEBHOOK.to_subject,
        varint(len(subject)),
        subject,
        _WEBHOOK.to_correlation,
        ident,
        to_delivery,
        varint(len(delivery)),
        delivery,
        topic,
        b"" if resource is None else _RESOURCE + field(resource.encode()),
        _PARENT,
        trace.parent(),
        b"" if state is None else _STATE + field(state),
    ]
    headers += kept
    return Record(subject, body, b"".join(headers), timestamp_ms)


_MOST_NAMED: Final = 1024
_named: Final[dict[tuple[str, str, str], tuple[bytes, bytes, bytes]]] = {}


def _names(marketplace: str, account: str, topic: str) -> tuple[bytes, bytes, bytes]:
    """What the key begins with, what stands between the correlation and the delivery's id, the topic behind that."""
    found = _named.get((marketplace, account, topic))
    if found is None:
        to_delivery = (
            header("ce_marketplace", marketplace.encode())
            + header("ce_account", account.encode())
            + field(b"ce_deliveryid")
        )
        found = f"{marketplace}:{account}:".encode(), to_delivery, header("ce_notificationtopic", topic.encode())
        if len(_named) >= _MOST_NAMED:  # a sender may invent topics
            _named.clear()
        _named[marketplace, account, topic] = found
    return found


def decision_record(key: bytes, data: bytes, decided_at: str, timestamp_ms: int, trace: Trace) -> Record:
    """The record of `delivery.decided`; `data` is the event's JSON. The id is random."""
    ident = trace.decision_id.encode()
    state = trace.state
    headers = (
        varint(_DECISION_HEADERS + (state is not None)),
        _DECISION.to_id,
        ident,
        _DECISION.to_time,
        decided_at.encode(),
        _DECISION.to_subject,
        varint(len(key)),
        key,
        _DECISION.to_correlation,
        ident,
        _PARENT,
        trace.told(),
        b"" if state is None else _STATE + field(state),
    )
    return Record(key, data, b"".join(headers), timestamp_ms)


_THREE_DIGITS: Final = [f"{number:03}" for number in range(1000)]


class Clock:
    """Times as texts in the form of `schemas.values.format_time`; most of one is the same for a while."""

    def __init__(self) -> None:
        self._second = self._millisecond = -1
        self._to_second = self._to_millisecond = ""

    def text(self, microseconds: int) -> str:
        """`microseconds` are since 1970."""
        millisecond = microseconds // 1000
        if millisecond != self._millisecond:
            second = millisecond // 1000
            if second != self._second:
                self._to_second = datetime.fromtimestamp(second, UTC).isoformat()[:-6]
                self._second = second
            self._to_millisecond = f"{self._to_second}.{_THREE_DIGITS[millisecond % 1000]}"
            self._millisecond = millisecond
        return f"{self._to_millisecond}{_THREE_DIGITS[microseconds % 1000]}Z"
