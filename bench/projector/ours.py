"""sellstream's own rebuild, as an operator starts it: the whole command, beside a live read model.

A rebuild needs a live table to stand beside. Every round begins with a copy of a database that has one.
"""

import resource

import asyncpg

from bench.cpu import Stopwatch
from bench.projector.dataset import Dataset
from bench.projector.live import COLUMNS_OF_PEERS, clone, command, environment, live_database, rebuild_missing
from bench.projector.peer import ProjectorFailed, ProjectorScale, Run, packages
from bench.projector.table import difference


class Rebuild:
    """`sellstream read-models rebuild orders`."""

    name = "ours"
    title = "sellstream read-models rebuild"
    note = "the whole command, with interpreter start, indexes, proof and swap; a wider row with the status history"

    async def skipped(self) -> str | None:
        return await rebuild_missing()

    def version(self) -> str:
        return packages("sellstream", "msgspec", "aiokafka", "asyncpg")

    def dataset(self, scale: ProjectorScale) -> Dataset:
        return Dataset(*scale.full)

    async def project(self, run: Run) -> dict[str, float | None]:
        await clone(run, await live_database(run))
        before = await _identity(run.database_url)
        watch = Stopwatch({"postgres": run.postmaster})
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        watch.start()
        code, output = await command("read-models", "rebuild", "orders", environment=environment(run))
        spent = watch.stop()
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)  # no other child of the harness ends meanwhile
        if code:
            raise ProjectorFailed(f"the rebuild ended with exit code {code}: {output[-600:]}")
        if await _identity(run.database_url) == before:
            raise ProjectorFailed(f"the rebuild left the old table in its place: {output[-600:]}")
        cpu = ended.ru_utime + ended.ru_stime - children.ru_utime - children.ru_stime
        return spent | {"process_cpu_s": cpu}

    async def difference(self, run: Run) -> str | None:
        return await difference(run.database_url, run.dataset.expected, COLUMNS_OF_PEERS)


async def _identity(url: str) -> int:
    """What changes when another table takes the live one's place."""
    connection = await asyncpg.connect(url)
    try:
        return int(await connection.fetchval("SELECT 'read_models.orders'::regclass::oid::bigint"))
    finally:
        await connection.close()
