"""Guarded children: they end with their owner, whatever ends it. Real processes, small ones."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from libs.stack import StackError
from libs.stack.probes import until
from libs.stack.process import GuardedProcess, ProcessId, signal_all

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
STUBBORN = [
    sys.executable, "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)",
]  # fmt: skip
OWNER = """
import asyncio, sys
from pathlib import Path
from libs.stack.process import GuardedProcess
async def main():
    child = await GuardedProcess.start(sys.argv[2:], log=Path(sys.argv[1]), grace=1)
    print(child.pid, child._guard.pid, flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""


async def gone(process: ProcessId) -> None:
    # One look at the process, not two: between "it exists" and "its state is" it may end.
    assert await process.gone(timeout=60), f"process {process.pid} is still there"


async def test_stop_ends_it_with_the_signal(tmp_path: Path) -> None:
    child = await GuardedProcess.start(SLEEP, log=tmp_path / "log")
    assert child.identity.is_alive()
    assert await child.stop() == 128 + signal.SIGTERM
    assert not child.identity.is_alive()
    assert await child.stop() == 128 + signal.SIGTERM, "stopping twice is harmless"


async def test_a_deaf_child_is_killed_after_the_grace_period(tmp_path: Path) -> None:
    log = tmp_path / "log"
    child = await GuardedProcess.start(STUBBORN, log=log, grace=0.3)

    async def deaf() -> bool:
        return "deaf" in log.read_text()

    await until(deaf, timeout=20, expired=lambda: "the child did not come up")
    assert await child.stop() == 128 + signal.SIGKILL


async def test_a_paused_child_is_stopped_too(tmp_path: Path) -> None:
    child = await GuardedProcess.start(SLEEP, log=tmp_path / "log", grace=20)
    child.identity.send(signal.SIGSTOP)
    assert await child.stop() == 128 + signal.SIGTERM


async def test_the_exit_code_and_the_output_are_kept(tmp_path: Path) -> None:
    child = await GuardedProcess.start(
        [sys.executable, "-c", "import os; print(os.environ['WORD'], flush=True); input()"], log=tmp_path / "log",
        env={"WORD": "heard"},
    )  # fmt: skip
    assert await child.wait() == 1  # EOFError: a child has no standard input
    assert (tmp_path / "log").read_text().startswith("heard\n")
    await child.stop()


async def test_a_command_that_does_not_exist_is_an_error_with_the_log(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"/no/such/program could not be started[\s\S]*No such file"):
        await GuardedProcess.start(["/no/such/program"], log=tmp_path / "log")


@pytest.mark.parametrize("command", [SLEEP, STUBBORN], ids=["obedient", "deaf"])
async def test_no_orphan_when_the_owner_is_killed(command: list[str], tmp_path: Path) -> None:
    owner = subprocess.Popen(  # noqa: ASYNC220 - a program of its own, to be killed
        [sys.executable, "-c", OWNER, str(tmp_path / "log"), *command], stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout is not None
    child, guard = map(identity, (await asyncio.to_thread(owner.stdout.readline)).split())
    owner.kill()
    owner.wait()
    owner.stdout.close()
    await gone(child)
    await gone(guard)


def identity(pid: str) -> ProcessId:
    found = ProcessId.of(int(pid))
    assert found is not None, f"process {pid} ended before its owner"
    return found


def test_a_reused_pid_is_not_taken_for_the_old_process() -> None:
    me = ProcessId.of(os.getpid())
    assert me is not None
    assert me.is_alive()
    earlier = ProcessId(me.pid, me.started_at - 3600)
    assert not earlier.is_alive()
    assert not earlier.send(signal.SIGTERM), "this test process would have ended here"


async def test_a_signal_for_many_passes_over_those_that_have_ended(tmp_path: Path) -> None:
    # A PostgreSQL backend may end between the look at the tree and the signal.
    ended = await GuardedProcess.start(SLEEP, log=tmp_path / "ended")
    running = await GuardedProcess.start(SLEEP, log=tmp_path / "running")
    processes = [psutil.Process(ended.pid), psutil.Process(running.pid)]
    await ended.stop()
    signal_all(processes, signal.SIGTERM)
    assert await running.wait() == 128 + signal.SIGTERM
