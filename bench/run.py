"""`python -m bench.run`: all benchmarks, side by side; writes docs/benchmarks.md and bench/results.json."""

import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from bench.endurance.benchmark import EnduranceRun
from bench.endurance.findings import Findings, table, with_section
from bench.endurance.scale import WHOLE_MINUTES, EnduranceScale
from bench.gateway.benchmark import GatewayBenchmark, run_gateway
from bench.gateway.contender import GatewayFailed
from bench.gateway.peer import gateway_peers
from bench.gateway.scale import GatewayScale
from bench.jobs.benchmark import JobsBenchmark, JobsScale, run_jobs
from bench.jobs.peer import queue_peers
from bench.machine import describe, hardware
from bench.projector.benchmark import ProjectorBenchmark, run_projector
from bench.projector.lag import LagBenchmark, LagScale, run_lag
from bench.projector.peer import ProjectorScale
from bench.projector.peers import projector_peers
from bench.report import markdown, show
from bench.results import Results
from libs.stack import Endpoints, StackError, choose_stack, state_folder
from libs.stack.locks import unused_folder

_ROOT = Path(__file__).resolve().parents[1]
RESULTS = _ROOT / "bench" / "results.json"
PAGE = _ROOT / "docs" / "benchmarks.md"
ENDURANCE = _ROOT / "bench" / "endurance.json"
METHOD = Path(__file__).with_name("method.md")

GATEWAY = {
    "tiny": GatewayScale(warm_up=300, turns=2, closed=750, opened=250, rate=500),
    "quick": GatewayScale(warm_up=15_000, turns=5, closed=20_000, opened=3_000, rate=1_000),
    "full": GatewayScale(warm_up=15_000, turns=10, closed=20_000, opened=3_000, rate=1_000),
}
PROJECTOR = {
    "tiny": ProjectorScale((10_000, 2_000), (1_000, 200), (2_000, 400), (1_000, 200)),
    "quick": ProjectorScale((1_000_000, 200_000), (5_000, 1_000), (20_000, 4_000), (4_000, 800)),
    "full": ProjectorScale((1_000_000, 200_000), (20_000, 4_000), (100_000, 20_000), (20_000, 4_000)),
}
LAG = {"tiny": LagScale(3), "quick": LagScale(10), "full": LagScale(30)}
JOBS = {"tiny": JobsScale(2_000), "quick": JobsScale(20_000), "full": JobsScale(100_000)}
ROUNDS = {"tiny": 1, "quick": 3, "full": 5}


class Only(StrEnum):
    """A part of the benchmarks. Endurance is run when it is asked for, and never beside the others."""

    GATEWAY = "gateway"
    PROJECTOR = "projector"
    LAG = "lag"
    JOBS = "jobs"
    ENDURANCE = "endurance"


class Size(StrEnum):
    """How much work: `tiny` proves that everything runs, `quick` takes minutes, `full` most of an hour."""

    TINY = "tiny"
    QUICK = "quick"
    FULL = "full"


def main(
    size: Annotated[Size, typer.Option(help="How much work.")] = Size.QUICK,
    only: Annotated[Only | None, typer.Option(help="A part of the benchmarks.")] = None,
    minutes: Annotated[int, typer.Option(min=1, help="How long the endurance run lasts.")] = 10,
    rounds: Annotated[int | None, typer.Option(min=1, help="Rounds, instead of the size's own number.")] = None,
    peer: Annotated[list[str] | None, typer.Option(help="Only this runner; may be repeated.")] = None,
    connections: Annotated[int, typer.Option(min=1, help="Connections of the load generator.")] = 256,
    write: Annotated[
        bool | None, typer.Option(help="Write the page and the results (by default: when nothing was left out).")
    ] = None,
) -> None:
    """Run sellstream and its peers side by side on one Kafka and one PostgreSQL, and compare."""
    console = Console() if sys.stdout.isatty() else Console(width=160)
    if only is Only.ENDURANCE:
        endure(minutes, console, write is not False and minutes >= WHOLE_MINUTES)
        return
    whole = only is None and not peer and size is not Size.TINY
    try:
        results = asyncio.run(_run(size, only, rounds or ROUNDS[size], set(peer or ()), connections, _printer(console)))
    except (StackError, RuntimeError) as error:
        console.print(str(error), style="red", markup=False)
        raise typer.Exit(1) from error
    show(results, console)
    if whole if write is None else write:
        results.write(RESULTS)
        PAGE.parent.mkdir(exist_ok=True)
        page = markdown(results, METHOD.read_text(encoding="utf-8"))
        PAGE.write_text(with_endurance(page), encoding="utf-8")
        console.print(f"Written: {RESULTS.relative_to(_ROOT)}, {PAGE.relative_to(_ROOT)}")


