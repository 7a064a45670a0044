"""Checkpoints: how far a build has read each partition. They move in the transaction that writes the rows."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias, TypeVar

from libs.db.pool import Connection

Partition: TypeAlias = tuple[str, int]
"""A topic's declared name and a partition's number."""

P = TypeVar("P", bound=Partition)


class CheckpointMoved(Exception):
    """Somebody else has moved a checkpoint, or the build is not in its place any more: nothing was written."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """`next_offset` is the first offset that is not read; `moved_at` is None until something was.

    `written_to`: everything before it is in the table, because commands have written it there (0: none has).
    """

    next_offset: int
    records: int
    skipped: int
    moved_at: datetime | None
    written_to: int = 0

    @property
    def reach(self) -> int:
        """Behind the last record that is in the table."""
        return max(self.next_offset, self.written_to)


@dataclass(frozen=True, slots=True)
class Move:
    """From where to where a batch takes a checkpoint, and how many records that were (`skipped`: unreadable ones)."""

    old: int
    new: int
    records: int = 0
    skipped: int = 0


async def load(connection: Connection, build: int) -> dict[Partition, Checkpoint]:
    """The checkpoints of a build, ordered by topic and partition."""
    rows = await connection.fetch(
        """
        SELECT topic, partition, next_offset, records, skipped, moved_at, written_to FROM projection.checkpoints
        WHERE build = $1 ORDER BY topic, partition
        """,
        build,
    )
    return {
        (row["topic"], row["partition"]): Checkpoint(
            row["next_offset"], row["records"], row["skipped"], row["moved_at"], row["written_to"]
        )
        for row in rows
    }


async def hold(connection: Connection, build: int) -> dict[Partition, int]:
    """Lock the checkpoints of a build until the end of the transaction; return behind what offset its table ends."""
    rows = await connection.fetch(
        """
        SELECT topic, partition, greatest(next_offset, written_to) AS reach FROM projection.checkpoints
        WHERE build = $1 ORDER BY topic, partition FOR UPDATE
        """,
        build,
    )
    return {(row["topic"], row["partition"]): row["reach"] for row in rows}


async def hold_some(connection: Connection, build: int, place: str, partitions: Iterable[P]) -> dict[P, int]:
    """Lock these checkpoints until the end of the transaction, against projector, swap and other writers.

    Returns of each the offset before which every record is in the table. Raises CheckpointMoved if the build is not in
    its place any more. The rows are locked in one order, so that two callers cannot block one another.
    """
    wanted = sorted(partitions)
    topics, numbers = _columns(wanted)
    rows = await connection.fetch(
        """
        SELECT c.topic, c.partition, greatest(c.next_offset, c.written_to) AS reach
        FROM projection.checkpoints c JOIN unnest($3::text[], $4::int[]) AS wanted (topic, partition)
            USING (topic, partition)
        WHERE c.build = $1 AND c.place = $2 ORDER BY c.topic, c.partition FOR UPDATE OF c
        """,
        build,
        place,
        topics,
        numbers,
    )
    if len(rows) != len(wanted):
        raise CheckpointMoved(f"build {build} is not {place} any more")
    reach = {(row["topic"], row["partition"]): row["reach"] for row in rows}
    return {one: reach[one] for one in wanted}


async def note_written(connection: Connection, build: int, written: Mapping[P, int]) -> None:
    """Note that everything before these offsets is in the table. The caller holds the checkpoints."""
    for (topic, number), written_to in written.items():
        await connection.execute(
            """
            UPDATE projection.checkpoints SET written_to = greatest(written_to, $4)
            WHERE build = $1 AND topic = $2 AND partition = $3
            """,
            build,
            topic,
            number,
            written_to,
        )


async def add(connection: Connection, build: int, place: str, partitions: Iterable[P]) -> None:
    """Let missing checkpoints begin at offset 0; leave the others as they are."""
    topics, numbers = _columns(sorted(partitions))
    await connection.execute(
        """
        INSERT INTO projection.checkpoints (build, place, topic, partition)
        SELECT $1, $2, topic, partition FROM unnest($3::text[], $4::int[]) AS wanted (topic, partition)
        ON CONFLICT DO NOTHING
        """,
        build,
        place,
        topics,
        numbers,
    )


async def advance(connection: Connection, build: int, place: str, moves: Mapping[P, Move]) -> None:
    """Move checkpoints; raise CheckpointMoved unless each still stands at its `old` and the build is still in `place`.

    Waits for whoever is moving them. The rows are locked in one order, so that two batches cannot block one another.
    """
    topics, numbers = _columns(moves)
    changes = [(move.old, move.new, move.records, move.skipped) for move in moves.values()]
    moved = await connection.fetchval(
        """
        WITH wanted AS (
            SELECT * FROM unnest($3::text[], $4::int[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[])
                AS wanted (topic, partition, old, new, records, skipped)
        ), held AS (
            SELECT c.topic, c.partition FROM projection.checkpoints c JOIN wanted w USING (topic, partition)
            WHERE c.build = $1 AND c.place = $2 AND c.next_offset = w.old
            ORDER BY c.topic, c.partition FOR UPDATE OF c
        ), moved AS (
            UPDATE projection.checkpoints c
            SET next_offset = w.new, records = c.records + w.records, skipped = c.skipped + w.skipped, moved_at = now()
            FROM held JOIN wanted w USING (topic, partition)
            WHERE c.build = $1 AND c.place = $2 AND c.topic = held.topic AND c.partition = held.partition
              AND c.next_offset = w.old
            RETURNING 1
        ) SELECT count(*) FROM moved
        """,
        build,
        place,
        topics,
        numbers,
        *([list(column) for column in zip(*changes, strict=True)] or [[], [], [], []]),
    )
    if moved != len(moves):
        raise CheckpointMoved(
            f"{len(moves) - moved} of {len(moves)} checkpoints of build {build} are not where this process left them: "
            "another one has moved them, or the build is not in its place any more"
        )


async def restart(connection: Connection, build: int, place: str) -> None:
    """Put all checkpoints of a build back to offset 0; raise CheckpointMoved if it is not in its place any more."""
    restarted = await connection.fetchval(
        """
        WITH restarted AS (
            UPDATE projection.checkpoints
            SET next_offset = 0, records = 0, skipped = 0, moved_at = NULL, written_to = 0
            WHERE build = $1 AND place = $2 RETURNING 1
        ) SELECT count(*) FROM restarted
        """,
        build,
        place,
    )
    if not restarted:
        raise CheckpointMoved(f"build {build} is not {place} any more")


def _columns(partitions: Iterable[P]) -> tuple[list[str], list[int]]:
    pairs = list(partitions)
    return [topic for topic, _ in pairs], [number for _, number in pairs]


async def skip(connection: Connection, build: int, counts: Mapping[P, int]) -> None:
    """Count records as skipped that the checkpoints have already passed."""
    for (topic, number), count in counts.items():
        await connection.execute(
            """
            UPDATE projection.checkpoints SET skipped = skipped + $4
            WHERE build = $1 AND topic = $2 AND partition = $3
            """,
            build,
            topic,
            number,
            count,
        )
