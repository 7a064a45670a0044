"""Applying a batch to a build: checkpoints and rows in one transaction, fenced by where the checkpoints were."""

from dataclasses import dataclass, field
from typing import Any

from libs.bus.reader import Partition
from libs.db import checkpoints
from libs.db.checkpoints import Move
from libs.db.pool import Connection
from libs.projection.builds import Build
from libs.projection.fold import Folded, fold
from libs.projection.model import AnyReadModel
from libs.projection.record import Located
from libs.projection.table import Table

FEW_ROWS = 32
"""So many are written one by one, in one round trip; more of them by COPY."""


@dataclass(slots=True)
class Batch:
    """Facts in the order of the log (within each partition), and how far they take each partition's checkpoint."""

    facts: list[Located] = field(default_factory=list)
    moves: dict[Partition, Move] = field(default_factory=dict)


async def apply(connection: Connection, model: AnyReadModel, build: Build, batch: Batch) -> Folded[Any]:
    """Write what a batch changes, in the caller's transaction; return what that was.

    Raises CheckpointMoved when somebody else has moved a checkpoint, or when the build was moved to another place: the
    caller's transaction must then be rolled back. The checkpoints go first: from there until the commit nobody else can
    write to the same partitions, nor swap the table away.
    """
    await checkpoints.advance(connection, build.id, build.place.value, batch.moves)
    return await write(connection, model, build, batch.facts)


async def write(connection: Connection, model: AnyReadModel, build: Build, facts: list[Located]) -> Folded[Any]:
    """Fold facts into the stored rows. The caller holds the checkpoints of the facts' partitions."""
    table = Table(model, build.schema)
    keys = {located.key for located in facts}
    before = await table.rows(connection, keys) if keys else {}
    folded = fold(model, before, facts)
    if folded.deleted:
        await table.delete(connection, folded.deleted)
    fresh = [row for key, row in folded.written.items() if key not in before]
    changed = [row for key, row in folded.written.items() if key in before]
    if 0 < len(folded.written) <= FEW_ROWS:
        await table.put(connection, folded.written.values())
    elif changed:
        await table.upsert(connection, folded.written.values())
    elif fresh:
        await table.insert(connection, fresh)
    return folded
