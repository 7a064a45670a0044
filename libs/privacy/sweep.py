"""The sweep behind an erasure: records that could not be sealed and name an erased person are deleted.

A webhook is stored as it came: whose data it holds is known only to who has read it, behind the topic. So it has no
person's key, and neither have the dead letters of webhooks. Kafka deletes no single record, only what stands before an
offset:

| topic         | what is deleted                                                                                    |
|---------------|----------------------------------------------------------------------------------------------------|
| `webhooks`    | all up to the last record before `until` that names one, as far as every consumer has handled it   |
| dead letters  | all up to the last that names one; open ones of others are stored anew before, under new offsets   |

May be done again at any time, and by several at once. Interrupted, it has lost nothing: a dead letter that was stored
anew and is still at its old place, too, counts as the same failure written twice.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from libs.bus.dead_letter import DeadLetter
from libs.bus.deletion import delete_before, handled_before
from libs.bus.message import Record
from libs.bus.publisher import Publisher
from libs.bus.settings import KafkaSettings
from libs.bus.tail import read_tail
from libs.db.dead_letter_actions import LOCK, decided
from libs.db.locks import try_lock
from libs.db.pool import Database
from libs.privacy.keys import belonging
from libs.privacy.naming import Names
from schemas.topics import Topic, dead_letter_topic, topics
from schemas.webhooks.webhook_received import EVENT as WEBHOOKS

REMEMBERED = timedelta(days=30)
"""How long a sweep looks for somebody after the erasure. What is told of them later goes with its topic's retention."""

_EVER = datetime.fromtimestamp(0, UTC)
_ALL = 2**62


@dataclass(frozen=True, slots=True)
class Swept:
    """What became of a topic that named somebody: `deleted` records, `kept` dead letters of others stored anew.

    `waits_for` says who has to do something first, where not all could be deleted; the next sweep finds it.
    """

    topic: str
    deleted: int
    kept: int = 0
    waits_for: str | None = None


async def erased_lately(database: Database) -> Names:
    """What those are called who were erased within REMEMBERED, and their deals."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT DISTINCT person FROM privacy.erasures WHERE erased_at > now() - $1::interval", REMEMBERED
        )
        return Names(await belonging(connection, [row["person"] for row in rows]))


async def names_of(database: Database, person: str) -> Names:
    """What a person and their deals are called."""
    async with database.connection() as connection:
        return Names(await belonging(connection, [person]))


async def sweep(
    names: Names, kafka: KafkaSettings, publisher: Publisher, database: Database, *, until: datetime
) -> list[Swept]:
    """Delete what names them; only topics where anything does are told of.

    `until`: younger webhooks stay for now, so that they can be replayed. Raises TopicUnreadable, KafkaAway,
    NotPublished, DatabaseAway; then a part may be done.
    """
    if not names:
        return []
    raw = topics()[WEBHOOKS.topic]
    told = [await _webhooks(names, kafka, raw, until)]
    for consumer in raw.consumers:
        told.append(await _dead_letters(names, kafka, publisher, database, consumer))
    return [one for one in told if one is not None]


async def _webhooks(names: Names, kafka: KafkaSettings, raw: Topic, until: datetime) -> Swept | None:
    first: dict[int, int] = {}
    last: dict[int, int] = {}
    async for record in _records(kafka, raw.name):
        first.setdefault(record.partition, record.offset)
        if record.timestamp < until.timestamp() * 1000 and names.stand_in(record):
            last[record.partition] = record.offset
    if not last:
        return None
    handled = await handled_before(kafka, raw.name, raw.consumers, last)
    places, late = {}, set()
    for partition, offset in last.items():
        done, consumer = handled.get(partition, (offset + 1, ""))
        if done <= offset:
            late.add(consumer)
        places[partition] = max(min(done, offset + 1), first[partition])
    await delete_before(kafka, raw.name, places)
    deleted = sum(offset - first[partition] for partition, offset in places.items())
    return Swept(raw.name, deleted, waits_for=", ".join(sorted(late)) or None)


async def _dead_letters(
    names: Names, kafka: KafkaSettings, publisher: Publisher, database: Database, consumer: str
) -> Swept | None:
    topic = topics()[dead_letter_topic(consumer)]
    last = {one.partition: one.offset async for one in _records(kafka, topic.name) if _names(names, one, consumer)}
    if not last:
        return None
    async with database.own_connection("sellstream dlq privacy") as connection:
        if not await try_lock(connection, LOCK):
            return Swept(topic.name, 0, waits_for="whoever retries or discards dead letters just now")
        done = {
            place for place, one in (await decided(connection, kafka.topic(topic.name))).items() if one.completed_at
        }
        deleted = kept = 0
        async for record in _records(kafka, topic.name):
            if record.offset > last.get(record.partition, -1):
                continue
            if (record.partition, record.offset) in done or _names(names, record, consumer) or _is_old(record, topic):
                deleted += 1
            else:
                await publisher.send(topic.name, record.key, record.value or b"", list(record.headers), within=30)
                kept += 1
        await delete_before(kafka, topic.name, {partition: offset + 1 for partition, offset in last.items()})
    return Swept(topic.name, deleted, kept)


def _names(names: Names, record: Record, consumer: str) -> bool:
    """Whether a dead letter is one of a webhook, and names somebody. Facts that failed are sealed."""
    return DeadLetter.of(record, consumer).topic == WEBHOOKS.topic and names.stand_in(record)


def _is_old(record: Record, topic: Topic) -> bool:
    """Whether a dead letter has stood as long as its topic keeps one: it is not kept longer by being stored anew."""
    failed_at = DeadLetter.of(record, "").first_failed_at
    try:
        age = datetime.now(UTC) - datetime.fromisoformat(failed_at)
    except (ValueError, TypeError):  # none, or without an offset: not written by us
        return False
    return isinstance(topic.retention, timedelta) and age > topic.retention


def _records(kafka: KafkaSettings, topic: str) -> AsyncIterator[Record]:
    return read_tail(kafka, topic, since=_EVER, most_per_partition=_ALL)
