"""Filling a build that nobody else writes: from its checkpoints to given offsets, in batches, resumable at each.

Partitions are read in the order of time (libs/bus/in_time.py), as the live projection has met them. Where a key's facts
are all in one partition, that changes nothing. Where they are not (partitions were added to a topic with records; a
writer has another partitioner) it makes the row what the live one is:

- Read models whose facts say when they are of (`is_news` of libs/read_models/history.py) would get the same state in
  any order; but of two states of one time the later read counts, and a status that comes behind a newer one is not in
  the history.
- Those that commands write to (`is_later` of libs/read_models/commanded.py) take whatever comes from another partition
  than the row's own: the last one read wins. Without an order of time an old state could stay for good.

What is left: facts of one key that were written to two partitions within the difference of their writers' clocks, or
while the live projection was behind, may have been met by it in the other order. Then the proof differs in that row's
history, or for a commanded read model in its state, until the key's next fact; nothing stands still.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass
from operator import itemgetter

from libs.bus.in_time import read_in_time, times_of
from libs.bus.reader import Chunk, Partition
from libs.bus.settings import KafkaSettings
from libs.db import checkpoints
from libs.db.checkpoints import Move
from libs.db.pool import Connection
from libs.projection.builds import Build
from libs.projection.engine import Batch, apply
from libs.projection.model import AnyReadModel
from libs.projection.progress import Progress
from libs.projection.record import Located, Unreadable, locate

Transaction = Callable[[], AbstractAsyncContextManager[Connection]]


@dataclass(frozen=True)
class Source:
    """Where a build's records come from. `consumer`: whose retried dead letters are read as well.

    A build that is filled from the beginning: `rows_in_memory`: so many rows of one partition does a process hold at
    most. `processes`: how many at most (None: one for each processor), and only one for each `records_per_process`.
    """

    kafka: KafkaSettings
    consumer: str = "projector"
    batch_records: int = 5_000
    rows_in_memory: int = 200_000
    processes: int | None = None
    records_per_process: int = 100_000


async def positions(connection: Connection, build: Build) -> dict[Partition, int]:
    """Behind what offsets a build's table ends: its checkpoints, or what commands have written beyond them."""
    stored = await checkpoints.load(connection, build.id)
    return {Partition(*one): checkpoint.reach for one, checkpoint in stored.items()}


async def catch_up(
    model: AnyReadModel,
    build: Build,
    source: Source,
    transaction: Transaction,
    goal: Mapping[Partition, int],
    progress: Progress,
) -> None:
    """Read everything between the build's checkpoints and the goal, and apply it.

    Unreadable records are skipped and counted: the live projection has put them into the dead letters already. Raises
    KafkaAway, LogTooShort, DatabaseAway; what was committed until then stays.
    """
    async with transaction() as connection:
        await checkpoints.add(connection, build.id, build.place.value, goal)
        stored = await checkpoints.load(connection, build.id)
    begin = {Partition(*one): checkpoint.next_offset for one, checkpoint in stored.items()}
    chunks = read_in_time(source.kafka, begin, goal, max_records=source.batch_records)
    async with aclosing(chunks):
        async for found in chunks:
            batch = _sort(model, found, begin, source.consumer)
            async with transaction() as connection:
                folded = await apply(connection, model, build, batch)
                await checkpoints.skip(connection, build.id, _per_partition(folded.refused))
            for one, move in batch.moves.items():
                progress.advance(move.new - move.old)
                begin[one] = move.new


def _sort(
    model: AnyReadModel, chunks: Mapping[Partition, Chunk], positions: Mapping[Partition, int], consumer: str
) -> Batch:
    batch = Batch()
    timed: list[tuple[int, Located]] = []
    for partition, chunk in chunks.items():
        skipped = 0
        for record, time in zip(chunk.records, times_of(chunk.records), strict=True):
            located = locate(record, partition.topic, consumer, model.quick)
            if isinstance(located, Unreadable):
                skipped += 1
            elif located is not None:
                timed.append((time, located))
        batch.moves[partition] = Move(positions[partition], chunk.next_offset, len(chunk.records), skipped)
    timed.sort(key=itemgetter(0))  # within a partition it stays the order of the log: the times never fall there
    batch.facts.extend(located for _, located in timed)
    return batch


def _per_partition(refused: Sequence[tuple[Located, Exception]]) -> dict[Partition, int]:
    counts: dict[Partition, int] = {}
    for located, _ in refused:
        one = Partition(located.position.topic, located.position.partition)
        counts[one] = counts.get(one, 0) + 1
    return counts
