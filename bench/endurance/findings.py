"""What an endurance run found: figures by minute, in JSON and as a table."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

_MEGABYTE = 1024 * 1024
P99_GOAL_MS = 100.0
GROWTH_GOAL = 1.25
"""Flat: of a leak, two million deliveries would make hundreds of megabytes."""


@dataclass(frozen=True)
class Minute:
    """One minute of load: latencies in ms from when a request was due, resident memory of the gateway at its end."""

    number: int
    requests: int
    refused: int
    p50_ms: float
    p99_ms: float
    highest_ms: float
    rss_bytes: int
    spooled: int
    note: str = ""


@dataclass
class Findings:
    """A whole run. Rates in requests per second. `difference`: of the topic from what was acknowledged."""

    machine: dict[str, str]
    highest_per_s: float = 0.0
    rate_per_s: float = 0.0
    window: int = 0
    rss_start_bytes: int = 0
    rss_end_bytes: int = 0
    p99_ms: float = 0.0
    acknowledged: int = 0
    difference: str | None = None
    minutes: list[Minute] = field(default_factory=list)

    @property
    def growth(self) -> float:
        """Memory at the end over that at the start, as a ratio."""
        return self.rss_end_bytes / self.rss_start_bytes

    @property
    def missed(self) -> list[str]:
        """The goals that were not reached."""
        refused = sum(each.refused for each in self.minutes)
        checks = [
            (self.difference is not None, str(self.difference)),
            (refused > 0, f"{refused} requests were not answered 2xx"),
            (self.p99_ms >= P99_GOAL_MS, f"p99 is {self.p99_ms:.1f} ms, not under {P99_GOAL_MS:.0f}"),
            (self.growth > GROWTH_GOAL, f"memory grew × {self.growth:.2f}, beyond × {GROWTH_GOAL}"),
        ]
        return [told for failed, told in checks if failed]

    def write(self, path: Path) -> None:
        document = asdict(self) | {"rss_growth": round(self.growth, 4), "p99_goal_ms": P99_GOAL_MS}
        path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> "Findings":
        told = json.loads(path.read_text(encoding="utf-8"))
        minutes = [Minute(**minute) for minute in told.pop("minutes")]
        return cls(**{name: told[name] for name in cls.__dataclass_fields__ if name in told}, minutes=minutes)


def table(findings: Findings) -> str:
    """The section of docs/benchmarks.md."""
    one = findings
    verdict = one.difference or f"all {one.acknowledged:,} deliveries answered 2xx are in the topic exactly once"
    lines = [
        "## Endurance",
        "",
        f"The gateway on three brokers (min.insync 2) for {len(one.minutes)} minutes at {one.rate_per_s:,.0f} "
        f"requests/s, half of the {one.highest_per_s:,.0f}/s that a closed loop reached just before. A broker is "
        "killed (SIGKILL) in the middle and started again. Load generator, gateway and brokers share the machine.",
        "",
        "| minute | requests | not 2xx | p50 ms | p99 ms | highest ms | memory MB | in the spool at the end | |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---|",
        *(
            f"| {each.number} | {each.requests:,} | {each.refused} | {each.p50_ms:.1f} | {each.p99_ms:.1f} "
            f"| {each.highest_ms:.0f} | {each.rss_bytes / _MEGABYTE:.1f} | {each.spooled} | {each.note} |"
            for each in one.minutes
        ),
        "",
        f"- p99 over everything: {one.p99_ms:.1f} ms (goal: under {P99_GOAL_MS:.0f}); in the slowest minute "
        f"{max((each.p99_ms for each in one.minutes), default=0.0):.1f} ms.",
        f"- Memory: {one.rss_start_bytes / _MEGABYTE:.1f} MB at the start, {one.rss_end_bytes / _MEGABYTE:.1f} MB at "
        f"the end (× {one.growth:.2f}, goal: at most {GROWTH_GOAL}); the window knew {one.window:,} deliveries at the "
        "start.",
        f"- {verdict[0].upper()}{verdict[1:]}.",
        f"- Goals: {'; '.join(one.missed) if one.missed else 'all met'}.",
        "",
    ]
    return "\n".join(lines)


def with_section(page: str, section: str) -> str:
    """The page with this as its endurance section: in the place of an old one, else at the end."""
    before, found, rest = page.partition("## Endurance\n")
    if not found:
        return f"{page.rstrip()}\n\n{section}"
    _, following, after = rest.partition("\n## ")
    return f"{before}{section}{following.lstrip()}{after}" if following else f"{before}{section}"
