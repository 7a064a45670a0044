"""`sellstream dlq list | show | retry | discard | history`: what could not be handled, why, and what a person decides.

Exit status: 0 done (also when there was nothing to do), 1 not or not wholly done, 2 wrong use.
"""

import asyncio
import getpass
import logging
import shutil
import socket
import sys
from collections.abc import Awaitable, Callable, Iterable
from typing import Annotated, NoReturn, TypeVar

import structlog
import typer
from rich.console import Console
from rich.progress import track

from libs.bus.outcome import ErrorClass
from libs.bus.publisher import NotPublished, Publisher, RecordRefused
from libs.bus.reader import KafkaAway
from libs.bus.tail import TopicUnreadable
from libs.db import dead_letter_actions
from libs.db.dead_letter_actions import Action
from libs.db.errors import DatabaseAway, NotMigrated
from schemas.topics import dead_letter_topic, topics
from services.ops import dlq_text
from services.ops.connection import Connection, connected
from services.ops.dead_letters import (
    MOST_REPLAYS,
    Filter,
    Letter,
    OriginalGone,
    SomebodyActs,
    act,
    acting,
    consumers,
    letters,
    whole,
)
from services.ops.terminal import harmless

T = TypeVar("T")

OPEN_SECONDS = 20
MOST_SHOWN = 50


def _one_of(known: Iterable[str]) -> Callable[[str | None], str | None]:
    names = list(known)

    def check(value: str | None) -> str | None:
        if value is not None and value not in names:
            raise typer.BadParameter(f"{value!r} is none of {', '.join(names)}")
        return value

    return check


_CONSUMER = _one_of(consumers())
_TOPIC = _one_of(name for name, topic in topics().items() if topic.consumers)

Id = Annotated[str, typer.Argument(help="consumer:partition:offset, as `list` shows.", show_default=False)]
Ids = Annotated[
    list[str] | None,
    typer.Argument(help="consumer:partition:offset, as `list` shows; none: all that the options choose."),
]
OfConsumer = Annotated[str | None, typer.Option("--consumer", callback=_CONSUMER, help="Only those of one consumer.")]
OfClass = Annotated[ErrorClass | None, typer.Option("--class", help="Only those of one class.")]
OfTopic = Annotated[str | None, typer.Option("--topic", callback=_TOPIC, help="Only those that came from one topic.")]
Matching = Annotated[str | None, typer.Option(help="Only those whose error contains this text.")]
Why = Annotated[str, typer.Option("--why", help="The reason, for the audit.", show_default=False)]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the plan and do nothing.")]
Force = Annotated[bool, typer.Option("--force", help=f"Also those that were retried {MOST_REPLAYS} times or more.")]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output, one JSON object a line.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    group = typer.Typer(help="Dead letters: what could not be handled, and what to do with it.", no_args_is_help=True)
    group.command("list")(list_)
    group.command()(show)
    group.command()(retry)
    group.command()(discard)
    group.command()(history)
    app.add_typer(group, name="dlq")


def list_(
    consumer: OfConsumer = None,
    error_class: OfClass = None,
    topic: OfTopic = None,
    matching: Matching = None,
    all_: Annotated[bool, typer.Option("--all", help="Also those that were retried or discarded.")] = False,
    limit: Annotated[int, typer.Option(min=0, help="Show at most the newest so many; 0: all.")] = MOST_SHOWN,
    as_json: Json = False,
) -> None:
    """Show what could not be handled, oldest first."""
    wanted = Filter(None, consumer, error_class, topic, matching)
    found = [letter for letter in _run(lambda at: letters(at, wanted)) if all_ or letter.open]
    shown = found[-limit:] if limit and not as_json else found
    if as_json:
        for letter in shown:
            print(dlq_text.as_json(letter))
        return
    if not found:
        print("No dead letters." if all_ else "No open dead letters.")
        return
    if len(shown) < len(found):
        print(f"The newest {len(shown)} of {len(found)} (--limit 0 shows all).")
    print("\n".join(dlq_text.list_lines(shown, _width())))
    print(dlq_text.counted(found))


def show(
    letter_id: Id,
    raw: Annotated[bool, typer.Option("--raw", help="Write the original value's bytes, and nothing else.")] = False,
    as_json: Json = False,
) -> None:
    """Show one dead letter: its reason, its headers and its value."""

    async def find(at: Connection) -> Letter | None:
        found = await letters(at, Filter([letter_id]))
        return Letter(await whole(at, found[0].dead), found[0].decided, found[0].repeats) if found else None

    letter = _run(find)
    if letter is None:
        _fail(_unknown([letter_id]))
    if raw:
        sys.stdout.buffer.write(letter.dead.record.value or b"")
        sys.stdout.buffer.flush()
    elif as_json:
        print(dlq_text.as_json(letter, content=True))
    else:
        print("\n".join(dlq_text.show_lines(letter)))


def retry(
    why: Why,
    ids: Ids = None,
    consumer: OfConsumer = None,
    error_class: OfClass = None,
    topic: OfTopic = None,
    matching: Matching = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    force: Force = False,
) -> None:
    """Send dead letters back to the topic they came from, for the consumer that failed only.

    Interrupted anywhere, the same command goes on with the rest.
    """
    _decide(
        "retry", Filter(ids, consumer, error_class, topic, matching), why, ask=not yes, dry_run=dry_run, force=force
    )


