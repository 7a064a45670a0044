"""The live build: found, made when there is none yet, and refused when it is of another form than this program's."""

from libs.bus.reader import Partition
from libs.db import checkpoints
from libs.db.locks import lock_in_transaction
from libs.db.pool import Connection, Database
from libs.projection.builds import SCHEMAS, Build, Place, create, drop, find
from libs.projection.model import AnyReadModel
from libs.projection.table import Table
from libs.telemetry.log import get_logger

log = get_logger()


class OtherVersion(Exception):
    """The live table is of another version than this program's; nothing is applied until a rebuild has swapped it."""


async def open_live(
    database: Database, model: AnyReadModel, partitions: set[Partition]
) -> tuple[Build, dict[Partition, int]]:
    """The live build and its checkpoints of these partitions, for who writes to it; raises OtherVersion."""
    async with database.transaction() as connection:
        build = await _find_or_create(connection, model)
        await _refuse_other_form(connection, model, build)
        await checkpoints.add(connection, build.id, build.place.value, partitions)
        stored = await checkpoints.load(connection, build.id)
    return build, {Partition(*one): found.next_offset for one, found in stored.items() if one in partitions}


async def find_or_create_live(database: Database, model: AnyReadModel) -> Build:
    """The live build, whatever its version."""
    async with database.transaction() as connection:
        return await _find_or_create(connection, model)


async def is_live(database: Database, model: AnyReadModel, build: Build) -> bool:
    """Whether a build is still the live one, and has its table."""
    async with database.connection() as connection:
        found = await connection.fetchval(
            "SELECT true FROM projection.builds WHERE id = $1 AND place = 'live' AND to_regclass($2) IS NOT NULL",
            build.id,
            Table(model, build.schema).name,
        )
        return found is not None


async def lock_live(connection: Connection, model: AnyReadModel) -> None:
    """Until the end of the transaction nobody else makes or swaps the live build."""
    await lock_in_transaction(connection, f"live build {model.name}")


async def _find_or_create(connection: Connection, model: AnyReadModel) -> Build:
    """Safe when several replicas start at once.

    Read models are disposable: a live table that somebody has dropped is made again, and filled from the beginning.
    """
    await lock_live(connection, model)
    build = await find(connection, model.name, SCHEMAS[Place.LIVE])
    if build is not None and not await Table(model, build.schema).exists(connection):
        log.warning("the live table is gone; it is filled again from the log", read_model=model.name)
        await drop(connection, model, build.schema)
        build = None
    return build or await create(connection, model, Place.LIVE, ())


async def _refuse_other_form(connection: Connection, model: AnyReadModel, build: Build) -> None:
    if build.version != model.version:
        older = build.version < model.version
        raise OtherVersion(
            f"the live table of {model.name} has version {build.version}, this program has version {model.version}. "
            + (
                f"Run `sellstream read-models rebuild {model.name}`: it builds the new version and swaps it in."
                if older
                else "This program is older than the one that built it: update it, or go back with "
                f"`sellstream read-models rollback {model.name}`."
            )
        )
    missing = set(model.columns) - await Table(model, build.schema).columns(connection)
    if missing:
        raise OtherVersion(
            f"the live table of {model.name} has version {build.version} as this program, but not its columns "
            f"{', '.join(sorted(missing))}: table.sql was changed without a new version. "
            f"Raise the version in project.py and run `sellstream read-models rebuild {model.name}`."
        )
