"""Finding dead letters and acting on them, once each, with an audit."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from libs.bus.dead_letter import DeadLetter
from libs.bus.message import Record
from libs.bus.publisher import Publisher
from libs.bus.tail import read_one, read_tail
from libs.db.dead_letter_actions import LOCK, Action, Decided, complete, decide, decided
from libs.db.locks import holder, try_lock
from schemas.topics import dead_letter_topic, topics
from services.ops.connection import Connection

MOST_REPLAYS = 3

_EVER = datetime.fromtimestamp(0, UTC)
_ALL = 2**62


class OriginalGone(Exception):
    """The record of a dead letter is in no topic: it was too large for a copy and is gone, or never was in one."""


class SomebodyActs(Exception):
    """Another retry or discard is running now."""


@dataclass(frozen=True)
class Filter:
    """Which dead letters are meant; what is not given matches all."""

    ids: Sequence[str] | None = None
    consumer: str | None = None
    error_class: str | None = None
    topic: str | None = None
    matching: str | None = None

    @property
    def empty(self) -> bool:
        """Nothing was chosen at all: that shall never mean everything by accident."""
        return not (self.ids or self.consumer or self.error_class or self.topic or self.matching)

    def wants(self, letter: DeadLetter) -> bool:
        return (
            (not self.ids or letter.id in self.ids)
            and self.consumer in {None, letter.consumer}
            and self.error_class in {None, letter.error_class}
            and self.topic in {None, letter.topic}
            and (self.matching is None or self.matching in letter.message)
        )


@dataclass(frozen=True)
class Letter:
    """A dead letter and what was decided about it, if anything was. `repeats`: the same failure, written twice."""

    dead: DeadLetter
    decided: Decided | None
    repeats: str | None = None

    @property
    def open(self) -> bool:
        """Nobody has finished with it."""
        return self.repeats is None and (self.decided is None or self.decided.completed_at is None)

    @property
    def quarantined(self) -> bool:
        """Retried so often that a further retry must be forced."""
        return self.open and self.dead.replays >= MOST_REPLAYS

    @property
    def state(self) -> str:
        """What became of it, in a few words."""
        if self.repeats is not None:
            return f"the same failure as {self.repeats}, written twice"
        if self.decided is None:
            return _open_state(self.dead.replays)
        if self.decided.completed_at is None:
            return f"open, {self.decided.action} by {self.decided.who} was not completed"
        done = "retried" if self.decided.action == "retry" else "discarded"
        return f"{done} by {self.decided.who} at {self.decided.completed_at:%Y-%m-%d %H:%M:%SZ}: {self.decided.why}"


async def letters(at: Connection, wanted: Filter) -> list[Letter]:
    """The dead letters that match, oldest first. Raises TopicUnreadable, DatabaseAway and NotMigrated."""
    found = []
    for consumer in consumers():
        if wanted.consumer not in {None, consumer}:
            continue
        topic = dead_letter_topic(consumer)
        async with at.database.connection() as connection:
            actions = await decided(connection, at.kafka.topic(topic))
        first: dict[tuple[str, int, int], DeadLetter] = {}
        async for record in read_tail(at.kafka, topic, since=_EVER, most_per_partition=_ALL):
            letter = DeadLetter.of(record, consumer)
            # A dead letter may be stored twice: the consumer was killed before it committed, or Kafka answered late.
            earlier = first.setdefault((letter.topic, letter.partition, letter.offset), letter)
            repeats = earlier.id if earlier is not letter and _same(earlier.record, record) else None
            if wanted.wants(letter):
                found.append(Letter(letter, actions.get((record.partition, record.offset)), repeats))
    return sorted(found, key=lambda letter: letter.dead.first_failed_at)


def consumers() -> list[str]:
    """Everyone who has dead letters."""
    return sorted({service for topic in topics().values() for service in topic.dead_lettering})


async def whole(at: Connection, letter: DeadLetter) -> DeadLetter:
    """The dead letter with its record's content, also where that was left at its origin. Raises OriginalGone."""
    if not letter.left_at_origin:
        return letter
    original = await read_one(at.kafka, letter.topic, letter.partition, letter.offset)
    if original is None:
        raise OriginalGone(
            f"The record of {letter.id} was too large for a copy and was left at {letter.topic}:{letter.partition}:"
            f"{letter.offset}; it is no longer there."
        )
    return letter.with_original(original)


@asynccontextmanager
async def acting(at: Connection, who: str) -> AsyncIterator[None]:
    """Be the only one who acts on dead letters. Raises SomebodyActs."""
    async with at.database.own_connection(f"sellstream dlq {who}"[:63]) as connection:
        if not await try_lock(connection, LOCK):
            other = await holder(connection, LOCK)
            name = other.application.removeprefix("sellstream dlq ") if other else "somebody"
            raise SomebodyActs(
                f"Dead letters are being retried or discarded by {name} just now. Wait until that has ended."
            )
        yield


async def act(at: Connection, publisher: Publisher, letter: Letter, action: Action, *, who: str, why: str) -> bool:
    """Retry or discard one; False if somebody has decided meanwhile. To be called while `acting`.

    Written down before it is done and completed after: killed in between, the same command does it again, and the
    record keeps its event id. Raises NotPublished, RecordRefused, TopicUnreadable and OriginalGone; then it
    stays open.
    """
    place = (
        at.kafka.topic(dead_letter_topic(letter.dead.consumer)),
        letter.dead.record.partition,
        letter.dead.record.offset,
    )
    if action == "retry" and letter.dead.partition < 0:
        raise OriginalGone(
            f"{letter.dead.id} is an answer of {letter.dead.topic} and came from no topic, so it cannot be sent there "
            "again. Its service asks again by itself: discard it."
        )
    dead = letter.dead
    if action == "retry":
        await publisher.require_topic(dead.topic)  # another tool's dead letter may name any topic, or none
        dead = await whole(at, dead)
    async with at.database.connection() as connection:
        if not await decide(connection, place, action, who=who, why=why):
            return False
    target = None
    if action == "retry":
        key, value = dead.record.key, dead.record.value
        sent = await publisher.send(dead.topic, key, value, dead.headers_for_retry(), within=30)
        target = (sent.topic, sent.partition, sent.offset)
    async with at.database.connection() as connection:
        await complete(connection, place, who=who, target=target)
    return True


def _open_state(replays: int) -> str:
    if replays >= MOST_REPLAYS:
        return f"open, quarantined after {replays} retries"
    return f"open again after {replays} {'retry' if replays == 1 else 'retries'}" if replays else "open"


def _same(one: Record, other: Record) -> bool:
    return (one.key, one.value) == (other.key, other.value)
