"""The supervisor, over tiny scripts."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from libs.stack import StackError
from libs.stack.probes import until
from libs.stack.supervisor import Backoff, ProcessSpec, Supervisor

FAST = Backoff(first=0.02, longest=0.1, stable=60)


def script(name: str, code: str, folder: Path) -> ProcessSpec:
    return ProcessSpec(name, [sys.executable, "-I", "-S", "-c", code], log=folder / f"{name}.log")


@pytest.fixture
async def supervisor() -> AsyncIterator[Supervisor]:
    supervisor = Supervisor(backoff=FAST)
    yield supervisor
    await supervisor.stop()


async def test_processes_become_ready_and_stop_in_reverse_order(tmp_path: Path) -> None:
    order: list[str] = []
    supervisor = Supervisor(on_change=lambda: order.append(",".join(p.state for p in supervisor.report())))
    await supervisor.start([script("first", "import time; time.sleep(600)", tmp_path),
                            script("second", "import time; time.sleep(600)", tmp_path)])  # fmt: skip
    await supervisor.until_ready()
    pids = [process.pid for process in supervisor.report()]
    assert None not in pids
    await supervisor.stop()
    assert order[-2:] == ["ready,stopped", "stopped,stopped"]
    assert [process.pid for process in supervisor.report()] == [None, None]


async def test_a_process_is_ready_when_its_probe_says_so(tmp_path: Path, supervisor: Supervisor) -> None:
    answers = iter([False, False, True])
    asked = 0

    async def ready() -> bool:
        nonlocal asked
        asked += 1
        return next(answers)

    spec = script("slow", "import time; time.sleep(600)", tmp_path)
    await supervisor.start([ProcessSpec(spec.name, spec.argv, spec.log, ready=ready)])
    await supervisor.until_ready()
    assert asked == 3


async def test_a_crashed_process_is_started_again(tmp_path: Path, supervisor: Supervisor) -> None:
    marker = tmp_path / "marker"
    code = (
        f"import pathlib, time\nmarker = pathlib.Path({str(marker)!r})\n"
        "if marker.exists(): time.sleep(600)\nmarker.touch()\nraise SystemExit(7)"
    )
    await supervisor.start([ProcessSpec("once", [sys.executable, "-c", code], log=tmp_path / "log")])

    async def again() -> bool:
        (process,) = supervisor.report()
        return process.restarts == 1 and process.state == "ready"

    await until(again, timeout=20, expired=lambda: f"not restarted: {supervisor.report()}")
    (process,) = supervisor.report()
    assert process.problem == "it ended with exit code 7"


async def test_a_process_that_keeps_crashing_is_reported_with_its_log(tmp_path: Path, supervisor: Supervisor) -> None:
    async def never() -> bool:
        return False

    spec = script("broken", "raise SystemExit('the setting X is wrong')", tmp_path)
    await supervisor.start([ProcessSpec(spec.name, spec.argv, spec.log, ready=never)])
    with pytest.raises(StackError, match=r"broken has crashed \d times[\s\S]*the setting X is wrong"):
        await supervisor.until_ready()


async def test_a_killed_adopted_child_is_started_again_and_left_alone_at_the_end(tmp_path: Path) -> None:
    child = Adoptable()
    supervisor = Supervisor(backoff=FAST)
    supervisor.adopt(child)
    child.crash()

    async def again() -> bool:
        return child.starts == 1

    await until(again, timeout=20, expired=lambda: "the adopted child was not started again")
    await supervisor.stop()
    assert child.pid == 1, "its owner stops it, not the supervisor"


def test_the_pause_doubles_up_to_the_longest() -> None:
    backoff = Backoff(first=0.5, longest=30)
    assert [backoff.pause(crashes) for crashes in (1, 2, 3, 4, 7, 8, 1000)] == [0.5, 1, 2, 4, 30, 30, 30]


class Adoptable:
    """A child that only counts, to see what the supervisor asks of an adopted one."""

    def __init__(self) -> None:
        self.name, self.log, self.pid = "counted", Path("none"), 1
        self.starts = 0
        self._ended = asyncio.Event()

    def crash(self) -> None:
        self._ended.set()

    async def start(self) -> None:
        self.starts += 1
        self._ended.clear()

    async def ready(self) -> None:
        pass

    async def wait(self) -> int:
        await self._ended.wait()
        return 137
