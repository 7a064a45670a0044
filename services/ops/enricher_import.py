"""`sellstream enricher import FILE`: items from a file, queued for enrichment.

The import itself is the enricher's (`services.mercadolibre_enricher.fallbacks`). Services import no services, so it
runs as a process of its own, on this terminal.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from libs.stack import StackError, find_endpoints, state_folder
from services.ops import enricher

_MODULE = "services.mercadolibre_enricher.fallbacks.import_command"

File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV with a header, or JSONL.")]
Format = Annotated[str | None, typer.Option("--format", help="csv or jsonl; without it the file's name tells.")]
Report = Annotated[Path | None, typer.Option(help="Where each row's fate is written; FILE.report.jsonl without it.")]
Again = Annotated[bool, typer.Option("--again", help="All rows anew, also of a file that was imported before.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    group = typer.Typer(help="MercadoLibre's enrichment: items in, features and scores out.", no_args_is_help=True)
    group.command("import")(import_)
    group.command("run")(enricher.run)
    app.add_typer(group, name="enricher")


def import_(file: File, form: Format = None, report: Report = None, again: Again = False) -> None:
    """Queue the items of a file for enrichment: a column or field item_id; account and priority are optional.

    Stopped anywhere, the same command goes on behind the last batch; run twice, it does nothing twice.
    Exit status: 0 done (the report tells of refused rows), 1 not done, 2 wrong use, 130 interrupted.
    """
    arguments = [str(file)]
    arguments += ["--format", form] if form else []
    arguments += ["--report", str(report)] if report else []
    arguments += ["--again"] if again else []
    try:
        endpoints = find_endpoints(os.environ, state_folder(os.environ))
    except StackError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    if endpoints is None:
        typer.echo("PostgreSQL does not run. Start it with `sellstream up`, or set DATABASE_URL.", err=True)
        raise typer.Exit(1)
    environment = {**os.environ, "DATABASE_URL": endpoints.database_url}
    try:
        status = subprocess.run([sys.executable, "-m", _MODULE, *arguments], env=environment, check=False).returncode  # noqa: S603  (our own module)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None  # the terminal has interrupted the import as well, which has told what to do
    raise typer.Exit(status)
