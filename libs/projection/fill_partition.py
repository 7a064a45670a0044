"""Folding one partition in memory, from its beginning, and committing its rows with its checkpoint."""

import gc
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from libs.bus.plain_fetch import NotPlain, PlainChunk, PlainRecord, read_plain
from libs.bus.reader import Partition
from libs.db import checkpoints
from libs.db.checkpoints import CheckpointMoved, Move
from libs.projection.builds import Build
from libs.projection.catch_up import Source, Transaction
from libs.projection.model import AnyReadModel, Position, Refused
from libs.projection.record import Located, Unreadable, locate
from libs.projection.table import Table
from libs.telemetry.log import get_logger
from schemas.envelope import Header

log = get_logger()


@dataclass(slots=True)
class Folding:
    """One partition's rows so far, and how many records they are made of."""

    model: AnyReadModel
    partition: Partition
    consumer: str
    rows: dict[str, Any] = field(default_factory=dict)
    records: int = 0
    skipped: int = 0

    def add(self, records: Iterable[PlainRecord]) -> None:
        """Fold records in the order of the log. The same as `locate` and `fold`, without keeping a fact."""
        read, evolve, rows = self.model.quick.read, self.model.evolve, self.rows
        topic, number = self.partition
        for record in records:
            self.records += 1
            found = read(record.headers, record.value)
            if found is not None:
                key, fact, event_id, correlation_id = found
                position = Position(topic, number, record.offset, event_id, correlation_id)
            else:
                located = self._locate(record)
                if located is None:
                    continue
                key, fact, position = located.key, located.fact, located.position
            try:
                row = evolve(rows.get(key), fact, position)
            except Refused:
                self.skipped += 1
                continue
            if row is None:
                rows.pop(key, None)
            else:
                rows[key] = row

    def _locate(self, record: PlainRecord) -> Located | None:
        located = locate(_whole(record, self.partition), self.partition.topic, self.consumer)
        if isinstance(located, Unreadable):
            self.skipped += 1
            return None
        return located if located is not None and isinstance(located.fact, self.model.forms) else None


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
    reached = 0
    with _without_garbage_collection():
        try:
            chunks = read_plain(source.kafka, partition, 0, end)
            async with aclosing(chunks), aclosing(_pieces(chunks, source.batch_records)) as pieces:
                async for records, next_offset in pieces:
                    folding.add(records)
                    advance(next_offset - reached)
                    reached = next_offset
                    if len(folding.rows) > source.rows_in_memory:
                        break
        except NotPlain as reason:
            log.info("goes on record by record", read_model=model.name, partition=str(partition), reason=str(reason))
        if not reached:
            return
        try:
            async with transaction() as connection:
                move = Move(0, reached, folding.records, folding.skipped)
                await checkpoints.advance(connection, build.id, build.place.value, {partition: move})
                await Table(model, build.schema).insert(connection, folding.rows.values())
        except CheckpointMoved:
            # A process of an interrupted rebuild, at its very end, has filled this partition.
            log.info("a partition was filled meanwhile", read_model=model.name, partition=str(partition))


async def _pieces(chunks: AsyncIterable[PlainChunk], most: int) -> AsyncGenerator[PlainChunk, None]:
    async for records, next_offset in chunks:
        for begin in range(0, len(records) or 1, most):
            piece = records[begin : begin + most]
            yield PlainChunk(piece, next_offset if begin + most >= len(records) else piece[-1].offset + 1)


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Rows refer to nothing that refers to them: looking through millions of them for circles would find none."""
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
