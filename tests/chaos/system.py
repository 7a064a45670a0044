"""A whole sellstream for chaos: real processes, every connection between them behind a link, all of it breakable."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import psutil

from libs.secrets.keys import new_key
from libs.stack.ports import free_ports
from libs.stack.process import GuardedProcess
from libs.stack.supervisor import Backoff, ProcessSpec, Supervisor
from services.ops.sandbox_wiring import read_accounts, sandbox_environment, services_environment
from tests.chaos.clocks import Clocks
from tests.chaos.plan import SERVICES, Setting
from tests.chaos.proxy import Link
from tests.chaos.stack import Stack, running_stack

PATIENCE_SECONDS = 60.0
START_SECONDS = 180.0
"""A system's start, several of them at one time on a busy machine."""

JOIN_SECONDS = 25.0
"""A replica's way into its group: it may have to wait for Kafka, and for members that have died or are frozen."""

_RESTART = Backoff(first=0.3, longest=1.0, stable=5.0)  # a service is killed again sooner than in life


@dataclass
class ChaosSystem:
    """Everything that runs. `links`: webhooks (sandbox → gateway), api (→ sandbox), postgres, kafka-1 …"""

    folder: Path
    stack: Stack
    links: dict[str, Link]
    ports: dict[str, int]
    environ: dict[str, str]
    supervisor: Supervisor
    sandbox: aiohttp.ClientSession
    clocks: Clocks
    replicas: dict[int, tuple[str, GuardedProcess]] = field(default_factory=dict)

    def pid(self, name: str) -> int | None:
        """The process of a supervised service (or the sandbox) now; None while it is down."""
        return next((report.pid for report in self.supervisor.report() if report.name == name), None)

    async def up(self, name: str) -> int:
        """The pid of a service, when it has one."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (pid := self.pid(name)) is None:
                await asyncio.sleep(0.05)
        return pid

    def owner(self, port: int) -> str | None:
        """Which service has this local port of a TCP connection."""
        supervised = {report.pid: report.name for report in self.supervisor.report() if report.pid is not None}
        for pid, name in (supervised | {pid: name for pid, (name, _) in self.replicas.items()}).items():
            try:
                connections = psutil.Process(pid).net_connections(kind="tcp4")
            except psutil.NoSuchProcess:
                continue
            if any(connection.laddr.port == port for connection in connections):
                return name
        return None

    async def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Ask the sandbox for something."""
        async with self.sandbox.post(path, json=body) as answer:
            assert answer.status < 300, f"{path}: {answer.status} {await answer.text()}"
            return await answer.json()

    async def get(self, path: str, **query: str) -> Any:
        """Read from the sandbox."""
        async with self.sandbox.get(path, params=query) as answer:
            assert answer.status == 200, f"{path}: {answer.status} {await answer.text()}"
            return await answer.json()

    async def command(self, *arguments: str, kill_after: float = 0.0) -> tuple[int, str]:
        """Run `sellstream …` as a person would: its exit status and output. `kill_after`: SIGKILL after so long."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services.ops.cli", *arguments,
            env=self.environ, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        # Not a timeout around it: what was read until then would be lost, and it may end in that very moment.
        ending = asyncio.create_task(process.communicate())
        try:
            ended, _ = await asyncio.wait({ending}, timeout=kill_after or 3 * PATIENCE_SECONDS)
        finally:
            with suppress(ProcessLookupError):
                process.kill()
        output, _ = await ending
        if not ended and not kill_after:
            raise AssertionError(f"{arguments} did not end: {output.decode(errors='replace')}")
        assert process.returncode is not None
        return process.returncode, output.decode(errors="replace")

    async def join(self, name: str) -> tuple[GuardedProcess, bool]:
        """Start one more replica of a service, on a port of its own; also, whether it has got partitions by now."""
        (port,) = free_ports(1)
        log = self.folder / "logs" / f"{name}-replica-{port}.log"
        process = await GuardedProcess.start(
            [sys.executable, "-m", f"services.{name}"],
            log=log,
            env={**self.environ, **self.clocks.environment(name), f"{name.upper()}_PORT": str(port)},
        )
        self.replicas[process.pid] = (name, process)
        deadline = asyncio.get_running_loop().time() + JOIN_SECONDS
        while not (member := _has_partitions(log)) and asyncio.get_running_loop().time() < deadline:
            if process.exit_code is not None:
                break
            await asyncio.sleep(0.1)
        return process, member

    async def leave(self, process: GuardedProcess, *, kill: bool) -> None:
        """End a replica."""
        await (process.kill() if kill else process.stop())
        self.replicas.pop(process.pid, None)

    def logs(self, since: float, lines: int = 25) -> str:
        """The end of every log that was written to since a moment (seconds since the epoch), for a failed scenario."""
        told: list[str] = []
        for path in (*sorted((self.folder / "logs").glob("*.log")), *sorted(self.folder.glob("kafka/*/kafka.log"))):
            if path.stat().st_mtime >= since:
                text = [line for line in path.read_text(errors="replace").splitlines() if not _is_routine(line)]
                told.append(f"--- {path}\n" + "\n".join(line[:600] for line in text[-lines:]))
        return "\n".join(told)


def _has_partitions(log: Path) -> bool:
    """Whether a replica has been given partitions, by its own log: to Kafka it has the same name as the other one."""
    assigned = [line for line in log.read_text(errors="replace").splitlines() if '"partitions assigned"' in line]
    return any('"count": 0' not in line for line in assigned)


def _is_routine(line: str) -> bool:
    """A request that was answered, a delivery that was taken in: there are thousands."""
    return '"level": "info"' in line and ('"event": "request"' in line or '"status": 200' in line)


@asynccontextmanager
async def running_chaos(folder: Path, setting: Setting, seed: int) -> AsyncIterator[ChaosSystem]:
    """Start everything afresh in `folder` and stop it at the end; `seed` is that of the sandbox's world."""
    system: ChaosSystem | None = None

    def owner(port: int) -> str | None:
        return None if system is None else system.owner(port)

    ports = dict(zip((*SERVICES, "sandbox"), free_ports(4), strict=True))
    links = {name: Link(name, owner) for name in ("webhooks", "api")}
    supervisor = Supervisor(backoff=_RESTART)
    async with running_stack(folder, setting, owner) as stack:
        try:
            for link, name in ((links["webhooks"], "webhook_gateway"), (links["api"], "sandbox")):
                await link.open()
                link.target = ports[name]
            environ = _environment(folder, stack, ports, links, seed)
            await supervisor.start([_specification("sandbox", folder, ports, environ)])
            await _until_ready(supervisor)
            gateway, sandbox = (f"http://127.0.0.1:{links[name].port}" for name in ("webhooks", "api"))
            environ |= services_environment(await read_accounts(sandbox), gateway, sandbox)
            timeout = aiohttp.ClientTimeout(total=20)
            async with aiohttp.ClientSession(f"http://127.0.0.1:{ports['sandbox']}", timeout=timeout) as session:
                clocks = await Clocks.build(folder / "clocks", SERVICES)
                system = ChaosSystem(
                    folder, stack, {**links, **stack.links}, ports, environ, supervisor, session, clocks
                )
                for command in (("topics", "apply"), ("db", "migrate")):
                    status, output = await system.command(*command)
                    assert status == 0, f"sellstream {' '.join(command)}: {output}"
                await supervisor.start(
                    [_specification(name, folder, ports, environ | clocks.environment(name)) for name in SERVICES]
                )
                await _until_ready(supervisor)
                yield system
        finally:
            if system is not None:
                for process in [process for _, process in system.replicas.values()]:
                    await system.leave(process, kill=True)
                for name in (*SERVICES, "sandbox"):
                    if (pid := system.pid(name)) is not None:
                        os.kill(pid, signal.SIGCONT)
            await supervisor.stop()
            for link in links.values():
                await link.close()


