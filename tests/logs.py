"""A log in memory: records as Kafka gives them, for the pure parts of a projection."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from aiokafka.record.default_records import DefaultRecordBatchBuilder

from libs.bus.message import Outgoing, message
from libs.bus.plain_records import PlainRecord, plain_batches
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


def in_place(records: Iterable[LogRecord]) -> list[PlainRecord]:
    """The same records, as they stand in a batch that a broker sends."""
    builder = DefaultRecordBatchBuilder(
        magic=2, compression_type=0, is_transactional=0, producer_id=-1, producer_epoch=-1, base_sequence=-1,
        batch_size=10_000_000,
    )  # fmt: skip
    for one in records:
        builder.append(one.offset, one.timestamp, one.key, one.value, one.headers)
    return [found for batch in plain_batches(bytes(builder.build())) for found in batch.records()]
