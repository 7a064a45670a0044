"""Where every read model stands: its copies, its checkpoints, and how far the log is ahead of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from libs.bus.reader import KafkaAway, Partition, extents, partitions_of
from libs.bus.settings import KafkaSettings
from libs.db import checkpoints
from libs.db.pool import Connection, Database
from libs.projection.builds import Build, Place, all_of
from libs.projection.model import AnyReadModel
from libs.projection.table import Table


@dataclass(frozen=True)
class PartitionStatus:
    """One partition of the live build. `log_end` is None when Kafka does not answer."""

    topic: str
    partition: int
    next_offset: int
    log_end: int | None
    lag: int | None
    records: int
    skipped: int
    last_applied_at: datetime | None


@dataclass(frozen=True)
class BuildStatus:
    """One copy. `read`: the records that it has read."""

    place: Place
    schema: str
    version: int
    rows: int | None
    read: int
    skipped: int
    created_at: datetime
    placed_at: datetime


@dataclass(frozen=True)
class ModelStatus:
    """One read model; `version` is this program's. `builds` in the order in which they were begun."""

    name: str
    version: int
    partitions: tuple[PartitionStatus, ...]
    builds: tuple[BuildStatus, ...]

    def build(self, place: Place) -> BuildStatus | None:
        return next((build for build in self.builds if build.place == place), None)

    @property
    def lag(self) -> int | None:
        """Records of the log that are not applied yet; None when Kafka does not answer."""
        lags = [one.lag for one in self.partitions]
        return None if None in lags else sum(lag for lag in lags if lag is not None)


async def status(models: Iterable[AnyReadModel], kafka: KafkaSettings, database: Database) -> list[ModelStatus]:
    """Look at everything; changes nothing. Raises DatabaseAway; Kafka's absence only leaves the ends out."""
    models = list(models)
    ends = await _ends(models, kafka)
    async with database.connection() as connection:
        return [await _status(connection, model, ends) for model in models]


async def _ends(models: list[AnyReadModel], kafka: KafkaSettings) -> dict[Partition, int] | None:
    try:
        partitions = await partitions_of(kafka, sorted({topic for model in models for topic in model.topics}))
        return {one: extent.end for one, extent in (await extents(kafka, partitions)).items()}
    except KafkaAway:
        return None


async def _status(connection: Connection, model: AnyReadModel, ends: dict[Partition, int] | None) -> ModelStatus:
    partitions: list[PartitionStatus] = []
    builds = []
    found = await all_of(connection, model.name)
    for build in found:
        stored = await checkpoints.load(connection, build.id)
        builds.append(await _build_status(connection, model, build, list(stored.values())))
        if build.place is Place.LIVE:
            partitions = _partitions(stored, model, ends)
    return ModelStatus(model.name, model.version, tuple(partitions), tuple(builds))


async def _build_status(
    connection: Connection, model: AnyReadModel, build: Build, stored: list[checkpoints.Checkpoint]
) -> BuildStatus:
    table = Table(model, build.schema)
    return BuildStatus(
        place=build.place,
        schema=build.schema,
        version=build.version,
        rows=await table.count(connection) if await table.exists(connection) else None,
        read=sum(one.records for one in stored),
        skipped=sum(one.skipped for one in stored),
        created_at=build.created_at,
        placed_at=build.placed_at,
    )


def _partitions(
    stored: dict[tuple[str, int], checkpoints.Checkpoint], model: AnyReadModel, ends: dict[Partition, int] | None
) -> list[PartitionStatus]:
    """Of the live build: also partitions that it has not begun."""
    of_model = {one for one in ends or {} if one.topic in model.topics}
    rows = []
    for one in sorted({Partition(*key) for key in stored} | of_model):
        checkpoint = stored.get(one, checkpoints.Checkpoint(0, 0, 0, None))
        end = ends.get(one) if ends is not None else None
        lag = None if end is None else max(0, end - checkpoint.next_offset)
        rows.append(
            PartitionStatus(
                one.topic,
                one.number,
                checkpoint.next_offset,
                end,
                lag,
                checkpoint.records,
                checkpoint.skipped,
                checkpoint.moved_at,
            )
        )
    return rows
