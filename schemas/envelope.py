"""The envelope of every message: CloudEvents 1.0 in Kafka binary content mode.

The record's value is the data alone; the attributes travel as Kafka headers (`ce_id`, `ce_type`, …, `content-type`), so
that any CloudEvents SDK can read a topic. Source: CloudEvents Kafka protocol binding 1.0.2, section 3.2.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType

from schemas.values import format_time

Header = tuple[str, bytes]

TYPE_PREFIX = "sellstream."
SCHEMA_PREFIX = "urn:sellstream:schema:"
_KNOWN = frozenset(
    {"specversion", "id", "source", "type", "time", "subject", "dataschema", "correlationid", "causationid"}
)
_PASSED_ON = frozenset({"traceparent", "tracestate"})  # W3C trace context keeps its own header names


class BrokenEnvelope(ValueError):
    """A record's headers are not a CloudEvents envelope: says which attribute is missing, doubled or unreadable."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """CloudEvents attributes of one message.

    `id` is unique for its `source`; `subject` is the identity of the entity and the record's key; `correlation_id` is
    the id of the event that began the chain, `causation_id` the id of the event that led to this one.
    """

    id: str
    source: str
    type: str
    time: datetime
    subject: str
    dataschema: str
    correlation_id: str | None = None
    causation_id: str | None = None
    traceparent: str | None = None
    tracestate: str | None = None
    content_type: str = "application/json"
    extensions: Mapping[str, str] = field(default_factory=dict)

    def headers(self) -> list[Header]:
        """The Kafka headers that carry this envelope, in a fixed order; raise ValueError if two would share a name."""
        if taken := _KNOWN & self.extensions.keys():
            raise ValueError(f"extension attributes may not be called as CloudEvents' own: {', '.join(sorted(taken))}")
        attributes = {
            "content-type": self.content_type,
            "ce_specversion": "1.0",
            "ce_id": self.id,
            "ce_source": self.source,
            "ce_type": self.type,
            "ce_time": format_time(self.time),
            "ce_subject": self.subject,
            "ce_dataschema": self.dataschema,
            "ce_correlationid": self.correlation_id,
            "ce_causationid": self.causation_id,
            **{f"ce_{name}": value for name, value in self.extensions.items()},
            "traceparent": self.traceparent,
            "tracestate": self.tracestate,
        }
        return [(name, value.encode()) for name, value in attributes.items() if value is not None]

    @classmethod
    def of(cls, headers: Iterable[Header]) -> "Envelope":
        """Read an envelope from Kafka headers; raise BrokenEnvelope if it is not one."""
        attributes: dict[str, str] = {}
        extensions: dict[str, str] = {}
        for name, raw in headers:
            short = name[3:] if name.startswith("ce_") else name
            if name.startswith("ce_") and short not in _KNOWN:
                target = extensions
            elif name.startswith("ce_") or name == "content-type" or name in _PASSED_ON:
                target = attributes
            else:
                continue  # a header of somebody else (a proxy, a connector): not ours to read
            if short in target:
                raise BrokenEnvelope(f"the header {name!r} stands twice")
            target[short] = _text(name, raw)
        if attributes.get("specversion") != "1.0":
            raise BrokenEnvelope(f"ce_specversion must be '1.0', not {attributes.get('specversion')!r}")
        return cls(
            id=_required(attributes, "id"),
            source=_required(attributes, "source"),
            type=_required(attributes, "type"),
            time=_time(_required(attributes, "time")),
            subject=_required(attributes, "subject"),
            dataschema=_required(attributes, "dataschema"),
            correlation_id=attributes.get("correlationid"),
            causation_id=attributes.get("causationid"),
            traceparent=attributes.get("traceparent"),
            tracestate=attributes.get("tracestate"),
            content_type=attributes.get("content-type", "application/json"),
            extensions=MappingProxyType(extensions),
        )


def _text(name: str, raw: bytes | None) -> str:
    try:
        return (raw or b"").decode()
    except UnicodeDecodeError:
        raise BrokenEnvelope(f"the header {name!r} is not UTF-8") from None


def _required(attributes: Mapping[str, str], name: str) -> str:
    value = attributes.get(name)
    if not value:
        raise BrokenEnvelope(f"the header 'ce_{name}' is missing or empty")
    return value


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise BrokenEnvelope(f"ce_time is not RFC 3339: {text[:40]!r}") from None
    if time.tzinfo is None:
        raise BrokenEnvelope(f"ce_time has no offset from UTC: {text[:40]!r}")
    try:
        return time.astimezone(UTC)
    except OverflowError:
        raise BrokenEnvelope(f"ce_time lies outside the years 1 to 9999 in UTC: {text[:40]!r}") from None
