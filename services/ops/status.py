"""What `sellstream status` shows: what the supervisor says of its processes, and what each answers right now."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from libs.stack import Endpoints, find_endpoints
from libs.stack.probes import kafka_brokers, postgres_answers
from libs.stack.supervisor import ProcessReport
from services.ops.daemon import find_daemon
from services.ops.daemon_state import DaemonState
from services.ops.probes import http_ready


@dataclass(frozen=True)
class Row:
    """One process. `uptime`: seconds in its present state; `answer`: None when it answers, else what is wrong."""

    name: str
    address: str
    state: str
    pid: int | None
    restarts: int
    uptime: float
    log: str
    answer: str | None


@dataclass(frozen=True)
class Status:
    """`headlines`: plain sentences; `rows`: the supervised processes. Holds no password."""

    headlines: tuple[str, ...]
    rows: tuple[Row, ...]
    kafka_bootstrap_servers: str | None
    well: bool


async def current_status(environ: Mapping[str, str], state_dir: Path) -> Status:
    """Ask everything that should run. Raises StackError when the environment names half a stack."""
    endpoints = find_endpoints(environ, state_dir)
    daemon = find_daemon(state_dir)
    if endpoints is None and daemon is None:
        return Status((f"Nothing runs in {state_dir}. Start it with: sellstream up",), (), None, False)
    headlines = []
    kafka_problem = postgres_problem = None
    if endpoints is None:
        headlines.append("Kafka or PostgreSQL does not run.")
    else:
        kafka_problem, postgres_problem = await _ask(endpoints)
        kind, database = endpoints.kind, _without_password(endpoints.database_url)
        headlines += [
            f"Kafka ({kind}) at {endpoints.kafka_bootstrap_servers}: {kafka_problem or 'answers'}",
            f"PostgreSQL ({kind}) at {database}: {postgres_problem or 'answers'}",
        ]
    rows: tuple[Row, ...] = ()
    if daemon is None:
        headlines.append("The services do not run. Start them with: sellstream up")
    else:
        headlines.append(f"Supervisor: pid {daemon.identity.pid}, {daemon.phase}. Logs: {state_dir / 'logs'}")
        if daemon.problem:
            headlines.append(daemon.problem)
        rows = tuple(await asyncio.gather(*(_row(report, daemon, endpoints) for report in daemon.processes)))
    well = (
        endpoints is not None
        and kafka_problem is None
        and postgres_problem is None
        and daemon is not None
        and daemon.phase == "running"
        and all(row.state == "ready" and row.answer is None for row in rows)
    )
    return Status(tuple(headlines), rows, endpoints.kafka_bootstrap_servers if endpoints else None, well)


def status_table(status: Status) -> Table:
    """The processes as a table for a terminal."""
    table = Table("Process", "Address", "State", "PID", "Restarts", "Uptime", "Log", box=None, pad_edge=False)
    for row in status.rows:
        state = row.state if row.answer is None else f"{row.state}: {row.answer}"
        table.add_row(
            row.name,
            row.address,
            state,
            str(row.pid or "–"),
            str(row.restarts),
            _duration(row.uptime),
            Path(row.log).name,
        )
    return table


async def _row(report: ProcessReport, daemon: DaemonState, endpoints: Endpoints | None) -> Row:
    port = daemon.ports.get(report.name)
    answer = await http_ready(port) if port is not None and report.state == "ready" else None
    address = f"127.0.0.1:{port}" if port else _server_address(report.name, endpoints)
    problem = answer or (report.problem if report.state == "waiting" else None)
    uptime = time.time() - report.since
    return Row(report.name, address, report.state, report.pid, report.restarts, uptime, report.log, problem)


async def _ask(endpoints: Endpoints) -> tuple[str | None, str | None]:
    brokers, postgres = await asyncio.gather(
        kafka_brokers(endpoints.kafka_bootstrap_servers), postgres_answers(endpoints.database_url)
    )
    return (None if brokers else "does not answer"), postgres and f"does not answer ({postgres})"


def _server_address(name: str, endpoints: Endpoints | None) -> str:
    if endpoints is None:
        return ""
    if name == "postgres":
        return _without_password(endpoints.database_url).rpartition("@")[2].partition("/")[0]
    brokers = endpoints.kafka_bootstrap_servers.split(",")
    number = int(name.rpartition("-")[2])
    return brokers[number - 1] if number <= len(brokers) else ""


def _without_password(url: str) -> str:
    scheme, _, rest = url.partition("://")
    credentials, at, place = rest.rpartition("@")
    return f"{scheme}://{credentials.partition(':')[0]}{at}{place}"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
