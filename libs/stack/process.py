"""Child processes that never outlive their owner, and handles to processes that somebody else started."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from libs.stack.errors import StackError

_GUARD = Path(__file__).with_name("guard.py")
_SAME_START = (
    2.0  # seconds: the kernel counts from boot, and the boot's wall-clock time moves when the clock is corrected
)


@dataclass(frozen=True)
class ProcessId:
    """A process told apart from a later one that got the same pid: the pid and its start (seconds since the epoch)."""

    pid: int
    started_at: float

    @classmethod
    def of(cls, pid: int) -> "ProcessId | None":
        """The identity of a living process, or None."""
        try:
            process = psutil.Process(pid)
            return None if process.status() == psutil.STATUS_ZOMBIE else cls(pid, process.create_time())
        except psutil.NoSuchProcess:
            return None

    def is_alive(self) -> bool:
        """Whether this very process still runs (a zombie does not)."""
        now = self.of(self.pid)
        return now is not None and abs(now.started_at - self.started_at) <= _SAME_START

    def send(self, number: signal.Signals) -> bool:
        """Send a signal; False when the process is gone."""
        if not self.is_alive():
            return False
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)
            return True
        return False

    async def ended(self) -> None:
        """Wait, without end, until the process has ended."""
        while self.is_alive():  # noqa: ASYNC110 - no event tells of the end of somebody else's child
            await asyncio.sleep(1)

    async def gone(self, timeout: float) -> bool:  # noqa: ASYNC109 - a False, not an exception, is the answer wanted
        """Wait until the process has ended; False when it has not within `timeout` seconds."""
        deadline = asyncio.get_running_loop().time() + timeout
        while self.is_alive():
            if asyncio.get_running_loop().time() > deadline:
                return False
            await asyncio.sleep(0.05)
        return True

    async def stop(self, number: signal.Signals, grace: float) -> None:
        """Ask with `number`, wait `grace` seconds, then SIGKILL. For processes that this program did not start."""
        if self.send(number):
            self.send(signal.SIGCONT)
            if not await self.gone(grace):
                self.send(signal.SIGKILL)
                await self.gone(10)


@dataclass(frozen=True)
class UserIds:
    """The user and group that a child runs as."""

    uid: int
    gid: int


class GuardedProcess:
    """A child process behind a guard (`guard.py`): it is stopped when this program ends, however it ends."""

    def __init__(self, guard: asyncio.subprocess.Process, identity: ProcessId) -> None:
        self._guard = guard
        self.identity = identity

    @classmethod
    async def start(
        cls,
        argv: Sequence[str | Path],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        grace: float = 20.0,
        user: UserIds | None = None,
    ) -> "GuardedProcess":
        """Start `argv`; its output is appended to `log`. `grace`: seconds between `stop_signal` and SIGKILL.

        Raises StackError when the command cannot be started or ends within its first moments.
        """
        as_user = ["--user", str(user.uid), "--group", str(user.gid)] if user else []
        options = ["--signal", stop_signal.name, "--grace", str(grace), *as_user]
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            guard = await asyncio.create_subprocess_exec(
                sys.executable, "-I", "-S", _GUARD, *options, "--", *map(str, argv),
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=output,
                env=env, cwd=cwd, start_new_session=True,
            )  # fmt: skip
        assert guard.stdout is not None
        try:
            line = await guard.stdout.readline()
        except asyncio.CancelledError:
            await cls(guard, ProcessId(-1, 0)).stop()
            raise
        identity = ProcessId.of(int(line)) if line else None
        process = cls(guard, identity or ProcessId(-1, 0))
        if identity is None:
            await process.stop()
            raise StackError(f"{argv[0]} could not be started, or ended at once. Its output is in {log}:\n{tail(log)}")
        return process

    @property
    def pid(self) -> int:
        return self.identity.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; 128 + n when signal n ended it."""
        return self._guard.returncode

    async def wait(self) -> int:
        """Wait for the end; answers the exit code."""
        return await self._guard.wait()

    async def stop(self) -> int:
        """Stop it (the stop signal, the grace period, SIGKILL) and wait; answers the exit code."""
        assert self._guard.stdin is not None
        self._guard.stdin.close()
        with suppress(BrokenPipeError, ConnectionResetError):
            await self._guard.stdin.wait_closed()
        return await self._guard.wait()

    async def kill(self) -> int:
        """SIGKILL, as a crash would be; waits for the end."""
        self.identity.send(signal.SIGKILL)
        return await self.stop()


def signal_all(processes: Sequence[psutil.Process], number: signal.Signals) -> None:
    """Send a signal to each of a tree of processes. One that has ended since the tree was looked at is passed over."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def tail(log: Path, lines: int = 12) -> str:
    """The last lines of a log file, for an error's text."""
    try:
        with log.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - 8192))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return "(no log)"
    return "\n".join(text.splitlines()[-lines:]) or "(empty)"
