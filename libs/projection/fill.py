"""Filling an empty build: each partition is folded in memory and written with one COPY, and the indexes come last.

A key's facts are nearly always in one partition, so that a partition's final rows need nothing but its own records. Its
rows and its checkpoint are committed together: killed anywhere, the partitions that were finished stay, and the same
call goes on with the others. Whatever is not the ordinary case (a partition with more rows than the memory may hold, a
log that begins behind offset 0, aborted transactions) is left to `catch_up`, from where the checkpoint then stands.

Where a key's facts are in two partitions after all (some were added to a topic with records; a writer has another
partitioner), both have a row of it, and the table's key cannot be made. Then the build begins anew without this
shortcut: it is emptied, with its key, and `catch_up` does everything. That is one transaction: killed before it, the
next call comes to the same end; killed behind it, the table has its key, and `catch_up` goes on. Not seen is a key of
which one partition's row was left to `catch_up`: its history may then lack a status, or a row that commands write be an
old one until the key's next fact. The proof tells.

A large log is shared out to several processes, of which this one is the first; a small one is read by this one alone.
"""

import os
from collections.abc import Mapping

from libs.bus.reader import Partition
from libs.db import checkpoints
from libs.db.errors import KeyTwice
from libs.db.pool import Database
from libs.projection.builds import Build
from libs.projection.catch_up import Source
from libs.projection.fill_partition import fill_partition, without_garbage_collection
from libs.projection.fill_worker import Job
from libs.projection.fill_workers import shares, working
from libs.projection.lease import APPLICATION
from libs.projection.model import AnyReadModel
from libs.projection.progress import Progress
from libs.projection.table import Table
from libs.telemetry.log import get_logger

log = get_logger()


async def fill(
    model: AnyReadModel,
    build: Build,
    source: Source,
    database: Database,
    goal: Mapping[Partition, int],
    progress: Progress,
) -> None:
    """Fill a build that has no indexes yet, up to the goal where that can be done fast, and make its indexes.

    Nothing is done to a build that has them. Raises DatabaseAway.
    """
    table = Table(model, build.schema)
    async with database.transaction() as connection:
        if await table.finished(connection):
            return
        await checkpoints.add(connection, build.id, build.place.value, goal)
        stored = await checkpoints.load(connection, build.id)
    todo = {one: end for one, end in sorted(goal.items()) if stored[one].next_offset == 0 and end > 0}
    processes = _processes(source, todo)
    ours, *others = shares(todo, processes) if processes > 1 else [todo]
    application = f"{APPLICATION} fill {model.name}"
    jobs = [Job(model, build, source, database.url, application, one) for one in others]
    async with working(jobs, progress):
        with without_garbage_collection():
            for partition, end in ours.items():
                await fill_partition(model, build, source, database.transaction, partition, end, progress.advance)
    progress.step(f"making the indexes of {table.name}")
    try:
        async with database.transaction() as connection:
            await table.finish(connection)
    except KeyTwice:
        log.warning("keys have facts in several partitions: read again, record by record", read_model=model.name)
        progress.step(f"keys of {table.name} are in several partitions: reading again", sum(goal.values()))
        async with database.transaction() as connection:
            await checkpoints.restart(connection, build.id, build.place.value)
            await table.clear(connection)
            await table.finish(connection)


def _processes(source: Source, partitions: Mapping[Partition, int]) -> int:
    """How many processes are worth their start."""
    most = source.processes or len(os.sched_getaffinity(0))
    return min(most, len(partitions), sum(partitions.values()) // source.records_per_process)
