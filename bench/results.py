"""What a run found: every round of every runner, and the ratios of the issue."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.statistics import median_or_none, paired_ratio

OURS = "ours"
LIMIT = "limit"


@dataclass
class Round:
    """One run of one runner. `problem` says why its figures do not count; figures are named with their unit."""

    figures: dict[str, float | None] = field(default_factory=dict)
    problem: str | None = None

    def figure(self, name: str) -> float | None:
        return None if self.problem else self.figures.get(name)


@dataclass
class Runner:
    """All rounds of one runner, or the reason why it was skipped."""

    title: str
    version: str = ""
    skipped: str | None = None
    note: str = ""
    rounds: list[Round] = field(default_factory=list)

    def series(self, name: str) -> list[float | None]:
        return [one.figure(name) for one in self.rounds]

    def median(self, name: str) -> float | None:
        return median_or_none(self.series(name))


@dataclass
class Results:
    """One run of the harness."""

    machine: dict[str, str]
    settings: dict[str, Any]
    gateway: dict[str, Runner] = field(default_factory=dict)
    projector: dict[str, Runner] = field(default_factory=dict)
    lag: dict[str, Runner] = field(default_factory=dict)
    jobs: dict[str, Runner] = field(default_factory=dict)

    def ratios(self) -> dict[str, float | None]:
        """The ratios with the keys that the issue fixes; None where a side was skipped or had no valid round."""
        cpu = "gateway_cpu_us_per_request"
        speed = "events_per_s"
        return {
            "gateway_cpu_vs_fastapi": _ratio(self.gateway, cpu, "fastapi"),
            "gateway_cpu_vs_aiokafka_naive": _ratio(self.gateway, cpu, "aiohttp"),
            "gateway_cpu_vs_go_franz": _ratio(self.gateway, cpu, "go_franz"),
            "gateway_cpu_vs_nginx_lua": _ratio(self.gateway, cpu, "nginx_lua"),
            "rebuild_speed_vs_naive": _ratio(self.projector, speed, "naive"),
            "rebuild_speed_vs_debezium_jdbc": _ratio(self.projector, speed, "debezium_jdbc"),
            "rebuild_speed_vs_eventsourcing": _ratio(self.projector, speed, "eventsourcing"),
            "rebuild_speed_vs_faust": _ratio(self.projector, speed, "faust"),
            "rebuild_cpu_vs_limit": _ratio(self.projector, "total_cpu_s_per_million", LIMIT),
            "jobs_speed_vs_pgqueuer": _ratio(self.jobs, "jobs_per_s", "pgqueuer"),
            "jobs_speed_vs_procrastinate": _ratio(self.jobs, "jobs_per_s", "procrastinate"),
            "jobs_fleet_speed_vs_pgqueuer": _ratio(self.jobs, "fleet_jobs_per_s", "pgqueuer"),
            "jobs_fleet_speed_vs_procrastinate": _ratio(self.jobs, "fleet_jobs_per_s", "procrastinate"),
            "jobs_cpu_vs_pgqueuer": _ratio(self.jobs, "total_cpu_us_per_job", "pgqueuer"),
            "jobs_cpu_vs_procrastinate": _ratio(self.jobs, "total_cpu_us_per_job", "procrastinate"),
        }

    def write(self, path: Path) -> None:
        document = {
            "ratios": self.ratios(),
            "raw": {
                "machine": self.machine,
                "settings": self.settings,
                "gateway": {name: asdict(runner) for name, runner in self.gateway.items()},
                "projector": {name: asdict(runner) for name, runner in self.projector.items()},
                "lag": {name: asdict(runner) for name, runner in self.lag.items()},
                "jobs": {name: asdict(runner) for name, runner in self.jobs.items()},
            },
        }
        path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _ratio(runners: dict[str, Runner], figure: str, peer: str) -> float | None:
    if OURS not in runners or peer not in runners:
        return None
    return paired_ratio(runners[OURS].series(figure), runners[peer].series(figure))
