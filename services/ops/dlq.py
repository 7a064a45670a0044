"""`sellstream dlq list | show | retry | discard`: what could not be handled, why, and what a person decides."""

import asyncio
import getpass
import json
import socket
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from libs.bus.dead_letter import DeadLetter
from libs.bus.publisher import NotPublished, Publisher
from libs.db.dead_letter_actions import Action
from services.ops.connection import Connection, connected
from services.ops.dead_letters import MOST_REPLAYS, Filter, Letter, act, letters

console = Console()

T = TypeVar("T")

Ids = Annotated[
    list[str] | None, typer.Argument(help="consumer:partition:offset, as `list` shows; none: all that match")
]
Consumer = Annotated[str | None, typer.Option(help="Only those of one consumer, for example projector.")]
ErrorClass = Annotated[str | None, typer.Option("--class", help="Only poison, dependency, policy or contract.")]
Topic = Annotated[str | None, typer.Option(help="Only those that came from one topic.")]
Matching = Annotated[str | None, typer.Option(help="Only those whose error contains this text.")]
Why = Annotated[str, typer.Option("--why", help="The reason, for the audit.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the plan and do nothing.")]
Force = Annotated[bool, typer.Option(help=f"Also those that were retried {MOST_REPLAYS} times or more.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    group = typer.Typer(help="Dead letters: list, show, retry, discard.", no_args_is_help=True)
    group.command("list")(list_)
    group.command()(show)
    group.command()(retry)
    group.command()(discard)
    app.add_typer(group, name="dlq")


def list_(
    consumer: Consumer = None,
    error_class: ErrorClass = None,
    topic: Topic = None,
    matching: Matching = None,
    all_: Annotated[bool, typer.Option("--all", help="Also those that were retried or discarded.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output, one line each.")] = False,
) -> None:
    """Show what could not be handled, oldest first."""
    wanted = Filter(consumer=consumer, error_class=error_class, topic=topic, matching=matching)
    found = [letter for letter in _run(lambda at: letters(at, wanted)) if all_ or letter.open]
    if as_json:
        for letter in found:
            print(json.dumps(_summary(letter), ensure_ascii=False))
        return
    if not found:
        console.print("No dead letters." if all_ else "No open dead letters.")
        return
    table = Table("id", "failed first", "class", "from", "tries", "why", box=None, header_style="bold")
    for letter in found:
        told = letter.dead
        fate = "" if letter.open else f" [dim]({letter.state})[/dim]"
        origin = f"{told.topic}:{told.partition}:{told.offset}"
        table.add_row(
            told.id, told.first_failed_at[:19], told.error_class, origin, str(told.attempts), told.message[:90] + fate
        )
    console.print(table)
    classes = Counter(f"{letter.dead.consumer} {letter.dead.error_class}" for letter in found)
    console.print("  ".join(f"{name}: {count}" for name, count in sorted(classes.items())))


def show(
    letter_id: Annotated[str, typer.Argument(help="consumer:partition:offset, as `list` shows.")],
    raw: Annotated[
        bool, typer.Option("--raw", help="Write the original bytes to standard output, and nothing else.")
    ] = False,
) -> None:
    """Show one dead letter: its reason, its headers and its original bytes."""
    letter = _one(letter_id)
    record = letter.dead.record
    if raw:
        sys.stdout.buffer.write(record.value or b"")
        return
    for name, told in _summary(letter).items():
        console.print(f"{name:<16} {told}", highlight=False, markup=False)
    console.print("[bold]headers[/bold]")
    for name, value in record.headers:
        console.print(f"  {name}: {_readable(value)}", highlight=False, markup=False)
    console.print(f"[bold]key[/bold]    {_readable(record.key)}", highlight=False)
    console.print("[bold]value[/bold]")
    console.print(_readable(record.value, pretty=True), highlight=False, markup=False)


def retry(
    why: Why,
    ids: Ids = None,
    consumer: Consumer = None,
    error_class: ErrorClass = None,
    topic: Topic = None,
    matching: Matching = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    force: Force = False,
) -> None:
    """Send dead letters back to the topic they came from, for the consumer that failed only."""
    wanted = Filter(ids, consumer, error_class, topic, matching)
    _decide("retry", wanted, why, ask=not yes, dry_run=dry_run, force=force)


def discard(
    why: Why,
    ids: Ids = None,
    consumer: Consumer = None,
    error_class: ErrorClass = None,
    topic: Topic = None,
    matching: Matching = None,
    yes: Yes = False,
    dry_run: DryRun = False,
) -> None:
    """Close dead letters without handling them; their bytes stay in the topic."""
    wanted = Filter(ids, consumer, error_class, topic, matching)
    _decide("discard", wanted, why, ask=not yes, dry_run=dry_run, force=True)


def _decide(action: Action, wanted: Filter, why: str, *, ask: bool, dry_run: bool, force: bool) -> None:
    if not why.strip():
        raise typer.BadParameter("say why, for the audit: --why 'the marketplace is back'")
    if wanted.empty:
        raise typer.BadParameter("name dead letters, or choose them: --consumer, --class, --topic, --matching")
    found = [letter for letter in _run(lambda at: letters(at, wanted)) if letter.open]
    chosen = [letter for letter in found if force or letter.dead.replays < MOST_REPLAYS]
    _print_plan(action, chosen, len(found) - len(chosen))
    if not chosen or dry_run:
        return
    if ask and not typer.confirm(f"{action.capitalize()} {len(chosen)}?"):
        raise typer.Exit(1)
    who = f"{getpass.getuser()}@{socket.gethostname()}"

    async def work(at: Connection) -> int:
        done = 0
        async with Publisher(at.kafka, "ops") as publisher:
            for letter in track(chosen, description=action, console=console, disable=not console.is_terminal):
                done += await act(at, publisher, letter, action, who=who, why=why)
        return done

    try:
        done = _run(work)
    except NotPublished as error:
        console.print(
            f"[red]Stopped:[/red] {error}. What was done is in the audit; run the same command again to go on."
        )
        raise typer.Exit(1) from None
    console.print(
        f"{done} done"
        + (f", {len(chosen) - done} were decided by someone else meanwhile" if done < len(chosen) else "")
    )


def _print_plan(action: Action, chosen: list[Letter], guarded: int) -> None:
    console.print(f"{action}: {len(chosen)} dead letters")
    targets = Counter((letter.dead.consumer, letter.dead.topic, letter.dead.error_class) for letter in chosen)
    for (consumer, topic, error_class), count in sorted(targets.items()):
        told = f"→ {topic}, for {consumer} only" if action == "retry" else f"of {consumer}, from {topic}"
        console.print(f"  {count:>6} {error_class:<11} {told}", highlight=False)
    if action == "retry" and chosen:
        console.print(
            "  Handling them again may ask a marketplace again; facts keep their ids, so nothing is applied twice."
        )
    if guarded:
        console.print(
            f"  {guarded} more were retried {MOST_REPLAYS} times already and are left alone (--force takes them too)."
        )


def _one(letter_id: str) -> Letter:
    found = _run(lambda at: letters(at, Filter([letter_id])))
    if not found:
        console.print(f"There is no dead letter {letter_id}. `sellstream dlq list --all` shows them.")
        raise typer.Exit(1)
    return found[0]


def _summary(letter: Letter) -> dict[str, str | int]:
    told: DeadLetter = letter.dead
    return {
        "id": told.id,
        "state": letter.state,
        "from": f"{told.topic}:{told.partition}:{told.offset}",
        "failed first": told.first_failed_at,
        "class": told.error_class,
        "exception": told.exception,
        "why": told.message,
        "tries": told.attempts,
        "replays": told.replays,
    }


def _readable(value: bytes | None, *, pretty: bool = False) -> str:
    if value is None:
        return "(none)"
    try:
        text = value.decode()
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False) if pretty else text
    except UnicodeDecodeError:
        return f"({len(value)} bytes, not UTF-8) {value.hex(' ')}"
    except ValueError:
        return value.decode(errors="replace")


def _run(work: Callable[[Connection], Awaitable[T]]) -> T:
    async def inner() -> T:
        async with connected() as at:
            return await work(at)

    return asyncio.run(inner())
