"""The rows that a command has locked: whole partitions of the log, by their checkpoints.

A checkpoint's lock keeps away the projector, a swap, and other commands of the same partition. Under it the log's end
is compared with what the live table is known to hold: a fact in between (its command's commit was lost, or the table
is still being filled) must be applied by the projector before anything can be decided.
"""

from collections import defaultdict
from collections.abc import Collection
from typing import Any
from uuid import UUID

from libs.bus.log_end import log_ends
from libs.bus.partitioner import partition_of
from libs.bus.publisher import Publisher
from libs.bus.reader import Partition
from libs.commands.errors import BatchOpen, ReadModelBehind
from libs.commands.live_builds import LiveBuilds
from libs.db import checkpoints
from libs.db.pool import Connection
from libs.projection.builds import Build
from libs.projection.model import AnyReadModel, F, R, ReadModel
from libs.projection.table import Table
from schemas.registry import BY_MODEL
from schemas.topics import topics


class Locked:
    """What one transaction has locked, by read model. `finishing`: the batch that it finishes, if any."""

    def __init__(
        self, connection: Connection, builds: LiveBuilds, publisher: Publisher, *, finishing: UUID | None = None
    ) -> None:
        self._connection = connection
        self._builds = builds
        self._publisher = publisher
        self._finishing = finishing
        self._rows: dict[str, dict[str, Any]] = defaultdict(dict)
        self._ends: dict[str, dict[Partition, int]] = defaultdict(dict)

    async def rows(self, model: ReadModel[R, F], keys: Collection[str]) -> dict[str, R]:
        """Lock the partitions of these keys and read their rows.

        Raises BatchOpen, ReadModelBehind, CheckpointMoved, KafkaAway.
        """
        held = self._rows[model.name]
        build = await self._hold(model, {self.partition(model, key) for key in keys})
        if missing := set(keys) - held.keys():
            stored = await Table(model, build.schema).rows(self._connection, missing)
            held.update({key: stored.get(key) for key in missing})
        return {key: held[key] for key in keys if held[key] is not None}

    async def whole(self, model: AnyReadModel) -> str:
        """Lock all partitions; return the live table's qualified name. Raises as `rows` does."""
        every = {Partition(name, number) for name in model.topics for number in range(topics()[name].partitions)}
        return Table(model, (await self._hold(model, every)).schema).name

    async def _hold(self, model: AnyReadModel, partitions: set[Partition]) -> Build:
        ends = self._ends[model.name]
        build = await self.build(model)
        fresh = partitions - ends.keys()
        if fresh:
            known = await checkpoints.hold_some(self._connection, build.id, build.place.value, fresh)
            await self._require_finished(fresh)
            found = await log_ends(self._publisher, fresh)
            for one, end in sorted(found.items()):
                if end > known[one]:
                    raise ReadModelBehind(
                        f"{model.name} holds {one} up to offset {known[one]}, and the log ends at {end}: the "
                        "projector has to apply what is between. Try again; if this stays, look at "
                        "`sellstream read-models status`"
                    )
            ends.update(found)
        return build

    async def _require_finished(self, partitions: Collection[Partition]) -> None:
        """Raise BatchOpen if a batch of these partitions is there: under the lock its command cannot be alive."""
        number = await self._connection.fetchval(
            "SELECT id FROM commands.batches WHERE partitions && $1::text[] AND id IS DISTINCT FROM $2 LIMIT 1",
            [str(one) for one in partitions],
            self._finishing,
        )
        if number is not None:
            raise BatchOpen(number)

    async def build(self, model: AnyReadModel) -> Build:
        """The live build; raises OtherVersion."""
        return await self._builds.live(model)

    def holds(self, model: AnyReadModel, key: str) -> bool:
        return key in self._rows[model.name]

    def row(self, model: ReadModel[R, F], key: str) -> R | None:
        """The row of a key that is held."""
        row: R | None = self._rows[model.name][key]
        return row

    def end(self, model: AnyReadModel, partition: Partition) -> int:
        """Where a held partition of the log ended when it was locked."""
        return self._ends[model.name][partition]

    def partitions(self, model: AnyReadModel) -> set[Partition]:
        """What is held of a read model."""
        return set(self._ends[model.name])

    def partition(self, model: AnyReadModel, key: str) -> Partition:
        """Where a key's facts are."""
        topic = BY_MODEL[model.fact].family.topic
        return Partition(topic, partition_of(key.encode(), topics()[topic].partitions))
