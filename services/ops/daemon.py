"""The supervisor process behind `sellstream up`: the stack, the preparation, then every service, until told to stop.

    python -m services.ops.daemon --state-dir DIR [--brokers N]

When it is killed, the guards of its children stop them: nothing stays behind.
"""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path

from libs.stack import EmbeddedStack, Endpoints, StackError, external_endpoints
from libs.stack.locks import sole_holder
from libs.stack.process import GuardedProcess, ProcessId, tail
from libs.stack.supervisor import ProcessSpec, Supervisor
from services.ops.daemon_state import DaemonState, read_state, write_state
from services.ops.probes import http_ready
from services.ops.processes import (
    GATEWAY,
    MERCADOLIBRE_API,
    PREPARE,
    SANDBOX,
    SERVICES,
    STOCKX_POLLER,
    ServiceSpec,
    sellstream_command,
)
from services.ops.sandbox_wiring import read_accounts, sandbox_environment, services_environment, wants_sandbox
from services.ops.secret_keys import key_environment

_SERVICE_GRACE = 25.0  # a little more than a service itself takes for its orderly stop (libs/service.py)


class Daemon:
    """One run of the supervisor. `say` is given a line per step; the state file holds the same lines."""

    def __init__(
        self,
        state_dir: Path,
        environ: Mapping[str, str],
        *,
        brokers: int | None = None,
        services: tuple[ServiceSpec, ...] = SERVICES,
        prepare: tuple[tuple[str, ...], ...] = PREPARE,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._state_dir = state_dir
        self._environ = environ
        self._brokers = brokers
        self._services = services
        self._prepare = prepare
        self._say = say
        self._supervisor = Supervisor(on_change=self._report)
        identity = ProcessId.of(os.getpid())
        assert identity is not None
        ports = {service.name: service.port_in(environ) for service in services}
        self._state = DaemonState(identity, ports=ports)

    async def run(self) -> None:
        """Run until cancelled; then stop everything in reverse order. Raises StackError when the start fails."""
        self._report()
        try:
            async with AsyncExitStack() as stack:
                try:
                    await self._serve(stack)
                finally:
                    self._change(phase="stopping")
        except StackError as error:
            self._change(phase="failed", problem=str(error))
            raise

    async def until_running(self) -> None:
        """Wait until everything is ready."""
        while self._state.phase != "running":  # noqa: ASYNC110  (a state that other processes watch as well)
            await asyncio.sleep(0.1)

    async def _serve(self, stack: AsyncExitStack) -> None:
        endpoints = await self._open(stack)
        self._change(kind=endpoints.kind, kafka_bootstrap_servers=endpoints.kafka_bootstrap_servers)
        env = {**self._environ, **endpoints.environment()}
        own = endpoints.kind == "embedded" or wants_sandbox(env)
        env |= key_environment(env, self._state_dir, own=own)
        await self._run_preparation(env)
        services = self._services
        if wants_sandbox(env) and SANDBOX in services:
            self._step("No marketplace is configured: the sandbox stands in for them")
            env |= await self._start_sandbox(env)
            services = tuple(service for service in services if service is not SANDBOX)
        self._step("Starting the services")
        await self._supervisor.start([self._specification(service, env) for service in services])
        await self._until_ready()
        await asyncio.Event().wait()

    async def _start_sandbox(self, env: Mapping[str, str]) -> dict[str, str]:
        """Start the sandbox; the settings that point every other service at it."""
        gateway, mercadolibre_api, sandbox = (
            f"http://127.0.0.1:{service.port_in(env)}" for service in (GATEWAY, MERCADOLIBRE_API, SANDBOX)
        )
        settings = sandbox_environment(gateway, mercadolibre_api)
        await self._supervisor.start([self._specification(SANDBOX, {**env, **settings})])
        await self._supervisor.until_ready()
        poller = f"http://127.0.0.1:{STOCKX_POLLER.port_in(env)}"
        return services_environment(await read_accounts(sandbox), gateway, sandbox, stockx_poller=poller)

    async def _open(self, stack: AsyncExitStack) -> Endpoints:
        stack.push_async_callback(self._supervisor.stop)
        if external := external_endpoints(self._environ):
            self._step(
                f"Using the Kafka at {external.kafka_bootstrap_servers}, and the database that DATABASE_URL names"
            )
            return external
        embedded = EmbeddedStack(self._state_dir, brokers=self._brokers, on_progress=self._step)
        endpoints = await embedded.start()
        stack.push_async_callback(embedded.stop)
        stack.push_async_callback(self._supervisor.stop)  # before that, or it would start again what is being stopped
        if embedded.kafka.started_here:
            for broker in embedded.kafka.brokers:
                self._supervisor.adopt(broker)
        if embedded.postgres.started_here:
            self._supervisor.adopt(embedded.postgres)
        return endpoints

    async def _run_preparation(self, env: Mapping[str, str]) -> None:
        log = self._log("prepare")
        for arguments in self._prepare:
            command = " ".join(("sellstream", *arguments))
            self._step(f"Running {command}")
            process = await GuardedProcess.start(sellstream_command(*arguments), log=log, env=env)
            try:
                code = await process.wait()
            finally:
                await process.stop()
            if code != 0:
                raise StackError(f"`{command}` failed (exit {code}). The end of {log}:\n{tail(log)}")

    async def _until_ready(self) -> None:
        """Reports once what keeps crashing, then goes on waiting: the cause may be mended in the meantime."""
        try:
            await self._supervisor.until_ready()
        except StackError as error:
            self._change(phase="degraded", problem=str(error))
            self._say(str(error))
            await self._supervisor.until_ready(crashes=sys.maxsize)
        self._change(phase="running", problem=None)
        self._say("Everything is ready.")

    def _specification(self, service: ServiceSpec, env: Mapping[str, str]) -> ProcessSpec:
        port = service.port_in(self._environ)

        async def ready() -> bool:
            return await http_ready(port) is None

        return ProcessSpec(
            service.name,
            [sys.executable, "-m", service.module],
            log=self._log(service.name),
            env={**env, service.port_variable: str(port)},
            ready=ready,
            grace=_SERVICE_GRACE,
        )

    def _log(self, name: str) -> Path:
        return self._state_dir / "logs" / f"{name}.log"

    def _step(self, line: str) -> None:
        self._say(line)
        self._change(steps=(*self._state.steps, line))

    def _change(self, **changes: object) -> None:
        self._state = self._state.with_changes(**changes)
        self._report()

    def _report(self) -> None:
        self._state = self._state.with_changes(processes=tuple(self._supervisor.report()))
        write_state(self._state_dir, self._state)


async def run_until_signal(daemon: Daemon) -> None:
    """Run the daemon until SIGTERM or SIGINT, then stop it in order. Further signals change nothing."""
    task = asyncio.create_task(daemon.run())
    loop = asyncio.get_running_loop()

    def stop_once() -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_IGN)
        task.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop_once)
    await asyncio.wait({task})
    if not task.cancelled():
        task.result()


def run_daemon(daemon: Daemon, state_dir: Path) -> int:
    """The whole life of a supervisor process; answers its exit status. Only one runs per state folder."""
    with sole_holder(state_dir / "supervisor.lock") as alone:
        if not alone:
            print("Another supervisor is at work in this state folder.", file=sys.stderr)
            return 3
        try:
            asyncio.run(run_until_signal(daemon))
        except StackError as error:
            print(error, file=sys.stderr)
            return 1
    return 0


def main() -> int:
    """Entry point of the detached process."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--state-dir", type=Path, required=True)
    parser.add_argument("--brokers", type=int, choices=(1, 3))
    arguments = parser.parse_args()
    daemon = Daemon(
        arguments.state_dir, os.environ, brokers=arguments.brokers, say=lambda line: print(line, flush=True)
    )
    return run_daemon(daemon, arguments.state_dir)


def find_daemon(state_dir: Path) -> DaemonState | None:
    """The state of the supervisor that runs in this folder now, or None."""
    state = read_state(state_dir)
    return state if state is not None and state.is_alive() else None


if __name__ == "__main__":
    sys.exit(main())
