"""`sellstream topics replay`: give one consumer a range of a topic again, marked so that nothing happens outside.

For a record that failed there is `sellstream dlq retry`, which is handled for real; see libs/bus/replay.py. The
projector passes its copies over: it has read the records already, and `sellstream read-models rebuild` reads them anew.
"""

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, NoReturn
from uuid import uuid4

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from libs.bus import replay as marks
from libs.bus.dead_letter import without_marks
from libs.bus.message import REDRIVE_TO, Record
from libs.bus.publisher import NotPublished, Publisher
from libs.bus.reader import Extent, KafkaAway, Partition, extents, offsets_at, partitions_of, read_range
from libs.bus.settings import KafkaSettings
from libs.projection.moment import Moment, NoMoment, parse_moment
from libs.stack import StackError
from schemas.envelope import Header
from schemas.topics import topics
from services.ops.connection import kafka_alone

_PROJECTOR = "projector"


@dataclass(frozen=True)
class Wanted:
    """What to replay, for `consumer`: records of `topic` from `since` on and before `until`, or of one key of it."""

    topic: str
    consumer: str
    since: Moment
    until: Moment | None = None
    key: str | None = None


@dataclass
class Plan:
    """What a look at the topic found. `done`: what an interrupted replay of the same id has delivered already."""

    begin: Mapping[Partition, int]
    end: Mapping[Partition, int]
    count: int = 0
    copies: int = 0
    done: set[str] = field(default_factory=set)


def replay(
    topic: Annotated[str, typer.Argument(help="A declared topic.")],
    to: Annotated[str, typer.Option("--to", help="The one consumer that gets the records again.")],
    since: Annotated[
        str,
        typer.Option(
            help="From this time on, by the records' own time (2026-11-21T10:15:00Z), or from these offsets on "
            "(orders:0:120,orders:1:98; of no other partition)."
        ),
    ],
    until: Annotated[str | None, typer.Option(help="Before this; by default up to the end.")] = None,
    key: Annotated[str | None, typer.Option(help="Only the records of one key.")] = None,
    resume: Annotated[
        str | None, typer.Option(help="Go on with an interrupted replay: its id, and otherwise the same options.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and do nothing.")] = False,
) -> None:
    """Deliver records again, to one consumer only, without effects outside. Shows a plan first."""
    declared = topics().get(topic)
    if declared is None:
        raise typer.BadParameter(f"{topic!r} is none of {', '.join(topics())}")
    if to not in declared.consumers:
        raise typer.BadParameter(f"{topic} is consumed by {', '.join(declared.consumers) or 'nobody'}, not by {to}")
    try:
        wanted = Wanted(topic, to, parse_moment(since), parse_moment(until) if until else None, key)
    except NoMoment as error:
        raise typer.BadParameter(str(error)) from None
    identity = resume or f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{uuid4().hex[:8]}"
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        asyncio.run(_replay(kafka_alone(), wanted, identity, ask=not yes, dry_run=dry_run))
    except StackError as error:
        _fail(str(error))
    except (KafkaAway, NotPublished) as error:
        _fail(f"{error}\nThe same command with --resume {identity} goes on with the rest.")


async def _replay(kafka: KafkaSettings, wanted: Wanted, identity: str, *, ask: bool, dry_run: bool) -> None:
    plan = await look(kafka, wanted, identity)
    left = plan.count - len(plan.done)
    print(f"Replay {identity}: {left} records of {wanted.topic}, for {wanted.consumer} only.")
    if plan.done:
        print(f"{len(plan.done)} were delivered before the interruption.")
    if plan.copies:
        print(f"{plan.copies} are left out: they are themselves retried or replayed.")
    print("They are marked as a replay: no request, e-mail or price goes out because of them.")
    if wanted.consumer == _PROJECTOR:
        print(
            "The projector has read them already and passes the copies over: no row will change. "
            "To make rows anew: sellstream read-models rebuild."
        )
    if dry_run or not left:
        return
    if ask and not typer.confirm("Deliver them?"):
        _fail("Nothing was done.")
    async with Publisher(kafka, "ops") as publisher:
        with Progress(
            "replaying", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
            console=Console(stderr=True), disable=not sys.stderr.isatty(),
        ) as bar:  # fmt: skip
            task = bar.add_task("", total=left)
            async for sent in deliver(kafka, publisher, wanted, plan, identity):
                bar.advance(task, sent)
    print(f"{left} records were delivered again.")


