"""The proof that a build equals the live table: both digests at exactly the same offsets of the log."""

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from libs.bus.reader import Partition
from libs.db import checkpoints
from libs.db.pool import Connection, Database
from libs.projection.builds import Build
from libs.projection.catch_up import Source, catch_up, positions
from libs.projection.diff import Diff, compare
from libs.projection.digest import Digest, digest
from libs.projection.model import AnyReadModel
from libs.projection.progress import Progress
from libs.projection.table import Table


@dataclass(frozen=True)
class Proof:
    """Both tables as they were when both had read exactly `offsets`. `diff` is None if the digests are equal.

    When the versions differ, digests and diff are over the columns that both have.
    """

    read_model: str
    live_version: int
    rebuilt_version: int
    offsets: Mapping[Partition, int]
    live: Digest
    rebuilt: Digest
    diff: Diff | None
    skipped: int

    @property
    def equal(self) -> bool:
        return self.live.value == self.rebuilt.value


async def prove(
    model: AnyReadModel, live: Build, build: Build, source: Source, database: Database, progress: Progress
) -> Proof:
    """Fix the live table in a snapshot, bring the build to exactly its offsets, and compare the two digests.

    The snapshot blocks no writer. It is taken when the build is already close behind, so that it is held only for as
    long as the digests take: the live table may meanwhile go on, the snapshot does not.
    """
    async with database.transaction(isolation="repeatable_read", readonly=True) as blue:
        offsets = await positions(blue, live)
        columns = await _columns(model, live, build, blue)
        progress.step("reading up to where the live table stands")
        await catch_up(model, build, source, database.transaction, offsets, progress)
        async with database.transaction(isolation="repeatable_read", readonly=True) as green:
            progress.step(f"computing the digests of {live.schema}.{model.name} and {build.schema}.{model.name}")
            live_digest, rebuilt_digest = await _both(
                digest(blue, Table(model, live.schema).name, columns),
                digest(green, Table(model, build.schema).name, columns),
            )
            diff = None
            if live_digest.value != rebuilt_digest.value:
                progress.step("the digests differ: comparing the rows")
                buckets = live_digest.differing_buckets(rebuilt_digest)
                names = Table(model, live.schema).name, Table(model, build.schema).name
                diff = await compare(blue, names[0], green, names[1], columns, buckets)
            skipped = await _skipped(green, build)
    return Proof(model.name, live.version, build.version, offsets, live_digest, rebuilt_digest, diff, skipped)


async def _both(one: Coroutine[Any, Any, Digest], other: Coroutine[Any, Any, Digest]) -> tuple[Digest, Digest]:
    """At the same time. When one fails, the other is ended before the connections are given back."""
    tasks = [asyncio.create_task(one), asyncio.create_task(other)]
    try:
        await asyncio.gather(*tasks)
        return tasks[0].result(), tasks[1].result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def _columns(model: AnyReadModel, live: Build, build: Build, connection: Connection) -> list[str]:
    if live.version == build.version:
        return list(model.columns)
    known = await Table(model, live.schema).columns(connection)
    return [column for column in model.columns if column in known]


async def _skipped(connection: Connection, build: Build) -> int:
    return sum(one.skipped for one in (await checkpoints.load(connection, build.id)).values())
