"""Many seeds: a fresh system for every few of them, a new one after a failure, and a report at the end."""

import shutil
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from libs.stack import StackError
from tests.chaos.gather import Log
from tests.chaos.plan import Plan, Setting, plan
from tests.chaos.scenario import Run
from tests.chaos.stack import CannotMount
from tests.chaos.system import running_chaos

PER_SYSTEM = 10
"""Scenarios on one system: its start costs as much as a scenario."""


@dataclass
class Report:
    """What came of each seed. `failed`: its broken promises; `skipped`: why."""

    passed: list[int] = field(default_factory=list)
    failed: dict[int, list[str]] = field(default_factory=dict)
    skipped: dict[int, str] = field(default_factory=dict)
    seconds: float = 0.0

    def __str__(self) -> str:
        lines = [
            f"{len(self.passed)} scenarios passed, {len(self.failed)} failed, {len(self.skipped)} skipped "
            f"in {self.seconds:.0f} s."
        ]
        lines += [f"skipped {seed}: {why}" for seed, why in self.skipped.items()]
        lines += [f"FAILED {seed}: make chaos SEED={seed}" for seed in self.failed]
        return "\n".join(lines)


def groups(seeds: Iterable[int]) -> list[tuple[Setting, list[int]]]:
    """The seeds in order, those of one setting together, a few for each system."""
    by_setting: dict[Setting, list[int]] = {"single": [], "cluster": [], "full disk": []}
    for seed in seeds:
        by_setting[plan(seed).setting].append(seed)
    return [
        (setting, found[start : start + PER_SYSTEM])
        for setting, found in by_setting.items()
        for start in range(0, len(found), PER_SYSTEM)
    ]


class Campaign:
    """Runs seeds in `folder`; `say` is given each line of the story. The folders of failed systems are kept, or all."""

    def __init__(self, folder: Path, say: Callable[[str], None], *, keep: bool = False) -> None:
        self._folder = folder
        self._keep = keep
        self._say = say
        self._systems = 0
        self.report = Report()

    async def run(self, seeds: Iterable[int]) -> Report:
        """All of them, whatever fails."""
        began = time.monotonic()
        for setting, group in groups(seeds):
            left = group
            while left:
                left = await self._on_one_system(setting, left)
        self.report.seconds = time.monotonic() - began
        return self.report

    async def _on_one_system(self, setting: Setting, seeds: Sequence[int]) -> list[int]:
        """Run these until one fails; the ones that are left need a new system."""
        self._systems += 1
        folder = self._folder / f"system-{self._systems}"
        folder.mkdir(parents=True)
        try:
            async with AsyncExitStack() as stack:
                began = time.time()
                system = await stack.enter_async_context(running_chaos(folder, setting, seeds[0]))
                log = Log(system.stack.bootstrap_servers)
                await log.open()
                stack.push_async_callback(log.close)
                run = Run(system, log)
                if problems := await run.warm_up():
                    self._failed(plan(seeds[0]), ["before any trouble", *problems], seeds, system.logs(began))
                    return list(seeds[1:])
                self._say(f"{setting}: a new system, {time.time() - began:.1f} s")
                for number, seed in enumerate(seeds, 1):
                    began = time.time()
                    chosen = plan(seed)
                    self._say(str(chosen))
                    if problems := await run.scenario(chosen):
                        self._failed(chosen, problems, seeds[:number], system.logs(began))
                        return list(seeds[number:])
                    self.report.passed.append(seed)
                    self._say(f"  passed, {time.time() - began:.1f} s; on this system so far {run.told}")
        except CannotMount as error:
            self.report.skipped |= dict.fromkeys(seeds, str(error))
            return []
        except StackError as error:
            self.report.failed |= {seed: [str(error)] for seed in seeds}
            self._say(f"FAILED: no system could be started or stopped for the seeds {seeds}: {error}")
            return []
        if not self._keep:
            shutil.rmtree(folder)
        return []

    def _failed(self, chosen: Plan, problems: list[str], before: Sequence[int], logs: str) -> None:
        self.report.failed[chosen.seed] = problems
        told = "\n".join(f"  - {problem}" for problem in problems)
        self._say(
            f"FAILED: seed {chosen.seed}\n{chosen}\nbroken promises:\n{told}\n{logs}\n"
            f"FAILED: seed {chosen.seed}. Alone: make chaos SEED={chosen.seed}. "
            f"With what went before it on the same system: make chaos SEED={','.join(map(str, before))}"
        )