async def look(kafka: KafkaSettings, wanted: Wanted, identity: str) -> Plan:
    """Count what is meant, up to where the topic ends now. Raises KafkaAway."""
    known = await extents(kafka, await partitions_of(kafka, [wanted.topic]))
    now = {one: extent.end for one, extent in known.items()}
    begin = await _offsets(kafka, known, wanted.since, otherwise=now)
    plan = Plan(begin, await _offsets(kafka, known, wanted.until, otherwise=now) if wanted.until else now)
    # To the very end, not to --until: that is where an interrupted replay's copies are.
    async for chunks in read_range(kafka, begin, now):
        for partition, chunk in chunks.items():
            for record in chunk.records:
                origin = _origin_in(record, identity)
                if origin is not None:
                    plan.done.add(origin)
                elif record.offset < plan.end[partition] and _of_key(record, wanted.key):
                    plan.copies += is_copy(record)
                    plan.count += not is_copy(record)
    return plan


async def deliver(
    kafka: KafkaSettings, publisher: Publisher, wanted: Wanted, plan: Plan, identity: str
) -> AsyncIterator[int]:
    """Write the copies, in order within each partition; how many were written with each step. Raises NotPublished."""

    async def partition(records: Iterable[Record]) -> int:
        sent = 0
        for record in records:
            if not is_copy(record) and _of_key(record, wanted.key) and _place(record) not in plan.done:
                headers = headers_of(record, wanted.consumer, identity)
                await publisher.send(wanted.topic, record.key, record.value, headers, within=30)
                sent += 1
        return sent

    async for chunks in read_range(kafka, plan.begin, plan.end, max_records=1000):
        yield sum(await asyncio.gather(*(partition(chunk.records) for chunk in chunks.values())))


def headers_of(record: Record, consumer: str, identity: str) -> list[Header]:
    """A replayed record's headers: its own, the mark of the replay, and for whom it is."""
    own = [header for header in without_marks(record.headers) if header[0] not in (marks.HEADER, marks.FROM)]
    return [
        *own,
        (marks.HEADER, identity.encode()),
        (marks.FROM, _place(record).encode()),
        (REDRIVE_TO, consumer.encode()),
    ]


def is_copy(record: Record) -> bool:
    """A retried or replayed record is not replayed again: what it repeats is, and a loop cannot arise."""
    return marks.is_replay(record.headers) or any(name == REDRIVE_TO for name, _ in record.headers)


def _origin_in(record: Record, identity: str) -> str | None:
    headers = dict(record.headers)
    return headers.get(marks.FROM, b"").decode() if headers.get(marks.HEADER) == identity.encode() else None


def _place(record: Record) -> str:
    return f"{record.partition}:{record.offset}"


def _of_key(record: Record, key: str | None) -> bool:
    return key is None or record.key == key.encode()


async def _offsets(
    kafka: KafkaSettings, known: Mapping[Partition, Extent], moment: Moment, *, otherwise: Mapping[Partition, int]
) -> dict[Partition, int]:
    """The offset of each partition at a moment, within what the partition still has. Raises KafkaAway."""
    told = await offsets_at(kafka, known, moment) if isinstance(moment, datetime) else {**otherwise, **moment}
    return {one: min(max(told[one], extent.begin), extent.end) for one, extent in known.items()}


def _fail(why: str) -> NoReturn:
    typer.echo(why, err=True)
    raise typer.Exit(1)
