"""`sellstream secrets …`: the keys that stored tokens and secrets are encrypted with."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Annotated

import typer

from libs.db.errors import DatabaseAway, NotMigrated
from libs.db.pool import Database
from libs.secrets.keys import SecretsError, new_key
from libs.secrets.system_config import SystemConfig
from libs.secrets.tables import forget_others, rotate, secrets_by_key
from libs.stack import StackError, state_folder
from services.ops.connection import database_url
from services.ops.secret_keys import make_key_file, vault_of


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    group = typer.Typer(help="The keys that stored tokens and secrets are encrypted with.", no_args_is_help=True)
    group.command("generate")(generate)
    group.command("init")(init)
    group.command("status")(status)
    group.command("rotate")(rotate_)
    group.command("forget")(forget)
    group.command("set")(set_)
    group.command("list")(list_)
    group.command("unset")(unset)
    app.add_typer(group, name="secrets")


def generate() -> None:
    """Print a new key, for SELLSTREAM_SECRETS_KEYS or a key file."""
    print(new_key())


def init() -> None:
    """Make sure that there are keys, and that they open what is stored. Makes the key file if it is not there."""
    _told(_init)


async def _init(database: Database) -> None:
    made = make_key_file(os.environ)
    if made is not None:
        print(f"made     {made}: keep a copy of it, without it stored tokens are lost")
    vault = vault_of(os.environ, state_folder(os.environ))
    counted = await secrets_by_key(database)
    lost = {key: count for key, count in counted.items() if key not in vault.key_ids}
    if lost:
        raise SecretsError(
            f"{sum(lost.values())} stored secrets were sealed with other keys ({', '.join(sorted(lost))}) than those "
            f"that are set ({', '.join(vault.key_ids)}). Put the missing key back behind the others, or give those "
            "secrets up with `sellstream secrets forget` and authorise the accounts again"
        )
    print(f"Keys: {', '.join(vault.key_ids)}. {counted.total()} secrets are stored.")


def status() -> None:
    """Show the keys, by their ids, and how many stored secrets each of them seals."""
    _told(_status)


async def _status(database: Database) -> None:
    vault = vault_of(os.environ, state_folder(os.environ))
    counted = await secrets_by_key(database)
    for place, key in enumerate(vault.key_ids):
        print(f"{key}  {'seals and opens' if place == 0 else 'opens only'}  {counted.pop(key, 0)} secrets")
    for key, count in sorted(counted.items()):
        print(f"{key}  MISSING  {count} secrets")


def rotate_() -> None:
    """Seal everything that is stored anew with the first key. Safe beside running services, and to repeat.

    First let every service know the new key behind the old ones, then before them; then rotate; then take the old
    ones away.
    """
    _told(_rotate)


async def _rotate(database: Database) -> None:
    vault = vault_of(os.environ, state_folder(os.environ))
    for table, rows in (await rotate(database, vault)).items():
        print(f"{table}  {rows} rows sealed anew")
    print(f"Everything is sealed with the key {vault.key_ids[0]}.")


def forget(yes: bool = typer.Option(False, "--yes", help="Do not ask.")) -> None:
    """Delete the stored secrets that none of the keys opens. Their accounts must be authorised again."""
    if not yes:
        typer.confirm("Delete the stored secrets that none of the keys opens?", abort=True)
    _told(_forget)


async def _forget(database: Database) -> None:
    for table, rows in (await forget_others(database, vault_of(os.environ, state_folder(os.environ)))).items():
        print(f"{table}  {rows} rows deleted")


def set_(key: Annotated[str, typer.Argument(help="Such as stockx_client_secret or stockx_api_key.")]) -> None:
    """Keep a secret, sealed, in core.system_config. It is asked for, or read from standard input."""
    secret = typer.prompt(key, hide_input=True) if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    if not secret:
        typer.echo(f"There is no secret for {key}: nothing was changed.", err=True)
        raise typer.Exit(1)

    async def put(database: Database) -> None:
        await SystemConfig(database, vault_of(os.environ, state_folder(os.environ))).put(key, secret)
        print(f"{key} is kept. Services read it when they start.")

    _told(put)


def list_() -> None:
    """Show under which keys secrets are kept; never the secrets."""

    async def show(database: Database) -> None:
        for key in await SystemConfig(database, vault_of(os.environ, state_folder(os.environ))).keys():
            print(key)

    _told(show)


def unset(key: str) -> None:
    """Delete a kept secret."""

    async def delete(database: Database) -> None:
        config = SystemConfig(database, vault_of(os.environ, state_folder(os.environ)))
        print(f"{key} is deleted." if await config.forget(key) else f"There is no {key}.")

    _told(delete)


def _told(work: Callable[[Database], Awaitable[None]]) -> None:
    """Run a command; what goes wrong is a sentence and exit status 1."""

    async def run() -> None:
        async with Database(database_url(), application="sellstream secrets", most=1) as database:
            await work(database)

    try:
        asyncio.run(run())
    except (SecretsError, StackError, DatabaseAway, NotMigrated) as error:
        typer.echo(f"{error}.".replace("..", "."), err=True)
        raise typer.Exit(1) from None
