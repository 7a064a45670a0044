"""sellstream's own rebuild of a read model, as an operator starts it, beside the live one.

A rebuild needs a live table to stand beside. Every round begins with a copy of a database that has one. As for every
peer, the clock starts when the program is up: here with the first line of progress, behind imports and connections.
It ends with the command's end. What was before is told beside it.
"""

import asyncio
import resource
import time

import asyncpg

from bench.cpu import Stopwatch, tree_cpu_seconds
from bench.packages import packages
from bench.projector.dataset import Dataset
from bench.projector.live import (
    COLUMNS_OF_PEERS,
    begin_command,
    clone,
    environment,
    live_database,
    rebuild_missing,
)
from bench.projector.peer import RUN_SECONDS, ProjectorFailed, ProjectorScale, Run
from bench.projector.table import difference

_UP = b"building "


class Rebuild:
    """`sellstream read-models rebuild <read model>`."""

    def __init__(self, name: str, read_model: str, note: str) -> None:
        self.name = name
        self.title = f"sellstream read-models rebuild {read_model}"
        self.note = f"{note}; with indexes, proof and swap; the clock starts with its first progress"
        self._read_model = read_model

    async def skipped(self) -> str | None:
        return await rebuild_missing()

    def version(self) -> str:
        return packages("sellstream", "msgspec", "aiokafka", "asyncpg")

    def dataset(self, scale: ProjectorScale) -> Dataset:
        return Dataset(*scale.full)

    async def project(self, run: Run) -> dict[str, float | None]:
        await clone(run, await live_database(run))
        before = await _identity(run.database_url, self._read_model)
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent, code, output = await _measured(run, self._read_model)
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)  # no other child of the harness ends meanwhile
        if code:
            raise ProjectorFailed(f"the rebuild ended with exit code {code}: {output[-600:]}")
        if await _identity(run.database_url, self._read_model) == before:
            raise ProjectorFailed(f"the rebuild left the old table in its place: {output[-600:]}")
        cpu = ended.ru_utime + ended.ru_stime - children.ru_utime - children.ru_stime
        return spent | {"process_cpu_s": cpu - (spent["start_cpu_s"] or 0.0)}

    async def difference(self, run: Run) -> str | None:
        return await difference(run.database_url, run.dataset.expected, COLUMNS_OF_PEERS[self._read_model])


async def _measured(run: Run, read_model: str) -> tuple[dict[str, float | None], int, str]:
    """Run the command: what it took, its exit code, and its output. Raises ProjectorFailed."""
    watch = Stopwatch({"postgres": run.postmaster})
    output: list[str] = []
    start: dict[str, float | None] = {}
    begun = time.perf_counter()
    process = await begin_command("read-models", "rebuild", read_model, environment=environment(run))
    assert process.stdout is not None
    try:
        async with asyncio.timeout(RUN_SECONDS):
            async for line in process.stdout:
                if not start and line.startswith(_UP):
                    start = {
                        "start_wall_s": time.perf_counter() - begun,
                        "start_cpu_s": tree_cpu_seconds(process.pid),
                    }
                    watch.start()
                output.append(line.decode(errors="replace"))
            code = await process.wait()
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
    if not start:
        raise ProjectorFailed(f"the rebuild ended with exit code {code} before it began: {''.join(output)[-600:]}")
    return watch.stop() | start, code, "".join(output)


async def _identity(url: str, read_model: str) -> int:
    """What changes when another table takes the live one's place."""
    connection = await asyncpg.connect(url)
    try:
        return int(await connection.fetchval("SELECT $1::text::regclass::oid::bigint", f"read_models.{read_model}"))
    finally:
        await connection.close()
