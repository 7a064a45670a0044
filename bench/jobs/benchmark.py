"""One round of one job queue: an empty database, jobs given in, worked off by one process and then by several."""

import asyncio
import secrets
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from bench.cpu import Stopwatch
from bench.jobs.peer import QueueFailed, QueuePeer
from bench.projector.table import DATABASE_PREFIX, drop_left_over, empty_database, postmaster
from bench.results import Round, Runner
from bench.turns import moved_on
from libs.stack import Endpoints

_TROUBLE = (QueueFailed, asyncpg.PostgresError, OSError)


@dataclass(frozen=True)
class JobsScale:
    """How many jobs; how many at the same time in each process; how many processes in the second part."""

    jobs: int
    concurrency: int = 50
    processes: int = 4


class JobsBenchmark:
    """The same jobs for everybody; a fresh database for each run."""

    def __init__(self, endpoints: Endpoints, folder: Path, scale: JobsScale) -> None:
        self._url = endpoints.database_url
        self._folder = folder
        self._scale = scale
        self._postmaster: int | None = None

    async def prepare(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._postmaster = await postmaster(self._url)
        await drop_left_over(self._url)

    async def round(self, peer: QueuePeer, number: int) -> Round:
        """One round. What goes wrong with the queue or its jobs is the round's problem, not an exception."""
        log = self._folder / f"{peer.name}-{number}.log"
        log.unlink(missing_ok=True)
        jobs = max(1, round(self._scale.jobs * peer.share))
        figures: dict[str, float | None] = {"jobs": float(jobs)}
        try:
            for part, processes in (("", 1), ("fleet_", self._scale.processes)):
                name = f"{DATABASE_PREFIX}jobs-{peer.name}-{number}-{secrets.token_hex(3)}"
                async with empty_database(self._url, name) as url:
                    found, problem = await self._drain(peer, url, log, jobs, processes)
                figures |= {f"{part}{figure}": value for figure, value in found.items()}
                if problem:
                    return Round(figures, problem)
        except _TROUBLE as error:
            return Round(problem=f"{type(error).__name__}: {error}")
        return Round(figures)

    async def _drain(
        self, peer: QueuePeer, url: str, log: Path, jobs: int, processes: int
    ) -> tuple[dict[str, float | None], str | None]:
        async with peer.started(url, log, "setup") as program:
            await program.ended()
        async with peer.started(url, log, "enqueue", str(jobs)) as program:
            giving = (await program.answer())["wall_s"]
            await program.ended()
        async with AsyncExitStack() as stack:
            work = ("work", str(self._scale.concurrency))
            workers = [await stack.enter_async_context(peer.started(url, log, *work)) for _ in range(processes)]
            await asyncio.gather(*(worker.line() for worker in workers))
            trees: dict[str, int | None] = {f"worker_{n}": one.process.pid for n, one in enumerate(workers)}
            watch = Stopwatch({**trees, "postgres": self._postmaster})
            watch.start()
            for worker in workers:
                worker.go()
            answers = await asyncio.gather(*(worker.answer() for worker in workers))
            spent = watch.stop()
        done = [number for answer in answers for number in answer["done"]]
        wall = spent["wall_s"] or 0.0
        own = [spent[f"{name}_cpu_s"] for name in trees]
        process = sum(seconds for seconds in own if seconds is not None)
        postgres = spent["postgres_cpu_s"]
        figures = {
            "enqueued_per_s": jobs / giving,
            "jobs_per_s": jobs / wall,
            "process_cpu_us_per_job": process / jobs * 1e6,
            "postgres_cpu_us_per_job": None if postgres is None else postgres / jobs * 1e6,
            "total_cpu_us_per_job": None if postgres is None else (process + postgres) / jobs * 1e6,
        }
        return figures, difference(done, jobs)


def difference(done: list[int], jobs: int) -> str | None:
    """How the numbers of the jobs that were done differ from each of 0 … jobs - 1 once; None if they do not."""
    if sorted(done) == list(range(jobs)):
        return None
    doubled = len(done) - len(set(done))
    return f"{len(set(range(jobs)) - set(done))} jobs were not done, {doubled} were done more than once"


async def run_jobs(
    benchmark: JobsBenchmark, peers: list[QueuePeer], rounds: int, on_progress: Callable[[str], None]
) -> dict[str, Runner]:
    """All rounds: in each, one run of every queue, in an order that moves on by one each round."""
    runners: dict[str, Runner] = {}
    for peer in peers:
        skipped = peer.skipped()
        runners[peer.name] = Runner(peer.title, "" if skipped else peer.version(), skipped, peer.note)
        if skipped:
            on_progress(f"{peer.title}: skipped, {skipped}")
    running = [peer for peer in peers if not runners[peer.name].skipped]
    await benchmark.prepare()
    for number in range(1, rounds + 1):
        for peer in moved_on(running, number):
            one = await benchmark.round(peer, number)
            runners[peer.name].rounds.append(one)
            told = one.problem or f"{one.figures['jobs_per_s']:,.0f} jobs/s"
            on_progress(f"round {number} of {rounds}, {peer.title}: {told}")
    return runners
