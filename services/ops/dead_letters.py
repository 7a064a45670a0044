"""Finding dead letters and acting on them, once each, with an audit."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from libs.bus.dead_letter import DeadLetter
from libs.bus.publisher import Publisher
from libs.bus.tail import read_tail
from libs.db.dead_letter_actions import Action, Decided, complete, decide, decided
from schemas.topics import dead_letter_topic, topics
from services.ops.connection import Connection

MOST_REPLAYS = 3

_EVER = datetime.fromtimestamp(0, UTC)
_ALL = 2**62


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
    """A dead letter and what was decided about it, if anything was."""

    dead: DeadLetter
    decided: Decided | None

    @property
    def open(self) -> bool:
        """Nobody has finished with it."""
        return self.decided is None or self.decided.completed_at is None

    @property
    def state(self) -> str:
        if self.decided is None:
            return "open"
        done = "retried" if self.decided.action == "retry" else "discarded"
        if self.decided.completed_at is None:
            return f"open ({self.decided.action} by {self.decided.who} was interrupted)"
        return f"{done} by {self.decided.who} at {self.decided.completed_at:%Y-%m-%d %H:%M}: {self.decided.why}"


async def letters(at: Connection, wanted: Filter) -> list[Letter]:
    """The dead letters that match, oldest first."""
    consumers = sorted({consumer for topic in topics().values() for consumer in topic.consumers})
    found = []
    for consumer in consumers:
        if wanted.consumer not in {None, consumer}:
            continue
        topic = dead_letter_topic(consumer)
        async with at.database.connection() as connection:
            actions = await decided(connection, at.kafka.topic(topic))
        async for record in read_tail(at.kafka, topic, since=_EVER, most_per_partition=_ALL):
            letter = DeadLetter.of(record, consumer)
            if wanted.wants(letter):
                found.append(Letter(letter, actions.get((record.partition, record.offset))))
    return sorted(found, key=lambda letter: letter.dead.first_failed_at)


async def act(at: Connection, publisher: Publisher, letter: Letter, action: Action, *, who: str, why: str) -> bool:
    """Retry or discard one; False if someone else has decided otherwise. Raises NotPublished; then it stays open.

    Written down before it is done and completed after: killed in between, the same command does it again, and the
    record keeps its event id.
    """
    dead = letter.dead
    place = (at.kafka.topic(dead_letter_topic(dead.consumer)), dead.record.partition, dead.record.offset)
    async with at.database.connection() as connection:
        if not await decide(connection, place, action, who=who, why=why):
            return False
    target = None
    if action == "retry":
        sent = await publisher.send(dead.topic, dead.record.key, dead.record.value, dead.headers_for_retry(), within=30)
        target = (sent.topic, sent.partition, sent.offset)
    async with at.database.connection() as connection:
        await complete(connection, place, target)
    return True
