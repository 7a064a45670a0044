"""One run: three brokers, a gateway, its highest throughput, then minutes at half of it while a broker dies."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import aiohttp

from bench import ROOT
from bench.cpu import rss_bytes
from bench.endurance.findings import Findings, Minute
from bench.endurance.scale import EnduranceScale
from bench.gateway.contender import wait_until_ready
from bench.gateway.deliveries import Account, write_requests
from bench.gateway.load import Load, Plan, generator, run_load
from bench.gateway.peer import Ours, Place, environment_of
from bench.gateway.verify import compare
from bench.kafka import Topics
from bench.statistics import percentile_of
from libs.stack import EmbeddedKafka
from libs.stack.ports import free_ports
from libs.stack.process import GuardedProcess

_DRAIN_SECONDS = 120.0
_SPOOLED = "gateway_spool_deliveries "


class EnduranceRun:
    """The state of one run in `folder`."""

    def __init__(self, scale: EnduranceScale, folder: Path, tell: Callable[[str], None]) -> None:
        self._scale = scale
        self._folder = folder
        self._tell = tell
        self._generator: list[str] = []
        self._digests: list[bytes] = []
        self._acknowledged: set[int] = set()

    async def run(self, machine: dict[str, str]) -> Findings:
        """Everything, from the brokers' start to the comparison of the topic with the answers. Raises StackError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._generator = await generator(self._folder / "bin")
        kafka = EmbeddedKafka(self._folder, brokers=3, on_progress=self._tell)
        servers = await kafka.start()
        try:
            (port,) = free_ports(1)
            place = Place(servers, "endurance", port, self._folder / "gateway")
            place.folder.mkdir(parents=True, exist_ok=True)
            launch = await Ours().launch(place)
            log = self._folder / "gateway.log"
            gateway = await GuardedProcess.start(launch.command, log=log, env=dict(environment_of(launch)), cwd=ROOT)
            try:
                await wait_until_ready(gateway, port, log)
                findings = await self._load(Findings(machine), gateway, port, kafka)
                await self._drained(port)
                findings.rss_end_bytes = rss_bytes(gateway.pid)
            finally:
                await gateway.stop()
            bodies = (message.value() or b"" for batch in Topics(servers).read(launch.topic) for message in batch)
            verdict = await asyncio.to_thread(compare, bodies, self._acknowledged, self._digests)
            findings.acknowledged, findings.difference = verdict.acknowledged, verdict.problem
            return findings
        finally:
            await kafka.stop()

    async def _load(self, findings: Findings, gateway: GuardedProcess, port: int, kafka: EmbeddedKafka) -> Findings:
        scale, address = self._scale, f"127.0.0.1:{port}"
        await self._send(address, await self._sign(scale.warm_up, "warm-up"))
        closed = await self._send(address, await self._sign(scale.fill, "fill"))
        findings.highest_per_s = len(closed.statuses) / closed.elapsed_s
        findings.rate_per_s = findings.highest_per_s / 2
        findings.window = scale.warm_up + scale.fill
        self._tell(f"highest throughput {findings.highest_per_s:,.0f} requests/s; from here on half of it")
        count = round(findings.rate_per_s * scale.segment_seconds)
        latencies: list[list[float]] = []
        # All of them before: signing one minute's beside another's load takes half of this machine for seconds.
        minutes = [await self._sign(count, f"minute-{number}") for number in range(scale.minutes)]
        findings.rss_start_bytes = rss_bytes(gateway.pid)
        for number, requests in enumerate(minutes):
            dies = number == scale.dying_segment
            failure = asyncio.create_task(self._broker_dies(kafka)) if dies else None
            load = await self._send(address, requests, findings.rate_per_s)
            if failure is not None:
                await failure
            latencies.append(load.latencies_ms)
            minute = await self._minute(number + 1, load, gateway, port, "a broker killed" if dies else "")
            findings.minutes.append(minute)
            self._tell(
                f"minute {minute.number} of {scale.minutes}: p99 {minute.p99_ms:.1f} ms, {minute.refused} not 2xx, "
                f"{minute.rss_bytes / 1024 / 1024:.1f} MB, {minute.spooled} in the spool"
            )
        findings.p99_ms = percentile_of(latencies, 99)
        return findings

    async def _sign(self, count: int, name: str) -> tuple[Path, int, int]:
        """Write the next deliveries; answers the file, the number of its first, and how many they are."""
        first, path = len(self._digests), self._folder / f"{name}.bin"
        self._digests += await asyncio.to_thread(write_requests, path, Account(), count, first)
        return path, first, count

    async def _send(self, address: str, requests: tuple[Path, int, int], rate: float = 0.0) -> Load:
        path, first, count = requests
        load = await run_load(self._generator, address, path, Plan(0, count, self._scale.connections, rate))
        self._acknowledged |= load.successes(first)
        path.unlink()
        return load

    async def _minute(self, number: int, load: Load, gateway: GuardedProcess, port: int, note: str) -> Minute:
        refused = sum(not 200 <= status < 300 for status in load.statuses)
        p50, p99, highest = (load.percentile_ms(percent) for percent in (50, 99, 100))
        rss = rss_bytes(gateway.pid)
        return Minute(number, len(load.statuses), refused, p50, p99, highest, rss, await spooled(port), note)

    async def _broker_dies(self, kafka: EmbeddedKafka) -> None:
        """SIGKILL in the middle of the minute, and a start some seconds later."""
        broker = kafka.brokers[1]
        await asyncio.sleep((self._scale.segment_seconds - self._scale.dead_seconds) / 2)
        await broker.kill()
        self._tell(f"{broker.name} is killed")
        await asyncio.sleep(self._scale.dead_seconds)
        await broker.start()
        await broker.ready()
        self._tell(f"{broker.name} is back")

    async def _drained(self, port: int) -> None:
        """Wait until the spool is forwarded. Raises TimeoutError."""
        async with asyncio.timeout(_DRAIN_SECONDS):
            while await spooled(port):  # noqa: ASYNC110 - the gateway is another process: it can only be asked
                await asyncio.sleep(0.5)


async def spooled(port: int) -> int:
    """How many deliveries the gateway's spool holds, by its own metric."""
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/metrics") as answer:
        lines = (await answer.text()).splitlines()
    return next(int(float(line.removeprefix(_SPOOLED))) for line in lines if line.startswith(_SPOOLED))
