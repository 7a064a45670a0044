"""Several systems side by side, each in a process of its own: troubles wait more than they work, so cores are idle.

A lane is `python -m tests.chaos --lane …` behind a guard: whatever ends this program ends the lane, and with it every
server and service that it has started.
"""

import asyncio
import shutil
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from libs.stack.process import GuardedProcess, tail
from tests.chaos.campaign import groups
from tests.chaos.plan import Setting
from tests.chaos.result import Report, Result, append, read

GRACE_SECONDS = 120.0
"""How long a lane that is told to stop may take to stop its servers and give back what it has mounted."""

_LOOK_SECONDS = 0.5


class Lanes:
    """Runs seeds, `count` systems at a time, in `folder`. Every result is appended to `kept` and told by `say`."""

    def __init__(self, folder: Path, kept: Path, count: int, say: Callable[[str], None], *, keep: bool = False) -> None:
        self._folder = folder
        self._kept = kept
        self._count = count
        self._say = say
        self._keep = keep
        self._waiting: deque[tuple[Setting, list[int]]] = deque()
        self._started = 0
        self._began = time.monotonic()
        self._total = 0
        self.report = Report()

    async def run(self, seeds: Sequence[int]) -> Report:
        """All of them. Cancelled, it stops what runs and leaves the results so far in the report."""
        self._began = time.monotonic()
        self._total = len(seeds)
        self._waiting.extend(groups(seeds))
        try:
            async with asyncio.TaskGroup() as lanes:
                for _ in range(min(self._count, len(self._waiting))):
                    lanes.create_task(self._lane())
        finally:
            self.report.seconds = time.monotonic() - self._began
        return self.report

    async def _lane(self) -> None:
        while self._waiting:
            setting, seeds = self._waiting.popleft()
            self._started += 1
            await self._group(setting, seeds, self._folder / f"lane-{self._started}")

    async def _group(self, setting: Setting, seeds: list[int], folder: Path) -> None:
        """One process; a seed that it ends without a result of has failed."""
        folder.mkdir(parents=True)
        story, results = folder / "story.log", folder / "results.jsonl"
        command: list[str | Path] = [
            sys.executable,
            "-m",
            "tests.chaos",
            "--lane",
            folder,
            "--seed",
            ",".join(map(str, seeds)),
        ]
        process = await GuardedProcess.start(
            [*command, "--keep"] if self._keep else command, log=story, grace=GRACE_SECONDS
        )
        told = 0
        try:
            while process.exit_code is None:
                await asyncio.sleep(_LOOK_SECONDS)
                told = self._look(results, told)
        finally:
            await process.stop()
            told = self._look(results, told)
        found = {result.seed for result in read(results)}
        for seed in seeds:
            if seed not in found:
                why = f"its process ended with exit code {process.exit_code}: {tail(story)}"
                self._record(Result(seed, "failed", setting, problems=(why,), logs=str(folder)))
        if not self._keep and all(result.outcome != "failed" for result in read(results)) and found >= set(seeds):
            shutil.rmtree(folder)

    def _look(self, results: Path, told: int) -> int:
        new = read(results)[told:]
        for result in new:
            self._record(result)
        return told + len(new)

    def _record(self, result: Result) -> None:
        append(self._kept, result)
        self.report.results.append(result)
        done, elapsed = len(self.report.results), time.monotonic() - self._began
        left = (self._total - done) * elapsed / done / 60
        self._say(
            f"{done:>4}/{self._total}  seed {result.seed:>4} {result.outcome}  {result.setting}, {result.seconds:.0f} s"
            f"  ({len(self.report.failed)} failed; {elapsed / 60:.0f} min, about {left:.0f} min left)"
        )
        if result.outcome == "failed":
            self._say("\n".join([*(f"  - {one}" for one in result.problems), f"  logs: {result.logs}"]))
