"""`sellstream schemas check | export | release`: the committed JSON Schemas and the AsyncAPI document."""

from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from schemas import asyncapi
from schemas.check import Finding, check, drift
from schemas.documents import generate, path, text, versions, write
from schemas.entities import ENTITIES
from schemas.entity_documents import documents
from schemas.registry import EVENTS
from schemas.released import freeze
from schemas.topics import FOLDER, topics


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    group = typer.Typer(help="The schemas of all events: written, checked, released.", no_args_is_help=True)
    group.command("check")(check_)
    group.command()(export)
    group.command()(release)
    app.add_typer(group, name="schemas")


def check_() -> None:
    """Compare the models with the committed schemas, and these with every released form. Exit 1 on any problem."""
    _refuse_problems(findings())


def export(
    out: Annotated[Path, typer.Option(help="The folder to write to; by default the schemas' own.")] = FOLDER,
) -> None:
    """Write the JSON Schema of every event version, the entities' topics and examples, and the AsyncAPI document."""
    files = _entities(out)
    files |= {path(version, out): text(generate(version)) for version in versions(EVENTS)}
    written = [file for file, content in files.items() if write(file, content)]
    # It is made of the others' files.
    files[out / asyncapi.FILE] = _asyncapi()
    written += [out / asyncapi.FILE] if write(out / asyncapi.FILE, files[out / asyncapi.FILE]) else []
    for file in written:
        print(f"wrote {file}")
    print(f"{len(files)} files, {len(written)} of them new or changed.")


def release(
    redo: Annotated[
        bool, typer.Option("--redo", help="Forget what this version froze before; only while it is unpublished.")
    ] = False,
) -> None:
    """Freeze the schemas for the version in pyproject.toml: from now on they may only change compatibly."""
    found = findings()
    number = installed_version("sellstream")
    if not redo or any(finding.state not in ("incompatible", "removed") for finding in found if finding.problems):
        _refuse_problems(found)
    for form in freeze(EVENTS, FOLDER, number, redo=redo):
        print(f"froze {form.file}")
    _refuse_problems(findings())


def findings() -> list[Finding]:
    """What the check says of every event version and of the AsyncAPI document."""
    apart = tuple(one for file, content in _entities(FOLDER).items() for one in drift(file, content, FOLDER))
    drifted = drift(FOLDER / asyncapi.FILE, _asyncapi(), FOLDER)
    return [
        *check(EVENTS, FOLDER),
        Finding("topics and examples of entities", "drifted" if apart else "as generated", apart),
        Finding("AsyncAPI document", "drifted" if drifted else "as generated", drifted),
    ]


def _refuse_problems(found: list[Finding]) -> None:
    table = Table("schema", "state", "problems")
    for finding in found:
        count = str(len(finding.problems)) if finding.problems else ""
        table.add_row(finding.subject, finding.state, count, style="red" if finding.problems else None)
    Console().print(table)
    problems = [problem for finding in found for problem in finding.problems]
    for problem in problems:
        typer.echo(f"\n{problem}", err=True)
    if problems:
        raise typer.Exit(1)


def _entities(folder: Path) -> dict[Path, str]:
    return {file: content for entity in ENTITIES for file, content in documents(entity, folder).items()}


def _asyncapi() -> str:
    return text(asyncapi.document(EVENTS, topics()))
