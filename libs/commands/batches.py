"""Batches: the facts of one command are all in the log, or none of them is.

Kafka acknowledges each record by itself, so a process can die between two of them. What a command with several facts
is about to publish is therefore committed first (`commands.batches`), beside its transaction, and deleted in it.

| what is found                         | what it means, and what is done                                          |
|---------------------------------------|--------------------------------------------------------------------------|
| partitions locked, no batch of theirs | nothing is unfinished: go on                                             |
| partitions locked, a batch of theirs  | its command's transaction is gone: what is missing in the log is         |
|                                       | published, the rows are written, the batch is deleted; then go on        |
| a batch that nobody comes across      | every `Commands` looks now and then, and finishes it                     |

Nobody else can have decided about these entities meanwhile: he would have had to finish the batch first. A process
that has lost its lock without knowing may still publish; its copies are void (libs/read_models/commanded.py).
"""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from libs.bus.message import Message
from libs.bus.publisher import Publisher
from libs.bus.reader import Partition
from libs.bus.settings import KafkaSettings
from libs.commands.command import Command, Recorded
from libs.commands.history import in_effect, meant
from libs.commands.live_builds import LiveBuilds
from libs.commands.locked import Locked
from libs.commands.publishing import Ready, apply, publish
from libs.commands.requests import Meant
from libs.db.pool import Connection, Database
from libs.projection.model import AnyReadModel
from libs.telemetry.log import get_logger
from schemas.envelope import Envelope
from schemas.registry import read_fact

log = get_logger()

OLD = timedelta(seconds=5)
"""A batch that is older has probably lost its command."""

_MOST_AT_ONCE = 100


class Batches:
    """The batches of one database. `aside` is a pool of its own: what is meant is committed beside a transaction."""

    def __init__(
        self,
        aside: Database,
        kafka: KafkaSettings,
        publisher: Publisher,
        builds: LiveBuilds,
        models: Mapping[str, AnyReadModel],
    ) -> None:
        self._aside = aside
        self._kafka = kafka
        self._publisher = publisher
        self._builds = builds
        self._models = models

    async def open(self, ready: Sequence[Ready], command: Command) -> UUID:
        """Commit what is about to be published; its number."""
        number = uuid4()
        records = [
            asdict(told) | {"value": _text(one.message.value), "headers": _headers(one.message)}
            for one, told in zip(ready, meant(ready, command), strict=True)
        ]
        async with self._aside.connection() as connection:
            await connection.execute(
                "INSERT INTO commands.batches (id, partitions, records) VALUES ($1, $2, $3)",
                number,
                sorted({str(one.partition) for one in ready}),
                json.dumps(records),
            )
        return number

    async def close(self, connection: Connection, number: UUID) -> None:
        """The rows are written: in their transaction."""
        await connection.execute("DELETE FROM commands.batches WHERE id = $1", number)

    async def old(self) -> list[UUID]:
        """Batches that may be nobody's."""
        async with self._aside.connection() as connection:
            rows = await connection.fetch(
                "SELECT id FROM commands.batches WHERE created_at < now() - $1::interval ORDER BY created_at LIMIT $2",
                OLD,
                _MOST_AT_ONCE,
            )
        return [row["id"] for row in rows]

    async def finish(self, connection: Connection, number: UUID) -> None:
        """Publish what is missing of a batch, and write its rows; nothing, if its command has come to its end.

        Raises what commands raise: ReadModelBehind, BatchOpen (another batch of these partitions), NotPublished, …
        """
        records = await self._records(connection, number)
        if not records:
            return
        facts = [Meant(**{name: one[name] for name in Meant.__dataclass_fields__}) for one in records]
        locked = Locked(connection, self._builds, self._publisher, finishing=number)
        for name in sorted({fact.model for fact in facts}):
            await locked.rows(self._models[name], {fact.key for fact in facts if fact.model == name})
        if not await self._records(connection, number):
            return  # its command held the locks until now, and has committed
        there = await in_effect(facts, Command(connection, locked), self._models, self._kafka)
        missing = [self._ready(one) for one in records if one["event_id"] not in there]
        log.warning(
            "a command was cut off in the middle; its batch is finished", facts=len(facts), missing=len(missing)
        )
        offsets = await publish(missing, self._publisher)
        await apply(connection, missing, offsets, locked)
        await self.close(connection, number)

    async def _records(self, connection: Connection, number: UUID) -> list[dict[str, Any]]:
        text = await connection.fetchval("SELECT records FROM commands.batches WHERE id = $1", number)
        return [] if text is None else json.loads(text)

    def _ready(self, record: Mapping[str, Any]) -> Ready:
        headers = [(name, base64.b64decode(value)) for name, value in record["headers"]]
        value = base64.b64decode(record["value"])
        envelope = Envelope.of(headers)
        told = Message(record["topic"], record["key"].encode(), value, headers, envelope)
        recorded = Recorded(self._models[record["model"]], read_fact(envelope, value), record["key"])
        return Ready(recorded, Partition(record["topic"], record["partition"]), told)


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _headers(message: Message) -> list[tuple[str, str]]:
    return [(name, _text(value)) for name, value in message.headers]
