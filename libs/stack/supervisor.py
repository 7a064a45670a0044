"""Keep child processes running: a crashed one is started again after a growing pause; stopped in reverse order."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from libs.stack.errors import StackError
from libs.stack.process import GuardedProcess, tail

State = Literal["stopped", "starting", "ready", "waiting"]


@dataclass(frozen=True)
class Backoff:
    """The pause before a restart, in seconds: `first`, doubled for each crash in a row up to `longest`.

    A process that has run for `stable` seconds has recovered: its next crash begins the row anew.
    """

    first: float = 0.5
    longest: float = 30.0
    stable: float = 60.0

    def pause(self, crashes: int) -> float:
        """The pause after the n-th crash in a row (n from 1)."""
        return float(min(self.longest, self.first * 2.0 ** min(crashes - 1, 32)))


@dataclass(frozen=True)
class ProcessSpec:
    """A child to run: its name, command, environment, and the file its output is appended to.

    `ready` answers whether it is usable; without it, a started process counts as ready. It must not raise.
    """

    name: str
    argv: Sequence[str]
    log: Path
    env: Mapping[str, str] | None = None
    ready: Callable[[], Awaitable[bool]] | None = None
    grace: float = 20.0


class Child(Protocol):
    """What a supervisor needs of a process that it did not make itself, such as a Kafka broker."""

    @property
    def name(self) -> str: ...
    @property
    def log(self) -> Path: ...
    @property
    def pid(self) -> int | None: ...
    async def start(self) -> object: ...
    async def ready(self) -> None: ...
    async def wait(self) -> int: ...


@dataclass(frozen=True)
class ProcessReport:
    """One process as it is now. `since`: when this state began (seconds since the epoch); `problem`: the last crash."""

    name: str
    state: State
    pid: int | None
    restarts: int
    since: float
    log: str
    problem: str | None = None


class Supervisor:
    """Runs children by specification, and watches over adopted ones (restarted when they crash, never stopped).

    `on_change` is called after each change of a state.
    """

    def __init__(self, *, backoff: Backoff | None = None, on_change: Callable[[], None] = lambda: None) -> None:
        self._backoff = backoff or Backoff()
        self._on_change = on_change
        self._slots: list[_Slot] = []

    async def start(self, specs: Sequence[ProcessSpec]) -> None:
        """Start these children; answers at once, `until_ready` waits for them."""
        for spec in specs:
            self._watch(_Slot(_SpecifiedChild(spec), owned=True), running=False)

    def adopt(self, child: Child) -> None:
        """Watch over a child that runs already."""
        self._watch(_Slot(child, owned=False, state="ready"), running=True)

    def report(self) -> list[ProcessReport]:
        """All processes, in the order of their start."""
        return [slot.report() for slot in self._slots]

    async def until_ready(self, *, crashes: int = 3) -> None:
        """Wait until every process is ready. Raises StackError when one has crashed `crashes` times before that."""
        while waiting := [slot for slot in self._slots if slot.state != "ready"]:
            for slot in waiting:
                if slot.crashes >= crashes:
                    raise StackError(
                        f"{slot.child.name} has crashed {slot.crashes} times: {slot.problem}. It is being tried again. "
                        f"The end of {slot.child.log}:\n{tail(slot.child.log)}"
                    )
            await asyncio.sleep(0.1)

    async def stop(self) -> None:
        """Stop watching, and stop what was started here: the last one started goes first."""
        for slot in reversed(self._slots):
            if slot.task is not None:
                slot.task.cancel()
                await asyncio.gather(slot.task, return_exceptions=True)
            if slot.owned and isinstance(slot.child, _SpecifiedChild):
                await slot.child.stop()
                self._enter(slot, "stopped")

    def _watch(self, slot: "_Slot", *, running: bool) -> None:
        self._slots.append(slot)
        slot.task = asyncio.create_task(self._keep_running(slot, running=running), name=f"supervise {slot.child.name}")

    async def _keep_running(self, slot: "_Slot", *, running: bool) -> None:
        while True:
            started = time.monotonic()
            slot.problem = await self._run_once(slot, running=running)
            running = False
            slot.crashes = slot.crashes + 1 if time.monotonic() - started < self._backoff.stable else 1
            slot.restarts += 1
            self._enter(slot, "waiting")
            await asyncio.sleep(self._backoff.pause(slot.crashes))

    async def _run_once(self, slot: "_Slot", *, running: bool) -> str:
        """From the start to the end of one run; answers how it ended."""
        if not running:
            self._enter(slot, "starting")
            try:
                await slot.child.start()
            except StackError as error:
                return str(error)
        ended = asyncio.create_task(slot.child.wait())
        becoming_ready = asyncio.create_task(slot.child.ready())
        try:
            await asyncio.wait({ended, becoming_ready}, return_when=asyncio.FIRST_COMPLETED)
            if not ended.done() and becoming_ready.exception() is None:
                self._enter(slot, "ready")
            return f"it ended with exit code {await ended}"
        finally:
            becoming_ready.cancel()
            ended.cancel()
            await asyncio.gather(ended, becoming_ready, return_exceptions=True)

    def _enter(self, slot: "_Slot", state: State) -> None:
        slot.state = state
        slot.since = time.time()
        self._on_change()


@dataclass(eq=False)
class _Slot:
    child: Child
    owned: bool
    state: State = "starting"
    since: float = field(default_factory=time.time)
    restarts: int = 0
    crashes: int = 0
    problem: str | None = None
    task: "asyncio.Task[None] | None" = None

    def report(self) -> ProcessReport:
        child = self.child
        return ProcessReport(child.name, self.state, child.pid, self.restarts, self.since, str(child.log), self.problem)


class _SpecifiedChild:
    """A `ProcessSpec` as a `Child`."""

    def __init__(self, spec: ProcessSpec) -> None:
        self._spec = spec
        self._process: GuardedProcess | None = None

    @property
    def name(self) -> str:
        return self._spec.name

    @property
    def log(self) -> Path:
        return self._spec.log

    @property
    def pid(self) -> int | None:
        process = self._process
        return process.pid if process and process.exit_code is None else None

    async def start(self) -> None:
        spec = self._spec
        self._process = await GuardedProcess.start(spec.argv, log=spec.log, env=spec.env, grace=spec.grace)

    async def ready(self) -> None:
        while self._spec.ready is not None and not await self._spec.ready():  # noqa: ASYNC110 - the probe is a question
            await asyncio.sleep(0.2)

    async def wait(self) -> int:
        assert self._process is not None
        await self._process.wait()
        return await self._process.stop()

    async def stop(self) -> None:
        if self._process is not None:
            await self._process.stop()