def discard(
    why: Why,
    ids: Ids = None,
    consumer: OfConsumer = None,
    error_class: OfClass = None,
    topic: OfTopic = None,
    matching: Matching = None,
    yes: Yes = False,
    dry_run: DryRun = False,
) -> None:
    """Close dead letters without handling them; their bytes stay in the dead-letter topic."""
    _decide(
        "discard", Filter(ids, consumer, error_class, topic, matching), why, ask=not yes, dry_run=dry_run, force=True
    )


def history(
    limit: Annotated[int, typer.Option(min=1, help="Show at most the newest so many.")] = MOST_SHOWN,
    as_json: Json = False,
) -> None:
    """Show what people did about dead letters: who, when, why, and where a retried one went. Newest first."""

    async def read(at: Connection) -> tuple[list[dead_letter_actions.Decided], dict[str, str]]:
        names = {at.kafka.topic(dead_letter_topic(name)): name for name in consumers()}
        async with at.database.connection() as connection:
            return await dead_letter_actions.history(connection, at.kafka.topic_prefix, limit), names

    rows, names = _run(read)
    if as_json:
        for row in rows:
            print(dlq_text.history_json(row, names))
    else:
        print("\n".join(dlq_text.history_lines(rows, names)) or "Nobody has retried or discarded a dead letter yet.")


def _decide(action: Action, wanted: Filter, why: str, *, ask: bool, dry_run: bool, force: bool) -> None:
    if not why.strip():
        raise typer.BadParameter("say why, for the audit: --why 'the marketplace is back'")
    if wanted.empty:
        raise typer.BadParameter("name dead letters, or choose them: --consumer, --class, --topic, --matching")
    matching = _run(lambda at: letters(at, wanted))
    if unknown := sorted(set(wanted.ids or ()) - {letter.dead.id for letter in matching}):
        _fail(_unknown(unknown))
    for letter in matching:
        if wanted.ids and not letter.open:
            print(f"{letter.dead.id} is left alone: {letter.state}", file=sys.stderr)
    found = [letter for letter in matching if letter.open]
    chosen = [letter for letter in found if force or not letter.quarantined]
    print("\n".join(dlq_text.plan_lines(action, chosen, [letter for letter in found if letter not in chosen])))
    if not chosen or dry_run:
        return
    if ask and not typer.confirm(f"{action.capitalize()} {len(chosen)}?"):
        raise typer.Exit(1)
    who = f"{getpass.getuser()}@{socket.gethostname()}"
    _run(lambda at: _do(at, action, chosen, who, why.strip()))


async def _do(at: Connection, action: Action, chosen: list[Letter], who: str, why: str) -> None:
    console = Console(stderr=True)
    verb = "retried" if action == "retry" else "discarded"
    done, meanwhile, failed = 0, 0, 0
    publisher = Publisher(at.kafka, "ops")
    async with acting(at, who):
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                await publisher.__aenter__()
            for letter in track(chosen, description=action, console=console, disable=not console.is_terminal):
                try:
                    if await act(at, publisher, letter, action, who=who, why=why):
                        done += 1
                    else:
                        meanwhile += 1
                except OriginalGone as error:
                    failed += 1
                    print(harmless(str(error)), file=sys.stderr)
                except (RecordRefused, TopicUnreadable) as error:  # unreadable: where the letter's record was left
                    failed += 1
                    print(_refused(letter, error), file=sys.stderr)
        except (TimeoutError, NotPublished, DatabaseAway) as error:
            told = harmless(str(error)) or f"Kafka does not answer within {OPEN_SECONDS} s"
            _fail(f"Stopped: {told}. {done} of {len(chosen)} are {verb}; run the same command again to go on.")
        finally:
            await publisher.__aexit__()
    print(f"{done} {verb}." + (f" {meanwhile} were decided by somebody else meanwhile." if meanwhile else ""))
    if failed:
        _fail(f"{failed} could not be {verb}.")


def _refused(letter: Letter, error: Exception) -> str:
    return harmless(
        f"{letter.dead.id} cannot be sent and stays open: {error}. The same command will not change that: mend what it "
        "says (`sellstream topics apply` makes our topics), or discard the letter."
    )


def _unknown(ids: list[str]) -> str:
    verb = "is no dead letter" if len(ids) == 1 else "are no dead letters"
    return f"There {verb} {harmless(', '.join(ids))}. `sellstream dlq list --all` shows them all."


def _width() -> int | None:
    """How wide a line may be: in a file or a pipe as long as it likes."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _fail(text: str) -> NoReturn:
    print(text, file=sys.stderr)
    raise typer.Exit(1)


def _run(work: Callable[[Connection], Awaitable[T]]) -> T:
    # Standard output is for the answer alone: a program, or a person's file, may be reading it.
    structlog.configure(
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
    )
    # While a broker is away its client complains at every try; the one sentence at the end says it once.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)

    async def inner() -> T:
        async with connected() as at:
            return await work(at)

    try:
        return asyncio.run(inner())
    except (TopicUnreadable, KafkaAway, DatabaseAway, NotMigrated, OriginalGone, SomebodyActs) as error:
        _fail(f"{error}"[:1].upper() + f"{error}"[1:])
    except KeyboardInterrupt:
        _fail("Interrupted. What was done is in `sellstream dlq history`; the same command goes on with the rest.")
