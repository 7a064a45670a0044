"""`python -m services.mercadolibre_enricher.fallbacks.import_command FILE`: what `sellstream enricher import` runs.

Exit status: 0 done (also when rows were refused), 1 not done, 2 wrong use, 130 interrupted.
"""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from libs.db.errors import DatabaseAway, NotMigrated
from libs.db.pool import Database
from libs.db.settings import DatabaseFromEnvironment
from libs.jobs import JobQueue
from libs.marketplaces.mercadolibre.jobs import QUEUE
from services.mercadolibre_enricher.fallbacks.import_rows import Format, Unreadable
from services.mercadolibre_enricher.fallbacks.importing import Import, SomebodyElse, import_file
from services.mercadolibre_enricher.fallbacks.seeds import Seeds
from services.mercadolibre_enricher.fallbacks.settings import SeedSettings


class ImportSettings(BaseSettings):
    """Of the service's settings those that an import needs."""

    model_config = SettingsConfigDict(env_prefix="MERCADOLIBRE_ENRICHER_", env_nested_delimiter="__", frozen=True)

    seeds: SeedSettings = Field(default_factory=SeedSettings)
    database: DatabaseFromEnvironment


def main(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)],
    form: Annotated[Format | None, typer.Option("--format")] = None,
    report: Annotated[Path | None, typer.Option("--report")] = None,
    again: Annotated[bool, typer.Option("--again")] = False,
) -> None:
    """Queue the items of a file for enrichment."""
    known = form or Format.of(file)
    if known is None:
        raise typer.BadParameter(f"{file.name} does not tell what it is: add --format csv or --format jsonl")
    report = report or file.with_name(f"{file.name}.report.jsonl")
    try:
        done = asyncio.run(_import(ImportSettings(), file, known, report, again=again))
    except (Unreadable, SomebodyElse, NotMigrated, OSError) as error:
        _fail(f"{file}: {error}")
    except DatabaseAway as error:
        _fail(f"Stopped: {error}. Run the same command again to go on.")
    except KeyboardInterrupt:
        print("Interrupted; the same command goes on with the rest.", file=sys.stderr)
        raise typer.Exit(130) from None
    _tell(done, report)


async def _import(settings: ImportSettings, file: Path, form: Format, report: Path, *, again: bool) -> Import:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("import", total=None)
        async with Database(settings.database.url, application="sellstream enricher import", most=2) as database:
            seeds = Seeds(JobQueue(database, QUEUE), settings.seeds.again_after)
            return await import_file(
                file,
                form,
                database,
                seeds,
                report,
                again=again,
                progress=lambda done, total: bar.update(task, completed=done, total=total),
            )


def _tell(done: Import, report: Path) -> None:
    if done.finished_at is not None:
        print(f"This file was imported before ({done.finished_at:%Y-%m-%d %H:%M} UTC). All anew: --again")
    elif done.resumed_at:
        print(f"Went on behind row {done.resumed_at}.")
    print(f"{done.rows} rows: {done.queued} queued, {done.known} known already, {done.refused} refused.")
    print(f"Row by row: {report}")


def _fail(text: str) -> None:
    print(text, file=sys.stderr)
    raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
