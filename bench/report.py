"""The results for people: a table in the terminal, and docs/benchmarks.md."""

from collections.abc import Callable, Mapping
from statistics import median

from rich.console import Console
from rich.table import Table

from bench.results import LIMIT, OURS, Results, Runner
from bench.statistics import round_ratios

Column = tuple[str, str, Callable[[float], str]]  # heading, figure, how it is written


def _whole(value: float) -> str:
    return f"{value:,.0f}"


def _tenth(value: float) -> str:
    return f"{value:,.1f}"


def _hundredth(value: float) -> str:
    return f"{value:,.2f}"


LAG_GOAL_MS = 100.0


def _lag(value: float) -> str:
    return _tenth(value) + ("" if value < LAG_GOAL_MS else " (missed)")


GATEWAY: tuple[Column, ...] = (
    ("CPU µs/request", "gateway_cpu_us_per_request", _tenth),
    ("broker CPU µs", "broker_cpu_us_per_request", _tenth),
    ("requests/s", "requests_per_s", _whole),
    ("p50 ms", "closed_p50_ms", _tenth),
    ("p99 ms", "closed_p99_ms", _tenth),
    ("open p50 ms", "open_p50_ms", _tenth),
    ("open p99 ms", "open_p99_ms", _tenth),
)
PROJECTOR: tuple[Column, ...] = (
    ("events", "events", _whole),
    ("events/s", "events_per_s", _whole),
    ("process CPU s/million", "process_cpu_s_per_million", _hundredth),
    ("PostgreSQL CPU s/million", "postgres_cpu_s_per_million", _hundredth),
    ("CPU s/million", "total_cpu_s_per_million", _hundredth),
)
LAG: tuple[Column, ...] = (
    ("events/s", "events_per_s", _whole),
    ("p50 ms", "p50_ms", _tenth),
    ("p95 ms", "p95_ms", _tenth),
    (f"p99 ms (goal: < {LAG_GOAL_MS:.0f})", "p99_ms", _lag),
    ("longest ms", "max_ms", _tenth),
)
JOBS: tuple[Column, ...] = (
    ("jobs", "jobs", _whole),
    ("enqueued/s", "enqueued_per_s", _whole),
    ("jobs/s", "jobs_per_s", _whole),
    ("CPU µs/job", "total_cpu_us_per_job", _tenth),
    ("of it PostgreSQL", "postgres_cpu_us_per_job", _tenth),
    ("fleet jobs/s", "fleet_jobs_per_s", _whole),
    ("fleet CPU µs/job", "fleet_total_cpu_us_per_job", _tenth),
)
LIMIT_PARTS = (
    ("read (librdkafka)", "read"),
    ("decode and fold (msgspec)", "decode"),
    ("COPY of the final rows", "copy"),
)
LIMIT_HEADINGS = ("the limit's parts, CPU s per million events", "process", "PostgreSQL")
P99 = ("closed_p99_ms", "open_p99_ms")
P99_HEADINGS = ("p99, ours / peer: median (all rounds)", "closed loop", "open loop")
GOALS: dict[str, str] = {
    "gateway_cpu_vs_fastapi": "≤ 0.15",
    "gateway_cpu_vs_aiokafka_naive": "≤ 0.35",
    "gateway_cpu_vs_go_franz": "≤ 1.0",
    "gateway_cpu_vs_nginx_lua": "≤ 1.0",
    "rebuild_speed_vs_naive": "≥ 40",
    "rebuild_speed_vs_debezium_jdbc": "≥ 5",
    "rebuild_speed_vs_eventsourcing": "≥ 60",
    "rebuild_speed_vs_faust": "≥ 30",
    "rebuild_cpu_vs_limit": "≤ 2.0",
    "jobs_speed_vs_pgqueuer": "≥ 1.5",
    "jobs_speed_vs_procrastinate": "≥ 10",
    "jobs_fleet_speed_vs_pgqueuer": "≥ 1.5",
    "jobs_fleet_speed_vs_procrastinate": "≥ 10",
    "jobs_cpu_vs_pgqueuer": "≤ 0.75",
    "jobs_cpu_vs_procrastinate": "≤ 0.1",
}


def cells(runner: Runner, columns: tuple[Column, ...]) -> list[str]:
    """The medians over the valid rounds, one text per column; `–` where there is none."""
    medians = ((runner.median(figure), write) for _, figure, write in columns)
    return ["–" if value is None else write(value) for value, write in medians]


def state(runner: Runner) -> str:
    """Why a runner's figures are missing or few, or nothing."""
    if runner.skipped:
        return f"skipped: {runner.skipped}"
    problems = [one.problem for one in runner.rounds if one.problem]
    if not problems:
        return ""
    return f"{len(problems)} of {len(runner.rounds)} rounds invalid: {problems[0]}"


def goal_met(key: str, ratio: float) -> bool:
    """Whether a ratio meets the goal of its key."""
    sign, bound = GOALS[key].split(" ")
    return ratio <= float(bound) if sign == "≤" else ratio >= float(bound)


