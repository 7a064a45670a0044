"""One round of one gateway: start, warm up, closed loop, open loop, stop, compare the topic with the answers."""

import asyncio
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import aiohttp
from confluent_kafka import KafkaException

from bench import ROOT
from bench.cpu import Stopwatch, listening_process, rss_bytes
from bench.gateway.deliveries import Account, write_requests
from bench.gateway.load import Load, Plan, generator, run_load
from bench.gateway.peer import GatewayPeer, Launch, Place, environment_of
from bench.gateway.verify import compare
from bench.kafka import Topics
from bench.results import Round, Runner
from libs.stack import StackError
from libs.stack.ports import free_ports
from libs.stack.process import GuardedProcess, tail

_START_SECONDS = 60.0


@dataclass(frozen=True)
class GatewayScale:
    """How much is sent. `rate`: requests per second of the open loop, the same for everybody."""

    warm_up: int
    closed: int
    opened: int
    rate: float
    connections: int = 256

    @property
    def deliveries(self) -> int:
        return self.warm_up + self.closed + self.opened

    def with_connections(self, connections: int) -> "GatewayScale":
        return replace(self, connections=connections)

    def plans(self) -> tuple[Plan, Plan, Plan]:
        return (
            Plan(0, self.warm_up, self.connections),
            Plan(self.warm_up, self.closed, self.connections),
            Plan(self.warm_up + self.closed, self.opened, self.connections, self.rate),
        )


class GatewayBenchmark:
    """The same deliveries, in the same order, to every server, each with a fresh topic."""

    def __init__(self, bootstrap_servers: str, folder: Path, scale: GatewayScale) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._folder = folder
        self._scale = scale
        self._requests = folder / "deliveries.bin"
        self._digests: list[bytes] = []
        self._generator: list[str] = []

    async def prepare(self) -> str:
        """Sign all deliveries, build the generator; answers the generator's kind."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._digests = await asyncio.to_thread(write_requests, self._requests, Account(), self._scale.deliveries)
        self._generator = await generator(self._folder / "bin")
        return "go" if len(self._generator) == 1 else "python"

    async def round(self, peer: GatewayPeer, number: int) -> Round:
        """One round. What goes wrong with the server or its answers is the round's problem, not an exception."""
        (port,) = free_ports(1)
        run = f"bench-gateway-{peer.name.replace('_', '-')}-{number}"
        place = Place(self._bootstrap_servers, run, port, self._folder / run)
        topics = Topics(self._bootstrap_servers)
        self._clear(topics, place)
        place.folder.mkdir(parents=True)
        try:
            launch = await peer.launch(place)
            loads, figures = await self._serve(launch, place)
            acknowledged = set[int]()
            for load, plan in zip(loads, self._scale.plans(), strict=True):
                acknowledged |= load.successes(plan.first)
            bodies = (message.value() or b"" for batch in topics.read(launch.topic) for message in batch)
            verdict = await asyncio.to_thread(compare, bodies, acknowledged, self._digests)
            refused = self._scale.deliveries - len(acknowledged)
            problem = verdict.problem or (f"{refused} deliveries were not answered 2xx" if refused else None)
            return Round(figures, problem)
        except (GatewayFailed, StackError, KafkaException, RuntimeError, OSError) as error:
            return Round(problem=f"{type(error).__name__}: {error}")
        finally:
            self._clear(topics, place)

    def _clear(self, topics: Topics, place: Place) -> None:
        if left := topics.with_prefix(f"{place.run}."):
            topics.delete(*left)
        shutil.rmtree(place.folder, ignore_errors=True)

    async def _serve(self, launch: Launch, place: Place) -> tuple[list[Load], dict[str, float | None]]:
        log = self._folder / f"{place.run}.log"
        log.unlink(missing_ok=True)
        server = await GuardedProcess.start(launch.command, log=log, env=dict(environment_of(launch)), cwd=ROOT)
        try:
            await wait_until_ready(server, place.port, log)
            address = f"127.0.0.1:{place.port}"
            warm_up, closed, opened = self._scale.plans()
            loads = [await run_load(self._generator, address, self._requests, warm_up)]
            rss_start = rss_bytes(server.pid)
            broker = listening_process(int(self._bootstrap_servers.split(",", maxsplit=1)[0].rpartition(":")[2]))
            watch = Stopwatch({"gateway": server.pid, "broker": broker})
            watch.start()
            loads.append(await run_load(self._generator, address, self._requests, closed))
            spent = watch.stop()
            loads.append(await run_load(self._generator, address, self._requests, opened))
            rss_end = rss_bytes(server.pid)
        finally:
            await server.stop()
        return loads, _figures(loads, spent, closed.count) | {"rss_start_bytes": rss_start, "rss_end_bytes": rss_end}


def _figures(loads: list[Load], spent: dict[str, float | None], requests: int) -> dict[str, float | None]:
    _, closed, opened = loads

    def per_request(tree: str) -> float | None:
        seconds = spent[f"{tree}_cpu_s"]
        return None if seconds is None else seconds / requests * 1e6

    return {
        "gateway_cpu_us_per_request": per_request("gateway"),
        "broker_cpu_us_per_request": per_request("broker"),
        "requests_per_s": requests / closed.elapsed_s,
        "closed_p50_ms": closed.percentile_ms(50),
        "closed_p99_ms": closed.percentile_ms(99),
        "open_p50_ms": opened.percentile_ms(50),
        "open_p99_ms": opened.percentile_ms(99),
        "generator_cpu_us_per_request": closed.cpu_s / requests * 1e6,
    }


class GatewayFailed(Exception):
    """A server did not become ready; the text holds the end of its log."""


async def wait_until_ready(server: GuardedProcess, port: int, log: Path) -> None:
    """Wait until /readyz answers 200. Raises GatewayFailed."""
    deadline = asyncio.get_running_loop().time() + _START_SECONDS
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
        while server.exit_code is None and asyncio.get_running_loop().time() < deadline:
            try:
                async with session.get(f"http://127.0.0.1:{port}/readyz") as answer:
                    if answer.status == 200:
                        return
            except (aiohttp.ClientError, TimeoutError):
                pass  # it is not listening yet
            await asyncio.sleep(0.1)
    raise GatewayFailed(f"the server did not become ready; the end of {log}:\n{tail(log)}")


async def run_gateway(
    benchmark: GatewayBenchmark,
    peers: list[GatewayPeer],
    rounds: int,
    bin_dir: Path,
    on_progress: Callable[[str], None],
) -> dict[str, Runner]:
    """All rounds: in each, one run of every peer, in an order that moves on by one each round."""
    runners: dict[str, Runner] = {}
    for peer in peers:
        skipped = await peer.skipped(bin_dir)
        runners[peer.name] = Runner(peer.title, "" if skipped else peer.version(), skipped, peer.note)
        if skipped:
            on_progress(f"{peer.title}: skipped, {skipped}")
    running = [peer for peer in peers if not runners[peer.name].skipped]
    for number in range(1, rounds + 1):
        for peer in running[number % len(running) :] + running[: number % len(running)] if running else []:
            one = await benchmark.round(peer, number)
            runners[peer.name].rounds.append(one)
            told = one.problem or f"{one.figures['gateway_cpu_us_per_request']:.1f} µs CPU a request"
            on_progress(f"round {number} of {rounds}, {peer.title}: {told}")
    return runners
