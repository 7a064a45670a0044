"""`sellstream privacy erase | sweep | show | list | read`: whose personal data is kept, and its erasure.

Exit status: 0 done (also when there was nothing left to do), 1 not done, 2 wrong use.
"""

import asyncio
import getpass
import json
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, TypeVar

import msgspec
import typer

from libs.bus.publisher import NotPublished, Publisher
from libs.bus.reader import KafkaAway
from libs.bus.tail import TopicUnreadable
from libs.db.errors import DatabaseAway, NotMigrated
from libs.db.pool import Database
from libs.privacy.erasure import Erasure, Standing, erase, erasures, person_of, rows_of, standing
from libs.privacy.keys import Keys
from libs.privacy.naming import Names
from libs.privacy.opener import opened
from libs.privacy.sweep import Swept, erased_lately, names_of, sweep
from libs.privacy.token import Broken
from libs.read_models import READ_MODELS
from libs.read_models.reads import one
from libs.secrets.keys import SecretsError
from libs.stack import StackError, state_folder
from services.ops.connection import database_url, kafka_alone
from services.ops.secret_keys import vault_of

T = TypeVar("T")

Marketplace = Annotated[str, typer.Option("--marketplace", help="Where the person has this id, such as mercadolibre.")]
Person = Annotated[str | None, typer.Option("--person", help="The buyer's id (or user name) there.")]
Order = Annotated[str | None, typer.Option("--order", help="Instead: the number of an order whose buyer nobody names.")]
Reason = Annotated[str, typer.Option("--reason", help="Why, for the audit.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]

OPEN_SECONDS = 20
_SCHEMAS = ("read_models", "rebuild", "retired")


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    group = typer.Typer(help="People's data: what is kept sealed, and its erasure.", no_args_is_help=True)
    group.command("erase")(erase_)
    group.command("sweep")(sweep_)
    group.command("show")(show)
    group.command("list")(list_)
    group.command("read")(read)
    app.add_typer(group, name="privacy")


def erase_(
    marketplace: Marketplace,
    person: Person = None,
    order: Order = None,
    reason: Reason = "asked for by hand",
    yes: Yes = False,
) -> None:
    """Make a buyer's personal data unreadable in topics and read models, for ever. Safe to run again.

    Raw webhooks and dead letters that name the buyer are deleted, with those before them.
    """
    whom = _whom(marketplace, person, order)
    found, rows = _run(lambda database: _look(database, whom))
    print("\n".join(_told(found, rows)))
    if not yes:
        typer.confirm("Destroy the keys? Nobody can undo this.", abort=True)
    done = _run(lambda database: erase(database, whom, by=_user(), reason=reason))
    print("Nothing was left to do." if done is None else f"Erased: {done.keys} keys destroyed, entered in the audit.")
    _sweep(lambda database: names_of(database, whom))


def sweep_() -> None:
    """Delete raw webhooks and dead letters that name somebody erased in the last 30 days, with those before them."""
    _sweep(erased_lately)


def show(marketplace: Marketplace, person: Person = None, order: Order = None) -> None:
    """Show what is kept of a buyer: keys, rows by read model, erasures."""
    whom = _whom(marketplace, person, order)
    print("\n".join(_told(*_run(lambda database: _look(database, whom)))))


def list_(limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50) -> None:
    """Show the audit: who was erased, when, by whom and why, newest first."""
    found = _run(lambda database: erasures(database, limit=limit))
    print("\n".join(map(_line, found)) if found else "Nobody was erased.")


def read(
    read_model: Annotated[str, typer.Argument(help="Such as orders.")],
    key: Annotated[str, typer.Argument(help="The row's key, such as mercadolibre:2000016796107000.")],
) -> None:
    """Print one row of a read model as JSON, with what is sealed in it opened."""
    model = READ_MODELS.get(read_model)
    if model is None:
        raise typer.BadParameter(f"there are {', '.join(READ_MODELS)}", param_hint="READ_MODEL")

    async def row(database: Database) -> object:
        async with database.connection() as connection:
            found = await one(connection, model, key)
        return await opened(found, Keys(database, vault_of(os.environ, state_folder(os.environ))))

    found = _run(row)
    if found is None:
        typer.echo(f"{read_model} has no row {key}.", err=True)
        raise typer.Exit(1)
    print(json.dumps(msgspec.to_builtins(found), indent=2, ensure_ascii=False))


def _whom(marketplace: str, person: str | None, order: str | None) -> str:
    if (person is None) == (order is None):
        raise typer.BadParameter("name a person or an order", param_hint="--person, --order")
    if not marketplace.strip() or not (person or order or "").strip():
        raise typer.BadParameter("an empty name is nobody's", param_hint="--marketplace, --person, --order")
    return person_of(marketplace, person if person is not None else f"order/{order}")


def _sweep(whom: Callable[[Database], Awaitable[Names]]) -> None:
    try:
        kafka = kafka_alone()
    except StackError as error:
        typer.echo(f"Raw webhooks and dead letters are not swept now; the service privacy does it. {error}", err=True)
        return

    async def work(database: Database) -> list[Swept]:
        names = await whom(database)
        publisher = Publisher(kafka, "ops")
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                await publisher.__aenter__()
            return await sweep(names, kafka, publisher, database, until=datetime.now(UTC))
        except TimeoutError:
            raise KafkaAway(f"Kafka does not answer within {OPEN_SECONDS} s") from None
        finally:
            await publisher.__aexit__()

    for swept in _run(work):
        kept = f", {swept.kept} of others stored anew" if swept.kept else ""
        waits = f"; the rest waits for {swept.waits_for}" if swept.waits_for else ""
        print(f"  {swept.topic}: {swept.deleted} records deleted{kept}{waits}")


async def _look(database: Database, person: str) -> tuple[Standing, dict[str, int]]:
    tables = [f"{schema}.{name}" for schema in _SCHEMAS for name in READ_MODELS]
    return await standing(database, person), await rows_of(database, person, tables)


def _told(found: Standing, rows: dict[str, int]) -> list[str]:
    if not found.known:
        return [f"{found.person}: nothing is kept."]
    lines = [
        f"{found.person}: {found.keys} keys, {found.destroyed} destroyed; {found.deals} deals (orders, parcels, …)"
    ]
    lines += [f"  {table}  {count} rows" for table, count in rows.items()]
    return lines + [f"  {_line(one)}" for one in found.erasures]


def _line(one: Erasure) -> str:
    notice = "" if one.notice is None else f"  notice {one.notice}"
    return f"{one.erased_at:%Y-%m-%d %H:%M:%S}Z  {one.person}  {one.keys} keys  by {one.by}: {one.reason}{notice}"


def _user() -> str:
    try:
        return f"cli:{getpass.getuser()}"
    except (OSError, KeyError):  # in a container the user may have no name
        return f"cli:{os.getuid()}"


def _run(work: Callable[[Database], Awaitable[T]]) -> T:
    """Run a command's work; what goes wrong is a sentence and exit status 1."""

    async def run() -> T:
        async with Database(database_url(), application="sellstream privacy", most=2) as database:
            return await work(database)

    try:
        return asyncio.run(run())
    except (
        Broken,
        SecretsError,
        StackError,
        DatabaseAway,
        NotMigrated,
        KafkaAway,
        TopicUnreadable,
        NotPublished,
    ) as error:
        typer.echo(f"{error}.".replace("..", "."), err=True)
        raise typer.Exit(1) from None