def endure(minutes: int, console: Console, write: bool) -> None:
    """Run the endurance benchmark; with `write`, its figures go to bench/endurance.json and into the page."""
    try:
        findings = asyncio.run(_endure(minutes, _printer(console)))
    except (StackError, GatewayFailed, RuntimeError, TimeoutError) as error:
        console.print(f"{type(error).__name__}: {error}", style="red", markup=False)
        raise typer.Exit(1) from error
    console.print(table(findings), markup=False, highlight=False)
    if write:
        findings.write(ENDURANCE)
        PAGE.parent.mkdir(exist_ok=True)
        page = PAGE.read_text(encoding="utf-8") if PAGE.exists() else "# Benchmarks\n"
        PAGE.write_text(with_endurance(page), encoding="utf-8")
        console.print(f"Written: {ENDURANCE.relative_to(_ROOT)}, {PAGE.relative_to(_ROOT)}")
    if findings.missed:
        raise typer.Exit(1)


def with_endurance(page: str) -> str:
    """The page with the figures of the last endurance run, if there was one."""
    return with_section(page, table(Findings.read(ENDURANCE))) if ENDURANCE.exists() else page


async def _endure(minutes: int, tell: Callable[[str], None]) -> Findings:
    folder = Path(tempfile.mkdtemp(prefix="endurance-", dir=_made(state_folder(os.environ) / "bench")))
    try:
        return await EnduranceRun(EnduranceScale.lasting(minutes), folder, tell).run(hardware())
    finally:
        shutil.rmtree(folder)  # millions of deliveries, three times


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _printer(console: Console) -> Callable[[str], None]:
    return lambda line: console.print(line, style="dim", markup=False, highlight=False)


async def _run(
    size: Size, only: Only | None, rounds: int, names: set[str], connections: int, tell: Callable[[str], None]
) -> Results:
    known = {one.name for one in (*gateway_peers(), *projector_peers(), *queue_peers())}
    if unknown := names - known:
        raise RuntimeError(f"no runner is called {', '.join(sorted(unknown))}; there are {', '.join(sorted(known))}")
    with unused_folder(state_folder(os.environ) / "bench") as folder:
        async with choose_stack(os.environ, folder, on_progress=tell) as endpoints:
            results = Results(await describe(endpoints), {"size": size.value, "rounds": rounds})
            if only in {None, Only.GATEWAY}:
                await _gateway(results, endpoints, folder, rounds, names, connections, tell)
            if only in {None, Only.PROJECTOR}:
                await _projector(results, endpoints, folder, rounds, names, tell)
            if only is Only.LAG or (only is None and not names):
                await _lag(results, endpoints, folder, rounds, tell)
            if only in {None, Only.JOBS}:
                await _jobs(results, endpoints, folder, rounds, names, tell)
            return results


async def _gateway(
    results: Results,
    endpoints: Endpoints,
    folder: Path,
    rounds: int,
    names: set[str],
    connections: int,
    tell: Callable[[str], None],
) -> None:
    peers = [peer for peer in gateway_peers() if not names or peer.name in names]
    scale = GATEWAY[results.settings["size"]].with_connections(connections)
    benchmark = GatewayBenchmark(endpoints.kafka_bootstrap_servers, folder / "gateway", scale)
    kind = await benchmark.prepare()
    results.settings |= _told(
        "gateway", {"requests": scale.turns * scale.closed, "connections": connections, "generator": kind}
    )
    results.settings |= _told("gateway", {"open loop": f"{scale.turns * scale.opened} requests at {scale.rate:g}/s"})
    results.gateway = await run_gateway(benchmark, peers, rounds, folder / "bin", tell)


async def _projector(
    results: Results, endpoints: Endpoints, folder: Path, rounds: int, names: set[str], tell: Callable[[str], None]
) -> None:
    peers = [peer for peer in projector_peers() if not names or peer.name in names]
    scale = PROJECTOR[results.settings["size"]]
    results.settings |= _told("projector", {"events": scale.full[0], "orders": scale.full[1]})
    results.projector = await run_projector(
        ProjectorBenchmark(endpoints, folder / "projector", scale), peers, rounds, tell
    )


async def _lag(results: Results, endpoints: Endpoints, folder: Path, rounds: int, tell: Callable[[str], None]) -> None:
    scale = LAG[results.settings["size"]]
    results.settings |= _told("lag", {"events/s": scale.rate, "seconds": scale.seconds})
    results.lag = await run_lag(LagBenchmark(endpoints, _made(folder / "lag"), scale), endpoints, rounds, tell)


async def _jobs(
    results: Results, endpoints: Endpoints, folder: Path, rounds: int, names: set[str], tell: Callable[[str], None]
) -> None:
    peers = [peer for peer in queue_peers() if not names or peer.name in names]
    scale = JOBS[results.settings["size"]]
    results.settings |= _told(
        "jobs", {"jobs": scale.jobs, "at once": scale.concurrency, "processes of the fleet": scale.processes}
    )
    results.jobs = await run_jobs(JobsBenchmark(endpoints, folder / "jobs", scale), peers, rounds, tell)


def _told(benchmark: str, settings: dict[str, Any]) -> dict[str, Any]:
    return {f"{benchmark} {name}": value for name, value in settings.items()}


if __name__ == "__main__":
    typer.run(main)
