"""`sellstream stockx commands FILE`: many changes of listings at once, as facts that stockx_poller carries out."""

import asyncio
import getpass
import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn
from uuid import NAMESPACE_URL, uuid5

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.progress import track

from libs.bus.message import Outgoing
from libs.bus.publisher import NotPublished, Publisher
from libs.bus.settings import KafkaSettings
from libs.stack import StackError
from schemas.listing_commands.listing_change_requested import ListingChangeRequestedV1
from schemas.registry import summary
from services.ops.connection import kafka_alone

_MARKETPLACE = "stockx"
_OPEN_SECONDS = 10.0


class WrongLine(Exception):
    """A line of the file is no command; nothing was given. The text says which, and what is wrong with it."""


def register(group: typer.Typer) -> None:
    """Add the command to `sellstream stockx`."""
    group.command("commands")(commands)


def commands(
    file: Annotated[Path, typer.Argument(help="One JSON object a line: account, kind, listing_id, …", dir_okay=False)],
    by: Annotated[str, typer.Option(help="Who asks; by default, you.")] = "",
    again: Annotated[str, typer.Option(help="A word that makes the same lines new commands.")] = "",
) -> None:
    """Give all commands of a file. The same file given twice is carried out once, so an interrupted run is run again.

    {"account": "acme", "kind": "update", "listing_id": "…", "price": {"amount": "150", "currency": "USD"}}
    """
    try:
        facts = read(file.read_text(encoding="utf-8").splitlines(), by or getpass.getuser(), again, datetime.now(UTC))
        asyncio.run(_give(kafka_alone(), facts))
    except (OSError, UnicodeDecodeError, WrongLine, StackError) as error:
        _fail(str(error))
    except (NotPublished, TimeoutError) as error:
        _fail(f"Stopped: {error or 'Kafka does not answer'}. Run the same command again to go on.")
    print(f"{len(facts)} commands given. The topic listing_operations tells what becomes of them.")


def read(lines: Iterable[str], by: str, again: str, at: datetime) -> list[ListingChangeRequestedV1]:
    """The commands of a file's lines; blank ones are passed over. An `id` follows from the line and its number.

    Raises WrongLine.
    """
    found = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        made = {"id": str(uuid5(NAMESPACE_URL, f"{_MARKETPLACE} {by} {again} {number} {line.strip()}"))}
        try:
            told: Any = json.loads(line)
            if not isinstance(told, dict):
                raise WrongLine(f"line {number} is no JSON object")
            fact = ListingChangeRequestedV1.model_validate(
                made | told | {"marketplace": _MARKETPLACE, "requested_by": by, "requested_at": at}
            )
        except ValidationError as error:
            raise WrongLine(f"line {number}: {summary(error)}") from None
        except ValueError as error:
            raise WrongLine(f"line {number} is not JSON: {error}") from None
        if unknown := sorted(told.keys() - ListingChangeRequestedV1.model_fields.keys()):
            raise WrongLine(f"line {number} has fields that no command has: {', '.join(unknown)}")
        found.append(fact)
    return found


async def _give(kafka: KafkaSettings, facts: Sequence[ListingChangeRequestedV1]) -> None:
    console = Console(stderr=True)
    publisher = Publisher(kafka, "ops")
    try:
        async with asyncio.timeout(_OPEN_SECONDS):
            await publisher.__aenter__()
        for fact in track(facts, description="commands", console=console, disable=not console.is_terminal):
            await publisher.publish(Outgoing(fact, id=fact.id), within=30)
    finally:
        await publisher.__aexit__()


def _fail(text: str) -> NoReturn:
    print(text, file=sys.stderr)
    raise typer.Exit(1)
