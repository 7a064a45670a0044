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

_NAMESPACE = uuid5(NAMESPACE_URL, "urn:sellstream:webhook").bytes

_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}
"""RFC 9562, section 4.1: the first two bits of a UUID's seventeenth digit are 1 and 0."""

_TYPE: Header = ("content-type", b"application/json")
_VERSION: Header = ("ce_specversion", b"1.0")
_SOURCE: Header = ("ce_source", b"/sellstream/webhook_gateway")


class Record(NamedTuple):
    """A record for a topic; the time is in milliseconds since 1970."""

    key: bytes
    value: bytes
    headers: list[Header]
    timestamp_ms: int


def webhook_id(marketplace: str, notification: Notification) -> tuple[bytes, str]:
    """The id of a delivery's event, the same for all its retries, everywhere: a UUID of version 5, bytes and text."""
    name = f"{marketplace}:{notification.account}:{notification.delivery_id}".encode()
    digits = _digits(sha1(_NAMESPACE + name, usedforsecurity=False).hexdigest(), "5")
    return bytes.fromhex(digits), _uuid(digits)


def _constants(fact: type[Fact]) -> tuple[Header, Header]:
    version = BY_MODEL[fact]
    return ("ce_type", version.type.encode()), ("ce_dataschema", version.dataschema.encode())


_WEBHOOK_TYPE, _WEBHOOK_SCHEMA = _constants(WebhookReceivedV1)
_DECIDED_TYPE, _DECIDED_SCHEMA = _constants(DeliveryDecidedV1)


def webhook_record(
    marketplace: str,
    notification: Notification,
    identity: str,
    body: bytes,
    kept: list[Header],
    received_at: str,
    timestamp_ms: int,
    trace: Trace,
) -> Record:
    """The record of `webhook.received`, with the HTTP headers that the delivery's proof depends on.

    `received_at` and `timestamp_ms` are the same time, once as `Clock` writes it.
    """
    ident = identity.encode()
    account = notification.account
    marketplace_header, account_header, topic_header = _names(marketplace, account, notification.topic)
    subject = f"{marketplace}:{account}:{notification.subject}".encode()
    headers: list[Header] = [
        _TYPE,
        _VERSION,
        ("ce_id", ident),
        _SOURCE,
        _WEBHOOK_TYPE,
        ("ce_time", received_at.encode()),
        ("ce_subject", subject),
        _WEBHOOK_SCHEMA,
        ("ce_correlationid", ident),
        marketplace_header,
        account_header,
        ("ce_deliveryid", notification.delivery_id.encode()),
        topic_header,
    ]
    if notification.resource is not None:
        headers.append(("ce_resource", notification.resource.encode()))
    headers.append(("traceparent", trace.parent()))
    if trace.state is not None:
        headers.append(("tracestate", trace.state))
    headers += kept
    return Record(subject, body, headers, timestamp_ms)


@lru_cache(maxsize=1024)
def _names(marketplace: str, account: str, topic: str) -> tuple[Header, Header, Header]:
    return (
        ("ce_marketplace", marketplace.encode()),
        ("ce_account", account.encode()),
        ("ce_notificationtopic", topic.encode()),
    )


def decision_record(key: bytes, data: bytes, decided_at: str, timestamp_ms: int, trace: Trace) -> Record:
    """The record of `delivery.decided`; `data` is the event's JSON. The id is random."""
    ident = random_uuid(trace.decision_digits).encode()
    headers: list[Header] = [
        _TYPE,
        _VERSION,
        ("ce_id", ident),
        _SOURCE,
        _DECIDED_TYPE,
        ("ce_time", decided_at.encode()),
        ("ce_subject", key),
        _DECIDED_SCHEMA,
        ("ce_correlationid", ident),
        ("traceparent", trace.told()),
    ]
    if trace.state is not None:
        headers.append(("tracestate", trace.state))
    return Record(key, data, headers, timestamp_ms)


class Clock:
    """Times as texts in the form of `schemas.values.format_time`; most of one is the same for a second."""

    def __init__(self) -> None:
        self._second = -1
        self._text = ""

    def text(self, microseconds: int) -> str:
        """`microseconds` are since 1970."""
        second, microsecond = divmod(microseconds, 1_000_000)
        if second != self._second:
            self._second = second
            self._text = datetime.fromtimestamp(second, UTC).isoformat()[:-6]
        return f"{self._text}.{microsecond:06d}Z"


def random_uuid(digits: str) -> str:
    """The UUID of version 4 that 32 random hexadecimal digits make."""
    return _uuid(_digits(digits, "4"))


def _digits(digits: str, version: str) -> str:
    return f"{digits[:12]}{version}{digits[13:16]}{_VARIANT[digits[16]]}{digits[17:32]}"


def _uuid(digits: str) -> str:
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
