"""One server in one round: its process and topic, what it was sent, and what that cost it."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import aiohttp
import psutil
from confluent_kafka import KafkaException

from bench import ROOT
from bench.cpu import Stopwatch, listening_process, rss_bytes, tree_cpu_seconds
from bench.gateway.load import Load, Plan
from bench.gateway.peer import GatewayPeer, Place, environment_of
from bench.gateway.verify import compare
from bench.kafka import Topics
from bench.results import Round
from bench.statistics import percentile_of
from libs.stack import StackError
from libs.stack.process import GuardedProcess, tail

_START_SECONDS = 60.0
_QUIET_SECONDS = 0.2
_SETTLE_SECONDS = 10.0

Loading = Callable[[str, Plan], Awaitable[Load]]
"""Sends a plan to host:port, and tells how it was answered. Raises RuntimeError."""


class GatewayFailed(Exception):
    """A server did not become ready; the text holds the end of its log."""


class Contender:
    """A server that takes its turn. What goes wrong with it or its answers is its round's problem, not an exception."""

    def __init__(self, peer: GatewayPeer, place: Place, load: Loading) -> None:
        self.peer = peer
        self._place = place
        self._load = load
        self._topics = Topics(place.bootstrap_servers)
        self._log = place.folder.with_suffix(".log")
        self._server: GuardedProcess | None = None
        self._broker: int | None = None
        self._topic = ""
        self._sent: list[tuple[Plan, Load]] = []
        self._closed: list[Load] = []
        self._opened: list[Load] = []
        self._spent: list[dict[str, float | None]] = []
        self._rss: list[int] = []
        self.problem: str | None = None

    async def start(self, warm_up: Plan) -> None:
        """Make its topics, start it, and send it the first deliveries, of which nothing is measured."""
        await self._attempt(lambda: self._start(warm_up))

    async def close_loop(self, plan: Plan) -> None:
        """A turn of the closed loop: CPU counts until the server rests again."""
        await self._attempt(lambda: self._close_loop(plan))

    async def open_loop(self, plan: Plan) -> None:
        """The open loop."""
        await self._attempt(lambda: self._open_loop(plan))

    async def stop(self) -> None:
        """End the process; the topic stays, to be read."""
        if self._server is not None:
            await self._server.stop()

    async def round(self, digests: Sequence[bytes]) -> Round:
        """What was found, with the topic compared with the answers. Removes what the server left."""
        await self._attempt(lambda: self._compare(digests))
        self._clear()
        return Round(_figures(self._closed, self._opened, self._spent, self._rss) if self._opened else {}, self.problem)

    async def _attempt(self, step: Callable[[], Awaitable[None]]) -> None:
        if self.problem is not None:
            return
        try:
            await step()
        except (GatewayFailed, StackError, KafkaException, psutil.Error, RuntimeError, OSError) as error:
            self.problem = f"{type(error).__name__}: {error}"

    async def _start(self, warm_up: Plan) -> None:
        self._clear()
        self._place.folder.mkdir(parents=True)
        self._log.unlink(missing_ok=True)
        launch = await self.peer.launch(self._place)
        self._topic = launch.topic
        self._server = await GuardedProcess.start(
            launch.command, log=self._log, env=dict(environment_of(launch)), cwd=ROOT
        )
        await wait_until_ready(self._server, self._place.port, self._log)
        await self._send(warm_up)
        self._broker = listening_process(
            int(self._place.bootstrap_servers.split(",", maxsplit=1)[0].rpartition(":")[2])
        )
        self._rss.append(rss_bytes(self._server.pid))

    async def _send(self, plan: Plan) -> Load:
        load = await self._load(f"127.0.0.1:{self._place.port}", plan)
        self._sent.append((plan, load))
        return load

    async def _close_loop(self, plan: Plan) -> None:
        assert self._server is not None
        watch = Stopwatch({"gateway": self._server.pid, "broker": self._broker})
        watch.start()
        self._closed.append(await self._send(plan))
        await self._settle()
        self._spent.append(watch.stop())

    async def _open_loop(self, plan: Plan) -> None:
        assert self._server is not None
        self._opened.append(await self._send(plan))
        self._rss.append(rss_bytes(self._server.pid))

    async def _settle(self) -> None:
        """Until it has no more to do: what it puts off until behind its answers is its own, and not the next one's."""
        assert self._server is not None
        deadline = asyncio.get_running_loop().time() + _SETTLE_SECONDS
        before = -1.0
        while before != (now := tree_cpu_seconds(self._server.pid)) and asyncio.get_running_loop().time() < deadline:
            before = now
            await asyncio.sleep(_QUIET_SECONDS)

    async def _compare(self, digests: Sequence[bytes]) -> None:
        acknowledged = set[int]().union(*(load.successes(plan.first) for plan, load in self._sent))
        bodies = (message.value() or b"" for batch in self._topics.read(self._topic) for message in batch)
        verdict = await asyncio.to_thread(compare, bodies, acknowledged, digests)
        refused = len(digests) - len(acknowledged)
        self.problem = verdict.problem or (f"{refused} deliveries were not answered 2xx" if refused else None)

    def _clear(self) -> None:
        if left := self._topics.with_prefix(f"{self._place.run}."):
            self._topics.delete(*left)
        shutil.rmtree(self._place.folder, ignore_errors=True)


def _figures(
    closed: list[Load], opened: list[Load], spent: list[dict[str, float | None]], rss: list[int]
) -> dict[str, float | None]:
    requests = sum(len(load.statuses) for load in closed)

    def per_request(tree: str) -> float | None:
        known = [seconds for turn in spent if (seconds := turn[f"{tree}_cpu_s"]) is not None]
        return sum(known) / requests * 1e6 if len(known) == len(spent) else None

    closed_ms, opened_ms = ([load.latencies_ms for load in loads] for loads in (closed, opened))
    return {
        "gateway_cpu_us_per_request": per_request("gateway"),
        "broker_cpu_us_per_request": per_request("broker"),
        "requests_per_s": requests / sum(load.elapsed_s for load in closed),
        "closed_p50_ms": percentile_of(closed_ms, 50),
        "closed_p99_ms": percentile_of(closed_ms, 99),
        "open_p50_ms": percentile_of(opened_ms, 50),
        "open_p99_ms": percentile_of(opened_ms, 99),
        "generator_cpu_us_per_request": sum(load.cpu_s for load in closed) / requests * 1e6,
        "rss_start_bytes": rss[0],
        "rss_end_bytes": rss[-1],
    }


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
