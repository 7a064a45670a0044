"""From a record of the log to a fact with its position: the same for the live projection and for every rebuild."""

import re
from dataclasses import dataclass

from libs.bus.message import Record, redriven_to
from libs.bus.outcome import ErrorClass
from libs.bus.replay import is_repetition
from libs.projection.model import MOST_KEY_BYTES, Position, Refused
from libs.projection.quick_facts import QuickFacts
from schemas.envelope import BrokenEnvelope, Envelope
from schemas.event import Fact
from schemas.registry import FutureVersion, UnknownEvent, UnreadableEvent, read_fact

# PostgreSQL's text cannot hold U+0000. A fact is not given up because some text in it holds one.
_NUL = re.compile(rb"((?<!\\)(?:\\\\)*)\\u0000")


@dataclass(frozen=True, slots=True)
class Located:
    """A fact and where it stands. `key` is that of its row."""

    key: str
    fact: Fact
    position: Position
    record: Record

    @property
    def envelope(self) -> Envelope:
        """Read anew at each call."""
        return Envelope.of(self.record.headers)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A record that is no fact, and why."""

    record: Record
    error: BrokenEnvelope | UnreadableEvent | Refused
    error_class: ErrorClass


def locate(record: Record, topic: str, consumer: str, quick: QuickFacts | None = None) -> Located | Unreadable | None:
    """Read a record of a declared topic; None if it is for another consumer, or a replay of one that was read before.

    With `quick`, the records that it takes are read by it: the same facts, sooner.
    """
    if quick is not None and (found := quick.read(record.headers, record.value)) is not None:
        key, fact, event_id, correlation_id = found
        return Located(key, fact, Position(topic, record.partition, record.offset, event_id, correlation_id), record)
    wanted = redriven_to(record)
    if wanted is not None and (wanted != consumer or is_repetition(record.headers)):
        return None
    try:
        envelope = Envelope.of(record.headers)
        value = record.value
        if value is not None and b"\\u0000" in value:
            value = _NUL.sub(rb"\1\\ufffd", value)
        fact = read_fact(envelope, value)
        key = fact.key()
        _require_storable(envelope, key)
    except (BrokenEnvelope, UnreadableEvent, Refused) as error:
        contract = isinstance(error, FutureVersion | UnknownEvent)
        return Unreadable(record, error, ErrorClass.CONTRACT if contract else ErrorClass.POISON)
    position = Position(topic, record.partition, record.offset, envelope.id, envelope.correlation_id)
    return Located(key, fact, position, record)


def _require_storable(envelope: Envelope, key: str) -> None:
    if len(key.encode()) > MOST_KEY_BYTES:
        raise Refused(f"{envelope.type}: the entity's key has more than {MOST_KEY_BYTES} bytes")
    if "\0" in envelope.id or "\0" in (envelope.correlation_id or ""):
        raise BrokenEnvelope("ce_id or ce_correlationid holds U+0000")
