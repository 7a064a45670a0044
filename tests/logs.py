"""A log in memory: records as Kafka gives them, for the pure parts of a projection."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from libs.bus.message import Outgoing, message
from libs.projection.model import Position
from libs.projection.record import Located, locate
from schemas.envelope import Header
from schemas.event import Fact


@dataclass(frozen=True)
class LogRecord:
    """A libs.bus.message.Record."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: list[Header] = field(default_factory=list)
    timestamp: int = 0


def record(fact: Fact, offset: int = 0, event_id: str | None = None, partition: int = 0) -> LogRecord:
    """The record that a publisher writes for a fact."""
    out = message(
        Outgoing(fact, id=event_id or f"event-{offset}", time=datetime(2026, 11, 21, tzinfo=UTC)),
        source="/tests",
        cause=None,
        trace={},
    )
    return LogRecord(out.topic, partition, offset, out.key, out.value, list(out.headers))


def located(fact: Fact, offset: int = 0, event_id: str | None = None) -> Located:
    """A fact as it comes out of the log, over the wire form."""
    made = record(fact, offset, event_id)
    found = locate(made, made.topic, "projector")
    assert isinstance(found, Located)
    return found


def position(offset: int = 0, event_id: str | None = None, topic: str = "orders") -> Position:
    return Position(topic, 0, offset, event_id or f"event-{offset}", None)
