"""Folding one partition in memory, from its beginning, and committing its rows with its checkpoint."""

import gc
from collections.abc import Callable, Iterable, Iterator
from contextlib import aclosing, contextmanager
from itertools import islice
from typing import Any, NamedTuple

from libs.bus.plain_fetch import NotPlain, PlainChunk, PlainRecord, read_plain
from libs.bus.reader import Partition
from libs.db import checkpoints
from libs.db.checkpoints import CheckpointMoved, Move
from libs.projection.builds import Build
from libs.projection.catch_up import Source, Transaction
from libs.projection.model import AnyReadModel, Gathers, Position, Refused
from libs.projection.quick_facts import Quick
from libs.projection.record import Unreadable, locate
from libs.projection.table import Table
from libs.telemetry.log import get_logger
from schemas.envelope import Header

log = get_logger()


class Folding:
    """One partition's rows so far, and the records that they are made of: all up to the offset `reached`."""

    def __init__(self, model: AnyReadModel, partition: Partition, consumer: str) -> None:
        self._model = model
        self._partition = partition
        self._consumer = consumer
        self._gathers = model.evolve if isinstance(model.evolve, Gathers) else None
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
            return iter(self._known.values())
        row, decode = self._gathers.row, self._model.quick.decode
        return (
            row(known, decode(known.source) if isinstance(known.source, bytes) else known.source, *self._partition)
            for known in self._known.values()
        )

    def add(self, records: Iterable[PlainRecord]) -> int:
        """Fold records in the order of the log; return how many. The same as `locate` and `fold`, sooner.

        Where the records cannot be read on (NotPlain), those before are folded.
        """
        gather = None if self._gathers is None else self._gathers.gather
        evolve, read, known = self._model.evolve, self._model.quick.read, self._known
        topic, number = self._partition
        count, record = 0, None
        try:
            for record in records:
                count += 1
                value = record.value
                found = read(record.headers, value)
                if found is None:
                    value, found = None, self._locate(record)
                    if found is None:
                        continue
                key, fact, event_id, correlation_id = found
                old = known.get(key)
                try:
                    if gather is None:
                        position = Position(topic, number, record.offset, event_id, correlation_id)
                        new = evolve(old, fact, position)
                    else:  # its bytes are the shortest form of a fact that was read fast, and quickly read again
                        new = gather(old, fact, record.offset, event_id, correlation_id, value or fact)
                except Refused:
                    self.skipped += 1
                    continue
                if new is None:
                    known.pop(key, None)
                elif new is not old:
                    known[key] = new
        finally:
            self.records += count
            if record is not None:
                self.reached = record.offset + 1
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


async def fill_partition(
    model: AnyReadModel,
    build: Build,
    source: Source,
    transaction: Transaction,
    partition: Partition,
    end: int,
    advance: Callable[[int], None],
) -> None:
    """Fold a partition from its beginning to `end`, or until memory is full, and commit that. Raises DatabaseAway.

    `advance` is told of records as they are folded.
    """
    folding = Folding(model, partition, source.consumer)
    try:
        chunks = read_plain(source.kafka, partition, 0, end)
        async with aclosing(chunks):
            async for chunk in chunks:
                if not _fold(folding, chunk, source, advance):
                    break
    except NotPlain as reason:
        log.info("goes on record by record", read_model=model.name, partition=str(partition), reason=str(reason))
    if not folding.reached:
        return
    try:
        async with transaction() as connection:
            move = Move(0, folding.reached, folding.records, folding.skipped)
            await checkpoints.advance(connection, build.id, build.place.value, {partition: move})
            await Table(model, build.schema).insert(connection, folding.rows())
    except CheckpointMoved:
        # A process of an interrupted rebuild, at its very end, has filled this partition.
        log.info("a partition was filled meanwhile", read_model=model.name, partition=str(partition))


def _fold(folding: Folding, chunk: PlainChunk, source: Source, advance: Callable[[int], None]) -> bool:
    """Fold a chunk, piece by piece; False when memory is full."""
    folded = source.batch_records
    while folded == source.batch_records:
        begun = folding.reached
        try:
            folded = folding.add(islice(chunk.records, source.batch_records))
        finally:
            advance(folding.reached - begun)
        if len(folding) > source.rows_in_memory:
            return False
    advance(chunk.next_offset - folding.reached)
    folding.reached = chunk.next_offset
    return True


@contextmanager
def without_garbage_collection() -> Iterator[None]:
    """For who fills partitions: looking through millions of rows for circles would find none.

    To be left when the rows are gone, or they are looked through at that moment.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


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
    return _Whole(*partition, record.offset, record.key, record.value, tuple(record.headers), record.timestamp)
