"""One round of one projector: an empty database, the run, the comparison with the expected final state."""

import asyncio
import secrets
from collections.abc import Callable
from pathlib import Path

import aiohttp
import asyncpg

from bench.kafka import Topics
from bench.projector.dataset import Dataset
from bench.projector.peer import ProjectorFailed, ProjectorPeer, ProjectorScale, Run
from bench.projector.table import DATABASE_PREFIX, drop_left_over, empty_database, postmaster
from bench.projector.topic import ensure
from bench.results import Round, Runner
from bench.turns import moved_on
from libs.stack import Endpoints, StackError

_TROUBLE = (StackError, asyncpg.PostgresError, aiohttp.ClientError, OSError, RuntimeError)
"""What may go wrong with one runner; the others go on."""


class ProjectorBenchmark:
    """The same topics for everybody, written once and kept; a fresh database for each run."""

    def __init__(self, endpoints: Endpoints, folder: Path, scale: ProjectorScale) -> None:
        self._endpoints = endpoints
        self._folder = folder
        self._scale = scale
        self._postmaster: int | None = None

    async def prepare(self, peers: list[ProjectorPeer], on_progress: Callable[[str], None]) -> None:
        """Write the topics that are missing. Raises RuntimeError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._postmaster = await postmaster(self._endpoints.database_url)
        await drop_left_over(self._endpoints.database_url)
        topics = Topics(self._endpoints.kafka_bootstrap_servers)
        for dataset in {peer.dataset(self._scale) for peer in peers}:
            on_progress(f"topic {dataset.topic}: {dataset.events:,} events about {dataset.orders:,} orders")
            await asyncio.to_thread(ensure, dataset, topics)

    def dataset(self, peer: ProjectorPeer) -> Dataset:
        return peer.dataset(self._scale)

    async def round(self, peer: ProjectorPeer, number: int) -> Round:
        """One round. What goes wrong with the projector or its rows is the round's problem, not an exception."""
        dataset = peer.dataset(self._scale)
        # A name of its own: a consumer group that has read the topic before would have nothing left to read.
        name = f"{DATABASE_PREFIX}{peer.name.replace('_', '-')}-{number}-{secrets.token_hex(3)}"
        async with empty_database(self._endpoints.database_url, name) as url:
            run = Run(self._endpoints.kafka_bootstrap_servers, url, self._postmaster, name, self._folder, dataset)
            try:
                spent = await peer.project(run)
                problem = await peer.difference(run)
            except (ProjectorFailed, *_TROUBLE) as error:
                return Round(problem=f"{type(error).__name__}: {error}")
        return Round(_figures(spent, dataset.events), problem)


def _figures(spent: dict[str, float | None], events: int) -> dict[str, float | None]:
    millions = events / 1e6
    per_million = {
        f"{name}_per_million": None if seconds is None else seconds / millions
        for name, seconds in spent.items()
        if name.endswith("_cpu_s")
    }
    process, postgres = spent["process_cpu_s"], spent["postgres_cpu_s"]
    total = None if process is None or postgres is None else (process + postgres) / millions
    wall = spent["wall_s"]
    return {
        "events": float(events),
        "events_per_s": events / wall if wall else None,
        "total_cpu_s_per_million": total,
        **per_million,
        **{name: seconds for name, seconds in spent.items() if name.endswith("wall_s")},
    }


async def run_projector(
    benchmark: ProjectorBenchmark, peers: list[ProjectorPeer], rounds: int, on_progress: Callable[[str], None]
) -> dict[str, Runner]:
    """All rounds: in each, one run of every projector, in an order that moves on by one each round."""
    runners: dict[str, Runner] = {}
    for peer in peers:
        skipped = await peer.skipped()
        runners[peer.name] = Runner(peer.title, "" if skipped else peer.version(), skipped, peer.note)
        if skipped:
            on_progress(f"{peer.title}: skipped, {skipped}")
    running = [peer for peer in peers if not runners[peer.name].skipped]
    await benchmark.prepare(running, on_progress)
    for number in range(1, rounds + 1):
        for peer in moved_on(running, number):
            one = await benchmark.round(peer, number)
            runners[peer.name].rounds.append(one)
            told = one.problem or f"{one.figures['events_per_s']:,.0f} events/s"
            on_progress(f"round {number} of {rounds}, {peer.title}: {told}")
    return runners
