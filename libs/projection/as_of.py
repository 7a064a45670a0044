"""A read model as it was at a moment: built from the log into a schema of its own, beside everything else."""

from dataclasses import dataclass
from datetime import datetime

from libs.bus.reader import Partition, extents, offsets_at, partitions_of
from libs.bus.settings import KafkaSettings
from libs.db.pool import Database
from libs.projection.builds import Build, Place, create, drop, find
from libs.projection.catch_up import Source, catch_up, positions
from libs.projection.digest import Digest, digest
from libs.projection.fill import fill
from libs.projection.lease import lease
from libs.projection.model import AnyReadModel
from libs.projection.moment import Moment, NoMoment, schema_for
from libs.projection.progress import Progress
from libs.projection.table import Table


@dataclass(frozen=True)
class AsOf:
    """The state at a moment, in `build.schema`; `build.target` are the offsets that it stands for."""

    build: Build
    digest: Digest
    resumed: bool


async def build_as_of(
    model: AnyReadModel,
    moment: Moment,
    kafka: KafkaSettings,
    database: Database,
    progress: Progress,
    *,
    restart: bool = False,
    source: Source | None = None,
) -> AsOf:
    """Build the state of all records before a moment. Killed anywhere, the same call goes on from there.

    A time means: of each partition, everything before its first record that Kafka has stamped with that time or a later
    one. Raises NoMoment when offsets are given but not for every partition, or beyond the log's end.
    """
    schema, source = schema_for(model.name, moment), source or Source(kafka)
    async with lease(database, model.name, "as-of"):
        async with database.transaction() as connection:
            build = await find(connection, model.name, schema)
            exists = await Table(model, schema).exists(connection)
            same = build is not None and build.fingerprint == model.fingerprint and exists
        resumed = same and not restart
        if build is None or not resumed:
            target = await _target(model, moment, kafka)
            async with database.transaction() as connection:
                await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
                await drop(connection, model, schema)
                build = await create(connection, model, Place.AS_OF, target, schema=schema, target=target)
        assert build.target is not None
        async with database.connection() as connection:
            begin = await positions(connection, build)
        progress.step(f"building {schema}.{model.name}", sum(build.target[one] - begin[one] for one in build.target))
        await fill(model, build, source, database, build.target, progress)
        await catch_up(model, build, source, database.transaction, build.target, progress)
        progress.step("computing the digest")
        async with database.transaction(isolation="repeatable_read", readonly=True) as connection:
            found = await digest(connection, Table(model, schema).name, model.columns)
        return AsOf(build, found, resumed)


async def _target(model: AnyReadModel, moment: Moment, kafka: KafkaSettings) -> dict[Partition, int]:
    partitions = await partitions_of(kafka, model.topics)
    if isinstance(moment, datetime):
        return await offsets_at(kafka, partitions, moment)
    if missing := partitions - moment.keys():
        raise NoMoment(f"no offset is given for {', '.join(map(str, sorted(missing)))}: every partition needs one")
    if unknown := moment.keys() - partitions:
        raise NoMoment(f"{model.name} is not made of {', '.join(map(str, sorted(unknown)))}")
    known = await extents(kafka, partitions)
    if beyond := [one for one, offset in sorted(moment.items()) if offset > known[one].end]:
        ends = ", ".join(f"{one} at {known[one].end}" for one in beyond)
        raise NoMoment(f"these offsets lie beyond the log, which ends: {ends}")
    return dict(moment)
