"""`sellstream db migrate`: the infrastructure's own tables."""

import asyncio

import typer

from libs.db.errors import DatabaseAway
from libs.db.migrate import MigrationError, migrate
from libs.db.pool import Database
from libs.stack import StackError
from services.ops.connection import database_url


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    group = typer.Typer(help="PostgreSQL: the tables that are not read models.", no_args_is_help=True)
    group.callback()(_group)
    group.command("migrate")(migrate_)
    app.add_typer(group, name="db")


def _group() -> None:
    """PostgreSQL: the tables that are not read models."""


def migrate_() -> None:
    """Apply the migrations that the database lacks. Safe to repeat, and to run in several places at once."""
    try:
        done = asyncio.run(_migrate(database_url()))
    except (StackError, MigrationError, DatabaseAway) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    for name in done:
        print(f"applied  {name}")
    if not done:
        print("Nothing to do: every migration is applied.")


async def _migrate(url: str) -> list[str]:
    async with Database(url, application="sellstream db migrate", most=1) as database:
        return await migrate(database)
