"""The records that the gateway writes, built straight into Kafka headers: a dozen per request, most of them constant.

The same as `libs.bus.message.message` makes of the fact; a test holds the two together.
"""

from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha1
from typing import NamedTuple
from uuid import NAMESPACE_URL, uuid5

from libs.marketplaces.contract import Notification
from schemas.deliveries.delivery_decided import DeliveryDecidedV1
from schemas.envelope import Header
from schemas.event import Fact
from schemas.registry import BY_MODEL
from schemas.webhooks.webhook_received import WebhookReceivedV1
from services.webhook_gateway.traces import Trace

SOURCE = "/sellstream/webhook_gateway"

_NAMESPACE = uuid5(NAMESPACE_URL, "urn:sellstream:webhook").bytes


class Record(NamedTuple):
    """A record for a topic; the time is in milliseconds since 1970."""

    key: bytes
    value: bytes
    headers: list[Header]
    timestamp_ms: int


def webhook_id(marketplace: str, notification: Notification) -> tuple[bytes, str]:
    """The id of a delivery's event, the same for all its retries, everywhere: a UUID of version 5, bytes and text."""
    name = f"{marketplace}:{notification.account}:{notification.delivery_id}".encode()
    number = int.from_bytes(sha1(_NAMESPACE + name, usedforsecurity=False).digest()[:16])
    number = number & ~(0xF000 << 64) & ~(0xC000 << 48) | 5 << 76 | 0x8000 << 48  # RFC 9562: version 5, variant 10
    return number.to_bytes(16), _uuid(f"{number:032x}")


class _Head:
    """The headers that all events of one kind begin with."""

    def __init__(self, fact: type[Fact]) -> None:
        version = BY_MODEL[fact]
        self.first: list[Header] = [("content-type", b"application/json"), ("ce_specversion", b"1.0")]
        self.source: list[Header] = [("ce_source", SOURCE.encode()), ("ce_type", version.type.encode())]
        self.schema: Header = ("ce_dataschema", version.dataschema.encode())


_WEBHOOK = _Head(WebhookReceivedV1)
_DECIDED = _Head(DeliveryDecidedV1)


def webhook_record(
    marketplace: str,
    notification: Notification,
    identity: str,
    body: bytes,
    kept: list[Header],
    received_at: datetime,
    trace: Trace,
) -> Record:
    """The record of `webhook.received`, with the HTTP headers that the delivery's proof depends on."""
    ident = identity.encode()
    names = _names(marketplace, notification.account, notification.topic)
    subject = f"{marketplace}:{notification.account}:{notification.subject}".encode()
    headers: list[Header] = [
        *_WEBHOOK.first,
        ("ce_id", ident),
        *_WEBHOOK.source,
        ("ce_time", time_text(received_at).encode()),
        ("ce_subject", subject),
        _WEBHOOK.schema,
        ("ce_correlationid", ident),
        names[0],
        names[1],
        ("ce_deliveryid", notification.delivery_id.encode()),
        names[2],
    ]
    if notification.resource is not None:
        headers.append(("ce_resource", notification.resource.encode()))
    headers.append(("traceparent", trace.parent()))
    if trace.state is not None:
        headers.append(("tracestate", trace.state))
    headers += kept
    return Record(subject, body, headers, int(received_at.timestamp() * 1000))


@lru_cache(maxsize=1024)
def _names(marketplace: str, account: str, topic: str) -> tuple[Header, Header, Header]:
    return (
        ("ce_marketplace", marketplace.encode()),
        ("ce_account", account.encode()),
        ("ce_notificationtopic", topic.encode()),
    )


def decision_record(key: bytes, data: bytes, decided_at: str, timestamp_ms: int, trace: Trace) -> Record:
    """The record of `delivery.decided`; `data` is the event's JSON. The id is random."""
    ident = random_uuid(trace.spare).encode()
    headers: list[Header] = [
        *_DECIDED.first,
        ("ce_id", ident),
        *_DECIDED.source,
        ("ce_time", decided_at.encode()),
        ("ce_subject", key),
        _DECIDED.schema,
        ("ce_correlationid", ident),
        ("traceparent", trace.told()),
    ]
    if trace.state is not None:
        headers.append(("tracestate", trace.state))
    return Record(key, data, headers, timestamp_ms)


def time_text(moment: datetime) -> str:
    """`schemas.values.format_time` for a time that is in UTC already."""
    return moment.isoformat(timespec="microseconds")[:-6] + "Z"


class Clock:
    """The present time as a text in the form of `time_text`; most of it is the same for a second."""

    def __init__(self) -> None:
        self._second = -1
        self._text = ""

    def text(self, now: float) -> str:
        """`now` is in seconds since 1970."""
        second = int(now)
        if second != self._second:
            self._second = second
            self._text = datetime.fromtimestamp(second, UTC).isoformat()[:-6]
        return f"{self._text}.{int((now - second) * 1e6):06d}Z"


def random_uuid(digits: str) -> str:
    """The UUID of version 4 that 32 random hexadecimal digits make."""
    return _uuid(f"{digits[:12]}4{digits[13:16]}{'89ab'[int(digits[16], 16) & 3]}{digits[17:]}")


def now() -> datetime:
    return datetime.now(UTC)


def _uuid(digits: str) -> str:
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
