"""Folding one partition in memory, from its beginning, and committing its rows with its checkpoint."""

import gc
from collections.abc import Callable, Iterator
from contextlib import aclosing, contextmanager
from itertools import islice

from libs.bus.plain_fetch import PlainChunk, read_plain
from libs.bus.plain_records import NotPlain
from libs.bus.reader import Partition
from libs.db import checkpoints
from libs.db.checkpoints import CheckpointMoved, Move
from libs.projection.builds import Build
from libs.projection.catch_up import Source, Transaction
from libs.projection.folding import Folding
from libs.projection.model import AnyReadModel
from libs.projection.table import Table
from libs.telemetry.log import get_logger

log = get_logger()


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
