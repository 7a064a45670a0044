"""`sellstream up | down | status | doctor`: start sellstream, stop it, and see how it is."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from libs.stack import StackError, external_endpoints, state_folder, stop_embedded
from libs.stack.folders import ensure_writable
from libs.stack.ports import is_free
from libs.stack.process import tail
from services.ops.daemon import Daemon, find_daemon, run_daemon
from services.ops.daemon_state import DaemonState, read_state
from services.ops.doctor import examine
from services.ops.processes import SERVICES
from services.ops.status import current_status, status_table

_STOP_TIMEOUT = 120.0
_JSON = typer.Option("--json", help="Machine-readable output.")
_MARKS = {"ok": "[green]ok  [/]", "warn": "[yellow]warn[/]", "fail": "[red]fail[/]"}


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command()(up)
    app.command()(down)
    app.command()(status)
    app.command()(doctor)


def up(
    brokers: Annotated[int | None, typer.Option(min=1, max=3, help="Embedded Kafka brokers: 1 or 3.")] = None,
    foreground: Annotated[bool, typer.Option("--foreground", help="Stay here; Ctrl-C stops everything.")] = False,
) -> None:
    """Start Kafka, PostgreSQL and every service, and return when all are ready.

    With KAFKA_BOOTSTRAP_SERVERS and DATABASE_URL set, those servers are used and only the services are started.
    """
    with _errors_in_plain_words():
        state_dir = state_folder(os.environ)
        ensure_writable(state_dir, mend="Set SELLSTREAM_STATE_DIR to a folder that this user may write.")
        external_endpoints(os.environ)  # half a setting is an error before anything is started
        if brokers == 2:
            raise StackError("Embedded Kafka has 1 or 3 brokers: two cannot outvote one another.")
        running = find_daemon(state_dir)
        if running is None:
            _refuse_taken_ports()
            if foreground:
                daemon = Daemon(state_dir, os.environ, brokers=brokers, say=lambda line: print(line, flush=True))
                raise typer.Exit(run_daemon(daemon, state_dir))
            supervisor = _detach(state_dir, brokers)
        else:
            print("It is up already.")
            supervisor = None
        _follow(state_dir, supervisor)
        _show_status(state_dir)


def down() -> None:
    """Stop every service, PostgreSQL and Kafka in order, and wait for them. Data is kept."""
    with _errors_in_plain_words():
        state_dir = state_folder(os.environ)
        running = find_daemon(state_dir)
        if running is not None:
            print("Stopping …", flush=True)
            running.identity.send(signal.SIGTERM)
            if not asyncio.run(running.identity.gone(_STOP_TIMEOUT)):
                raise StackError(
                    f"The supervisor (pid {running.identity.pid}) has not ended within {_STOP_TIMEOUT:.0f} s. "
                    f"Its log is {_log(state_dir)}. `kill -9 {running.identity.pid}` ends it and everything it started."
                )
        left_over = asyncio.run(stop_embedded(state_dir)) if state_dir.is_dir() else False
        print("Everything is stopped." if running or left_over else "Nothing was running.")


def status(as_json: Annotated[bool, _JSON] = False) -> None:
    """Show what runs, and where. Exit status 0 when all is well, 1 otherwise."""
    with _errors_in_plain_words():
        if not _show_status(state_folder(os.environ), as_json=as_json):
            raise typer.Exit(1)


def doctor(as_json: Annotated[bool, _JSON] = False) -> None:
    """Say what is missing or wrong on this machine, and how to mend it. Exit status 1 when something is broken."""
    findings = asyncio.run(examine(os.environ))
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], indent=1))
    else:
        console = Console(soft_wrap=True, highlight=False)
        for finding in findings:
            console.print(_MARKS[finding.level], end=" ")
            console.print(finding.text, markup=False)
            if finding.mend:
                console.print(f"     → {finding.mend}", markup=False)
    if any(finding.level == "fail" for finding in findings):
        raise typer.Exit(1)


def _refuse_taken_ports() -> None:
    taken = [service for service in SERVICES if not is_free(service.port_in(os.environ))]
    if taken:
        ports = ", ".join(f"{service.port_in(os.environ)} ({service.name})" for service in taken)
        raise StackError(
            f"Another program listens on a port that sellstream needs: {ports}. End that program, or choose other "
            f"ports with {', '.join(service.port_variable for service in taken)}."
        )


def _detach(state_dir: Path, brokers: int | None) -> "subprocess.Popen[bytes]":
    """Start the supervisor in a session of its own: it outlives this command and this terminal."""
    log = _log(state_dir)
    log.parent.mkdir(parents=True, exist_ok=True)
    options = ["--brokers", str(brokers)] if brokers else []
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", "services.ops.daemon", "--state-dir", str(state_dir), *options],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def _follow(state_dir: Path, supervisor: "subprocess.Popen[bytes] | None") -> None:
    """Print the supervisor's steps until everything is ready. Raises StackError when that will not come by itself."""
    shown = 0
    while True:
        state = _state_of(state_dir, supervisor)
        for step in state.steps[shown:] if state else ():
            print(step, flush=True)
            shown += 1
        if state and state.phase == "running":
            return
        if state and state.phase == "degraded":
            raise StackError(
                f"{state.problem}\nThe rest is running: see `sellstream status`, or stop it with `sellstream down`."
            )
        if (supervisor is not None and supervisor.poll() is not None) or (state and not state.is_alive()):
            raise StackError(f"sellstream could not be started. {_why_it_ended(state_dir, state)}")
        time.sleep(0.1)


def _why_it_ended(state_dir: Path, state: DaemonState | None) -> str:
    if state and state.problem:
        return state.problem
    if state and state.phase == "stopping":
        return "It was stopped before it was ready."
    return f"The supervisor ended. The end of its log:\n{tail(_log(state_dir))}"


def _state_of(state_dir: Path, supervisor: "subprocess.Popen[bytes] | None") -> DaemonState | None:
    """The state that the supervisor has written; None while the file is an earlier one's."""
    state = read_state(state_dir)
    return state if state and (supervisor is None or state.identity.pid == supervisor.pid) else None


def _show_status(state_dir: Path, *, as_json: bool = False) -> bool:
    current = asyncio.run(current_status(os.environ, state_dir))
    if as_json:
        print(json.dumps(asdict(current) | {"well": current.well}, indent=1))
    else:
        console = Console()
        for line in current.headlines:
            console.print(line, soft_wrap=True, highlight=False, markup=False)
        if current.rows:
            console.print(status_table(current))
    return current.well


def _log(state_dir: Path) -> Path:
    return state_dir / "logs" / "supervisor.log"


@contextmanager
def _errors_in_plain_words() -> Iterator[None]:
    try:
        yield
    except StackError as error:
        _fail(str(error))
    except KeyboardInterrupt:
        _fail("Interrupted. What was begun goes on: `sellstream status` shows it, `sellstream down` stops it.")


def _fail(text: str) -> NoReturn:
    print(text, file=sys.stderr)
    raise typer.Exit(1)
