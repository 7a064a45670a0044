"""Folding one partition in memory, record by record. Compiled (`libs/compiled.py`)."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from libs.bus.plain_records import PlainRecord
from libs.bus.reader import Partition
from libs.projection.model import AnyReadModel, Gathers, Position, Refused
from libs.projection.quick_facts import Quick
from libs.projection.record import Unreadable, locate
from schemas.envelope import Header


class Folding:
    """One partition's rows so far, and the records that they are made of: all up to the offset `reached`."""

    def __init__(self, model: AnyReadModel, partition: Partition, consumer: str) -> None:
        self._model = model
        self._partition = partition
        self._consumer = consumer
        evolve: Any = model.evolve
        self._gathers: Gathers | None = evolve if isinstance(evolve, Gathers) else None
        self._known: dict[str, Any] = {}  # rows, or what was gathered
        self.records = 0
        self.skipped = 0
        self.reached = 0

    def __len__(self) -> int:
        """How many keys have a row."""
        return len(self._known)

    def rows(self) -> Iterator[Any]:
        """The rows, made as they are asked for."""
        if self._gathers is None:
            yield from self._known.values()
            return
        row, decode = self._gathers.row, self._model.quick.decode
        topic, number = self._partition
        for known in self._known.values():
            source = known.source
            yield row(known, decode(source) if isinstance(source, bytes) else source, topic, number)

    def add(self, records: Iterable[PlainRecord]) -> int:
        """Fold records in the order of the log; return how many. The same as `locate` and `fold`, sooner.

        Where the records cannot be read on (NotPlain), those before are folded.
        """
        gather = None if self._gathers is None else self._gathers.gather
        evolve, known = self._model.evolve, self._known
        quick = self._model.quick if gather is None else self._model.glance
        topic, number = self._partition
        count, behind = 0, self.reached
        try:
            for record in records:
                offset, value = record.offset, record.value
                found = quick.read_plain(record)
                if found is None:
                    value, found = None, self._locate(record)
                count += 1
                behind = offset + 1
                if found is None:
                    continue
                key, fact, event_id, correlation_id = found
                old = known.get(key)
                try:
                    if gather is None:
                        new = evolve(old, fact, Position(topic, number, offset, event_id, correlation_id))
                    else:  # its bytes are the shortest form of a fact that was read fast, and quickly read again
                        new = gather(old, fact, offset, event_id, correlation_id, value or fact)
                except Refused:
                    self.skipped += 1
                    continue
                if new is None:
                    known.pop(key, None)
                elif new is not old:
                    known[key] = new
        finally:
            self.records += count
            self.reached = behind
        return count

    def _locate(self, record: PlainRecord) -> Quick | None:
        """What the ordinary reader finds in a record, None if it is nothing to be folded."""
        located = locate(_whole(record, self._partition), self._partition.topic, self._consumer)
        if isinstance(located, Unreadable):
            self.skipped += 1
            return None
        if located is None or not isinstance(located.fact, self._model.forms):
            return None
        return located.key, located.fact, located.position.event_id, located.position.correlation_id


class _Whole(NamedTuple):
    """A libs.bus.message.Record."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[Header, ...]
    timestamp: int


def _whole(record: PlainRecord, partition: Partition) -> _Whole:
    topic, number = partition
    return _Whole(topic, number, record.offset, record.key, record.value, tuple(record.headers), record.timestamp)
