"""What came of each seed: kept in a file, line by line, to be told while a run goes on, and to take it up again."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

ROOT = Path(__file__).resolve().parents[2]
_SOURCES = ("libs", "schemas", "services", "tests/chaos")
_SUFFIXES = {".py", ".sql", ".json", ".yaml", ".c"}


@dataclass(frozen=True)
class Result:
    """One scenario. `problems`: the broken promises, or why it was skipped. `faults`: what was done, and how often."""

    seed: int
    outcome: Literal["passed", "failed", "skipped"]
    setting: str
    seconds: float = 0.0
    problems: tuple[str, ...] = ()
    faults: Mapping[str, int] = field(default_factory=dict)
    judged: str = ""
    logs: str = ""


def append(path: Path, result: Result) -> None:
    """Add one line."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(result)) + "\n")


def read(path: Path) -> list[Result]:
    """All whole lines: the last one may just be written."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    lines = text[: text.rfind("\n") + 1].splitlines()
    return [Result(**{**told, "problems": tuple(told["problems"])}) for told in map(json.loads, lines)]


def sources() -> str:
    """A digest of the code that the scenarios run: what passed with other code proves nothing."""
    digest = hashlib.sha256()
    for folder in _SOURCES:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in _SUFFIXES and path.is_file():
                digest.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


@dataclass
class Report:
    """What came of many seeds, and how long they took in all."""

    results: list[Result] = field(default_factory=list)
    seconds: float = 0.0

    def of(self, outcome: str) -> list[Result]:
        return [result for result in self.results if result.outcome == outcome]

    @property
    def passed(self) -> list[int]:
        return [result.seed for result in self.of("passed")]

    @property
    def failed(self) -> list[Result]:
        return self.of("failed")

    def __str__(self) -> str:
        lines = [
            f"{len(self.passed)} scenarios passed, {len(self.failed)} failed, {len(self.of('skipped'))} skipped "
            f"in {self.seconds:.0f} s."
        ]
        lines += [f"skipped {one.seed}: {'; '.join(one.problems)}" for one in self.of("skipped")]
        for one in self.failed:
            lines += [f"FAILED {one.seed}: make chaos SEED={one.seed}   logs: {one.logs}"]
            lines += [f"  - {problem}" for problem in one.problems]
        return "\n".join(lines)


def tally(results: Iterable[Result]) -> str:
    """How often each fault was done, over scenarios that were judged, and in how many of them."""
    times: Counter[str] = Counter()
    scenarios: Counter[str] = Counter()
    for result in results:
        times.update(result.faults)
        scenarios.update(result.faults.keys())
    width = max(map(len, times), default=0)
    rows = [
        f"  {fault:<{width}}  {times[fault]:>5} times in {scenarios[fault]:>3} scenarios" for fault in sorted(times)
    ]
    return "\n".join(["Faults that were done:", *rows])