def _environment(
    folder: Path, stack: Stack, ports: Mapping[str, int], links: Mapping[str, Link], seed: int
) -> dict[str, str]:
    return {
        **os.environ,
        **sandbox_environment(f"http://127.0.0.1:{links['webhooks'].port}"),
        **{f"{name.upper()}_PORT": str(port) for name, port in ports.items()},
        "KAFKA_BOOTSTRAP_SERVERS": stack.bootstrap_servers,
        "DATABASE_URL": stack.database_url,
        "SELLSTREAM_STATE_DIR": str(folder / "state"),
        "SELLSTREAM_SECRETS_KEYS": new_key(),
        "SANDBOX_SEED": str(seed),
        "SANDBOX_SPEED": "30",  # an outage of some seconds costs a notification two or three of its attempts
        "SANDBOX_MERCADOLIBRE_TOKEN_SECONDS": "31000000",  # tokens expire by a fault, never by a jump of the clock
        # Shorter patience than in life, so that a scenario has an end.
        "MERCADOLIBRE_ENRICHER_SETTLE_SECONDS": "2",
        "MERCADOLIBRE_ENRICHER_API__TIMEOUT_SECONDS": "3",
        "MERCADOLIBRE_ENRICHER_API__CIRCUIT_OPEN_SECONDS": "2",
    }


def _specification(name: str, folder: Path, ports: Mapping[str, int], environ: Mapping[str, str]) -> ProcessSpec:
    async def ready() -> bool:
        return await readiness(ports[name]) is None

    log = folder / "logs" / f"{name}.log"
    return ProcessSpec(name, [sys.executable, "-m", f"services.{name}"], log, dict(environ), ready, grace=25)


async def readiness(port: int) -> str | None:
    """None when a service says that it is ready, else what it says."""
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=4)) as session,
            session.get(f"http://127.0.0.1:{port}/readyz") as answer,
        ):
            return None if answer.status == 200 else f"{answer.status} {await answer.text()}"
    except (aiohttp.ClientError, TimeoutError) as error:
        return f"{type(error).__name__}: {error}"


async def _until_ready(supervisor: Supervisor) -> None:
    async with asyncio.timeout(START_SECONDS):
        await supervisor.until_ready(crashes=10)