def show(results: Results, console: Console) -> None:
    """Print the tables."""
    for title, runners, columns in _sections(results):
        if not runners:
            continue
        table = Table(title=title, title_justify="left")
        table.add_column("")
        for heading, _, _ in columns:
            table.add_column(heading, justify="right")
        for name, runner in runners.items():
            table.add_row(runner.title, *cells(runner, columns), style="bold" if name == OURS else None)
        console.print(table)
        if LIMIT in runners:
            parts = Table(*LIMIT_HEADINGS)
            for row in _limit(runners[LIMIT]):
                parts.add_row(*row)
            console.print(parts)
        if runners is results.gateway and (compared := p99_rows(runners)):
            beside = Table(*P99_HEADINGS)
            for row in compared:
                beside.add_row(*row)
            console.print(beside)
        for runner in runners.values():
            if told := state(runner):
                console.print(f"{runner.title}: {told}", style="yellow", markup=False)
    table = Table(title="Ratios (ours / peer; the median of the rounds' own ratios)", title_justify="left")
    for heading in ("", "ratio", "goal", ""):
        table.add_column(heading)
    for key, ratio in results.ratios().items():
        verdict = "" if ratio is None else ("met" if goal_met(key, ratio) else "missed")
        table.add_row(key, "null" if ratio is None else _hundredth(ratio), GOALS[key], verdict)
    console.print(table)


def markdown(results: Results, method: str) -> str:
    """The whole of docs/benchmarks.md; `method` is the text that says how it is measured."""
    parts = [
        "# Benchmarks\n",
        "This page is written by `make bench` and `make bench-full`; do not edit it. Figures are medians over the "
        "rounds of one run, in which all runners took turns on the same Kafka and the same PostgreSQL. Only the ratios "
        "mean something on another machine.\n",
        "## Machine\n",
        _table(("", ""), [[name, value] for name, value in results.machine.items()]),
        "Settings: " + ", ".join(f"{name} {value}" for name, value in results.settings.items()) + ".\n",
        "## Ratios\n",
        _table(("key", "ratio", "goal", ""), _ratio_rows(results)),
    ]
    for title, runners, columns in _sections(results):
        if runners:
            parts += [f"## {title}\n", _section(runners, columns)]
            if LIMIT in runners:
                parts.append(_table(LIMIT_HEADINGS, _limit(runners[LIMIT])))
        if runners is results.gateway and (compared := p99_rows(runners)):
            parts.append(_table(P99_HEADINGS, compared))
    return "\n".join([*parts, method.strip(), ""])


def _sections(results: Results) -> tuple[tuple[str, Mapping[str, Runner], tuple[Column, ...]], ...]:
    return (
        ("Gateway", results.gateway, GATEWAY),
        ("Projector", results.projector, PROJECTOR),
        ("Live lag", results.lag, LAG),
        ("Jobs", results.jobs, JOBS),
    )


def _section(runners: Mapping[str, Runner], columns: tuple[Column, ...]) -> str:
    headings = ("", *(heading for heading, _, _ in columns))
    rows = [[f"**{one.title}**" if name == OURS else one.title, *cells(one, columns)] for name, one in runners.items()]
    notes = []
    for runner in runners.values():
        told = "; ".join(part for part in (runner.version, runner.note, state(runner)) if part)
        notes.append(f"- {runner.title}: {told}." if told else f"- {runner.title}.")
    return _table(headings, rows) + "\n" + "\n".join(notes) + "\n"


def p99_rows(gateway: Mapping[str, Runner]) -> list[list[str]]:
    """Our p99 beside each peer's, of both loops: the median of the rounds' ratios, all of them, and what they say."""
    if OURS not in gateway:
        return []
    rows = []
    for name, peer in gateway.items():
        ratios = [round_ratios(gateway[OURS].series(figure), peer.series(figure)) for figure in P99]
        if name != OURS and any(ratios):
            rows.append([peer.title, *(_p99_verdict(one) if one else "–" for one in ratios)])
    return rows


def _p99_verdict(ratios: list[float]) -> str:
    """One round's p99 rests on few requests: a peer is better only where every round says so."""
    ratio = median(ratios)
    verdict = "no worse" if ratio <= 1 else ("worse" if min(ratios) > 1 else "rounds disagree")
    return f"{_hundredth(ratio)} ({_hundredth(min(ratios))} to {_hundredth(max(ratios))}): {verdict}"


def _limit(runner: Runner) -> list[list[str]]:
    rows = []
    for title, part in LIMIT_PARTS:
        figures = (runner.median(f"{part}_{tree}_cpu_s_per_million") for tree in ("process", "postgres"))
        rows.append([title, *("–" if value is None else _hundredth(value) for value in figures)])
    return rows


def _ratio_rows(results: Results) -> list[list[str]]:
    rows = []
    for key, ratio in results.ratios().items():
        verdict = "" if ratio is None else ("met" if goal_met(key, ratio) else "missed")
        rows.append([f"`{key}`", "null" if ratio is None else _hundredth(ratio), GOALS[key], verdict])
    return rows


def _table(headings: tuple[str, ...], rows: list[list[str]]) -> str:
    lines = [list(headings), ["---"] + ["---:"] * (len(headings) - 1), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |\n" for line in lines)
