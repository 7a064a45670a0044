"""Some seeds one after the other: a fresh system for every few of them, and a new one after a failure."""

import shutil
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from libs.stack import StackError
from tests.chaos.gather import Log
from tests.chaos.plan import Plan, Setting, plan, setting_of
from tests.chaos.result import Report, Result
from tests.chaos.scenario import Run
from tests.chaos.stack import CannotMount
from tests.chaos.system import running_chaos

PER_SYSTEM = 10
"""Scenarios on one system: its start costs as much as a scenario."""


def groups(seeds: Iterable[int]) -> list[tuple[Setting, list[int]]]:
    """The seeds in order, those of one setting together, a few for each system. What costs most comes first."""
    by_setting: dict[Setting, list[int]] = {"cluster": [], "full disk": [], "single": []}
    for seed in seeds:
        by_setting[setting_of(seed)].append(seed)
    return [
        (setting, found[start : start + PER_SYSTEM])
        for setting, found in by_setting.items()
        for start in range(0, len(found), PER_SYSTEM)
    ]


class Campaign:
    """Runs seeds in `folder`; `say` is given each line of the story, `tell` each result as soon as it is known.

    The folders of failed systems are kept, or all.
    """

    def __init__(
        self,
        folder: Path,
        say: Callable[[str], None],
        *,
        tell: Callable[[Result], None] = lambda _: None,
        keep: bool = False,
    ) -> None:
        self._folder = folder
        self._keep = keep
        self._say = say
        self._tell = tell
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
                    self._failed(run, plan(seeds[0]), began, ["before any trouble", *problems], seeds)
                    return list(seeds[1:])
                self._say(f"{setting}: a new system, {time.time() - began:.1f} s")
                for number, seed in enumerate(seeds, 1):
                    began = time.time()
                    chosen = plan(seed)
                    self._say(str(chosen))
                    if problems := await run.scenario(chosen):
                        self._failed(run, chosen, began, problems, seeds[:number])
                        return list(seeds[number:])
                    seconds = round(time.time() - began, 1)
                    self._record(Result(seed, "passed", setting, seconds, (), dict(run.faults), run.told))
                    self._say(f"  passed, {seconds} s; on this system so far {run.told}")
        except CannotMount as error:
            for seed in seeds:
                self._record(Result(seed, "skipped", setting, problems=(str(error),)))
            return []
        except StackError as error:
            # Where all have passed the system did not stop in order: that is the last one's failure.
            first, *others = [seed for seed in seeds if seed not in self.report.passed] or [seeds[-1]]
            self._record(Result(first, "failed", setting, problems=(str(error),), logs=str(folder)))
            for seed in others:
                self._record(Result(seed, "failed", setting, problems=(f"no system, as for seed {first}",)))
            self._say(f"FAILED: no system could be started or stopped for the seeds {seeds}: {error}")
            return []
        if not self._keep:
            shutil.rmtree(folder)
        return []

    def _failed(self, run: Run, chosen: Plan, began: float, problems: list[str], before: Sequence[int]) -> None:
        seconds, logs = round(time.time() - began, 1), str(run.system.folder)
        self._record(
            Result(chosen.seed, "failed", chosen.setting, seconds, tuple(problems), dict(run.faults), run.told, logs)
        )
        told = "\n".join(f"  - {problem}" for problem in problems)
        self._say(
            f"FAILED: seed {chosen.seed}\n{chosen}\nbroken promises:\n{told}\n{run.system.logs(began)}\n"
            f"FAILED: seed {chosen.seed}; all logs: {logs}. Alone: make chaos SEED={chosen.seed}. "
            f"With what went before it on the same system: make chaos SEED={','.join(map(str, before))}"
        )

    def _record(self, result: Result) -> None:
        self.report.results.append(result)
        self._tell(result)
