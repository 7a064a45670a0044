"""Messages between Kafka and handlers: records as they were read, and facts on their way out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import uuid4

from libs.bus.replay import mark_of
from schemas.envelope import Envelope, Header
from schemas.event import Fact
from schemas.registry import BY_MODEL, Version

REDRIVE_TO = "x-redrive-to"
"""Header of a retried dead letter: only this consumer shall handle it; the others did so the first time."""


class Record(Protocol):
    """A Kafka record as the client library gives it; `timestamp` is in milliseconds since 1970."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[Header]: ...
    @property
    def timestamp(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Received:
    """A record that is a fact: its envelope, the fact in its latest version, and where it stands in the log."""

    record: Record
    envelope: Envelope
    fact: Fact


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A fact to be published. A deterministic `id` makes a repeated publication recognisable; without one it is random.

    `time` is when it happened (default: now). `headers` are added as they are.
    """

    fact: Fact
    id: str | None = None
    time: datetime | None = None
    headers: Sequence[Header] = ()


@dataclass(frozen=True, slots=True)
class Message:
    """A record ready for Kafka."""

    topic: str
    key: bytes
    value: bytes
    headers: list[Header]
    envelope: Envelope


def message(outgoing: Outgoing, *, source: str, cause: Envelope | None, trace: Mapping[str, str]) -> Message:
    """Put a fact into its envelope; `cause` is the message that led to it. What a replay leads to is a replay."""
    version: Version = BY_MODEL[type(outgoing.fact)]
    key = outgoing.fact.key()
    extensions: Any = getattr(outgoing.fact, "extensions", dict)()
    identity = outgoing.id or str(uuid4())
    envelope = Envelope(
        id=identity,
        source=source,
        type=version.type,
        time=outgoing.time or datetime.now(UTC),
        subject=key,
        dataschema=version.dataschema,
        correlation_id=(cause.correlation_id or cause.id) if cause else identity,
        causation_id=cause.id if cause else None,
        traceparent=trace.get("traceparent"),
        tracestate=trace.get("tracestate"),
        extensions={**extensions, **mark_of(cause)},
    )
    headers = [*envelope.headers(), *outgoing.headers]
    return Message(version.family.topic, key.encode(), outgoing.fact.encode(), headers, envelope)


def redriven_to(record: Record) -> str | None:
    """The only consumer that shall handle this record, or None if all shall."""
    return next(
        (value.decode(errors="replace") for name, value in record.headers if name == REDRIVE_TO and value), None
    )
