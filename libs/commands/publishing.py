"""Publishing what a command has decided, and applying it to the live tables with the projector's own code."""

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID, uuid5

from libs.bus.message import Message, Outgoing, message
from libs.bus.publisher import MAX_MESSAGE_BYTES, NotPublished, Publisher
from libs.bus.reader import Partition
from libs.commands.command import Recorded
from libs.commands.errors import FactRefused, Overtaken
from libs.commands.locked import Locked
from libs.db import checkpoints
from libs.db.pool import Connection
from libs.projection.engine import write
from libs.projection.fold import fold
from libs.projection.model import AnyReadModel
from libs.projection.record import Located, locate
from libs.telemetry.trace import trace_headers
from schemas.envelope import Envelope, Header

CONSUMER = "projector"
"""Whose reading of the log a command anticipates."""

MOST_BYTES = MAX_MESSAGE_BYTES - 64 * 1024
"""Of a record's value; the rest is for key and headers."""

PUBLISH_SECONDS = 10.0
"""How long the rows may be held locked while Kafka does not acknowledge."""


@dataclass(frozen=True)
class Ready:
    """A fact in its envelope, before it is published."""

    recorded: Recorded
    partition: Partition
    message: Message

    def located(self, offset: int) -> Located:
        """The fact as the projector will read it; raises FactRefused."""
        record = _Written(self.partition.topic, self.partition.number, offset, self.message)
        found = locate(record, self.partition.topic, CONSUMER, self.recorded.model.quick)
        if not isinstance(found, Located):
            raise FactRefused(f"{self.message.envelope.type}: {getattr(found, 'error', 'it is for somebody else')}")
        return found


@dataclass(frozen=True)
class _Written:
    """A record of ours (a libs.bus.message.Record)."""

    topic: str
    partition: int
    offset: int
    message: Message
    timestamp: int = 0

    @property
    def key(self) -> bytes:
        return self.message.key

    @property
    def value(self) -> bytes:
        return self.message.value

    @property
    def headers(self) -> Sequence[Header]:
        return self.message.headers


async def prepare(
    recorded: Collection[Recorded],
    publisher: Publisher,
    locked: Locked,
    identity: UUID,
    source: str,
    cause: Envelope | None,
    now: datetime,
) -> list[Ready]:
    """Seal facts, put them into envelopes, and try them on the rows, so that none is published that cannot be applied.

    An id follows from the request's identity and the sealed fact: who decides the same again publishes the same event.
    Raises FactRefused, and NotPublished where a person's key cannot be had: nothing was published then.
    """
    ready = []
    for number, plain in enumerate(recorded):
        if plain.fact.person() is not None and not publisher.seals:
            raise FactRefused(f"{type(plain.fact).__name__} {plain.key}: give the publisher what seals a person's data")
        one = replace(plain, fact=await publisher.sealed(plain.fact))
        content = hashlib.sha256(one.fact.encode()).hexdigest()
        outgoing = Outgoing(one.fact, id=str(uuid5(identity, f"{number} {one.key} {content}")), time=now)
        told = message(outgoing, source=source, cause=cause, trace=trace_headers())
        if len(told.value) > MOST_BYTES:
            raise FactRefused(
                f"{told.envelope.type} {one.key}: {len(told.value)} bytes, and {MOST_BYTES} is the most that a record "
                "may have: split it up"
            )
        ready.append(Ready(one, locked.partition(one.model, one.key), told))
    for model, group in _by_model(ready).items():
        before = {key: row for one in group if (row := locked.row(model, key := one.recorded.key)) is not None}
        trial = [one.located(locked.end(model, one.partition) + number) for number, one in enumerate(group)]
        for _, refused in fold(model, before, trial).refused:
            raise FactRefused(f"{model.name}: {refused}")
    return ready


async def publish(ready: Sequence[Ready], publisher: Publisher) -> dict[int, int]:
    """Publish; return the offset of each by its number.

    Raises NotPublished if any of them is not acknowledged; the others may be in the log.
    """

    async def send(one: Ready) -> int:
        told = one.message
        sent = await publisher.send(told.topic, told.key, told.value, told.headers, within=PUBLISH_SECONDS)
        if sent.partition != one.partition.number:
            raise NotPublished(
                f"{told.topic}: a record went to partition {sent.partition} instead of {one.partition.number}: the "
                "topic has not as many partitions as topic.yaml declares. Run `sellstream topics apply`"
            )
        offset: int = sent.offset
        return offset

    results = await asyncio.gather(*map(send, ready), return_exceptions=True)
    offsets: dict[int, int] = {}
    for number, result in enumerate(results):
        if isinstance(result, BaseException):
            raise result
        offsets[number] = result
    return offsets


async def apply(connection: Connection, ready: Sequence[Ready], offsets: dict[int, int], locked: Locked) -> None:
    """Write the rows, and note in the checkpoints how far they are ahead of the projector. Raises Overtaken."""
    located = {id(one): one.located(offsets[number]) for number, one in enumerate(ready)}
    for model, group in _by_model(ready).items():
        build = await locked.build(model)
        facts = sorted((located[id(one)] for one in group), key=lambda fact: fact.position.offset)
        written: dict[Partition, int] = {}
        for partition in {one.partition for one in group}:
            ours = [fact.position.offset for fact in facts if fact.position.partition == partition.number]
            begin = locked.end(model, partition)
            if ours != list(range(begin, begin + len(ours))):
                raise Overtaken(f"{partition}: published at {ours}, and the log ended at {begin} when it was locked")
            written[partition] = begin + len(ours)
        await write(connection, model, build, facts)
        await checkpoints.note_written(connection, build.id, written)


def _by_model(ready: Sequence[Ready]) -> dict[AnyReadModel, list[Ready]]:
    groups: dict[str, list[Ready]] = defaultdict(list)
    for one in ready:
        groups[one.recorded.model.name].append(one)
    return {group[0].recorded.model: group for group in groups.values()}
