"""`sellstream read-models status | rebuild | verify | rollback`."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, NoReturn, TypeVar

import typer

from libs.bus.reader import KafkaAway, LogTooShort
from libs.bus.settings import KafkaSettings
from libs.db.errors import DatabaseAway, NotMigrated
from libs.db.pool import Database
from libs.projection.as_of import build_as_of
from libs.projection.lease import APPLICATION, RebuildRuns
from libs.projection.model import AnyReadModel
from libs.projection.moment import NoMoment, parse_moment
from libs.projection.rebuild import Rebuild
from libs.projection.status import status
from libs.projection.swap import SwapRefused, rollback
from libs.read_models import READ_MODELS
from libs.stack import StackError
from services.ops.connection import both
from services.ops.read_models_text import as_of_lines, proof_lines, status_lines
from services.ops.rebuild_progress import shown_progress

DIFFERENT = 3
"""Exit status: the digests differ, and nothing was swapped."""

INTERRUPTED = 130

T = TypeVar("T")
_NAME = typer.Argument(help=f"One of {', '.join(READ_MODELS)}.", show_default=False)
_JSON = typer.Option("--json", help="Machine-readable output.")


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    group = typer.Typer(
        help="The tables that are made of the log: where they stand, and how to make them anew.", no_args_is_help=True
    )
    group.command("status")(status_)
    group.command("rebuild")(rebuild)
    group.command("verify")(verify)
    group.command("rollback")(rollback_)
    app.add_typer(group, name="read-models")


def status_(as_json: Annotated[bool, _JSON] = False) -> None:
    """Show each read model's version, rows, checkpoints, lag, unfinished rebuild and retired copy."""
    found = _run(lambda kafka, database: status(READ_MODELS.values(), kafka, database))
    if as_json:
        print(json.dumps([asdict(one) | {"lag": one.lag} for one in found], indent=1, default=str))
        return
    for one in found:
        print("\n".join(status_lines(one)), end="\n\n")


def rebuild(
    name: Annotated[str, _NAME],
    until: Annotated[
        str | None,
        typer.Option(
            help="Build the state before a moment into a schema of its own, and swap nothing: a time "
            "(2026-11-21T10:15:00Z) or an offset for each partition (orders:0:120,orders:1:98)."
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change; swap nothing.")] = False,
    restart: Annotated[bool, typer.Option("--restart", help="Do not go on from an unfinished rebuild.")] = False,
    accept_differences: Annotated[
        bool, typer.Option("--accept-differences", help="Swap even if the rebuilt table differs from the live one.")
    ] = False,
) -> None:
    """Build a read model anew from the log, prove that it equals the live one, and swap it in.

    Readers and the projector go on meanwhile. Interrupted anywhere, the same command goes on from there. Exit status:
    0 done, 3 the digests differ and nothing was swapped, 1 failed, 130 interrupted.
    """
    model = _model(name)
    again = f"sellstream read-models rebuild {name}"
    if until is not None:
        if dry_run or accept_differences:
            _fail("--until swaps nothing: leave out --dry-run and --accept-differences.")
        _until(model, until, restart=restart)
    elif dry_run:
        with shown_progress() as progress:
            proof = _run(
                lambda kafka, database: Rebuild(model, kafka, database, progress).verify(), f"{again} --dry-run"
            )
        print("\n".join(proof_lines(proof)))
        print("Dry run: nothing was changed.")
    else:
        with shown_progress() as progress:
            outcome = _run(
                lambda kafka, database: Rebuild(model, kafka, database, progress).rebuild(
                    restart=restart, accept_differences=accept_differences
                ),
                again,
            )
        if outcome.resumed:
            print("Went on with the unfinished rebuild.")
        print("\n".join(proof_lines(outcome.proof)))
        if outcome.swapped:
            print(
                f"Swapped: read_models.{name} is the rebuilt table; the old one is retired.{name} until the next swap."
            )
            print(f"The way back: sellstream read-models rollback {name}")
            return
        print(f"Not swapped. The rebuilt table stays for a look at it: rebuild.{name}.")
        print(f"To swap it in all the same: {again} --accept-differences")
        raise typer.Exit(DIFFERENT)


def verify(name: Annotated[str, _NAME]) -> None:
    """Build a read model anew beside the live one and compare; change nothing. Exit status 1 if they differ."""
    model = _model(name)
    with shown_progress() as progress:
        proof = _run(
            lambda kafka, database: Rebuild(model, kafka, database, progress).verify(),
            f"sellstream read-models verify {name}",
        )
    print("\n".join(proof_lines(proof)))
    if not proof.equal:
        raise typer.Exit(1)


def rollback_(name: Annotated[str, _NAME]) -> None:
    """Let the table before the last swap take its place again. The projector goes on from where that one stands."""
    model = _model(name)
    live, retired = _run(lambda _, database: rollback(model, database))
    print(
        f"read_models.{name} is the table of version {live.version} again, retired {live.placed_at:%Y-%m-%d %H:%M} UTC."
    )
    print(f"The other one (version {retired.version}) is retired.{name}; the same command brings it back.")
    if live.version != model.version:
        print(f"This program has version {model.version}: only projectors of version {live.version} write to it.")


def _until(model: AnyReadModel, until: str, *, restart: bool) -> None:
    try:
        moment = parse_moment(until)
    except NoMoment as error:
        _fail(str(error))
    if isinstance(moment, datetime) and moment > datetime.now(UTC):
        _fail(f"{until} lies in the future: the state at that time is not known yet.")
    with shown_progress() as progress:
        found = _run(
            lambda kafka, database: build_as_of(model, moment, kafka, database, progress, restart=restart),
            f"sellstream read-models rebuild {model.name} --until {until}",
        )
    print("\n".join(as_of_lines(found, until)))


def _model(name: str) -> AnyReadModel:
    if name not in READ_MODELS:
        _fail(f"No read model is called {name!r}. There are: {', '.join(READ_MODELS)}.")
    return READ_MODELS[name]


def _run(work: Callable[[KafkaSettings, Database], Awaitable[T]], again: str | None = None) -> T:
    """Run the work on the stack's Kafka and PostgreSQL. `again`: the command that goes on when it was stopped."""
    go_on = f" Go on with: {again}" if again else ""
    try:
        endpoints = both()
        kafka = KafkaSettings(bootstrap_servers=endpoints.kafka_bootstrap_servers)
        return asyncio.run(_with_database(endpoints.database_url, kafka, work))
    except (StackError, RebuildRuns, SwapRefused, NoMoment, LogTooShort, NotMigrated) as error:
        _fail(str(error))
    except (KafkaAway, DatabaseAway, TimeoutError) as error:
        _fail(f"Stopped: {type(error).__name__}: {error}.{go_on}")
    except KeyboardInterrupt:
        typer.echo(f"Interrupted; nothing is half done.{go_on}", err=True)
        raise typer.Exit(INTERRUPTED) from None


async def _with_database(url: str, kafka: KafkaSettings, work: Callable[[KafkaSettings, Database], Awaitable[T]]) -> T:
    async with Database(url, application=APPLICATION, most=4) as database:
        return await work(kafka, database)


def _fail(text: str) -> NoReturn:
    typer.echo(text, err=True)
    raise typer.Exit(1)
