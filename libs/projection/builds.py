"""Builds: the copies of a read model's table, and the places they have. Moving one to another place is a swap."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import msgspec

from libs.bus.reader import Partition
from libs.db import checkpoints
from libs.db.pool import Connection, Record
from libs.projection.model import AnyReadModel
from libs.projection.table import Table


class Place(StrEnum):
    """What a build is for."""

    LIVE = "live"
    SHADOW = "shadow"
    RETIRED = "retired"
    CHECK = "check"
    AS_OF = "as_of"


SCHEMAS = {
    Place.LIVE: "read_models",
    Place.SHADOW: "rebuild",
    Place.RETIRED: "retired",
    Place.CHECK: "verification",
}
_PASSAGE = "passage"

_COLUMNS = "id, read_model, place, schema_name, version, fingerprint, target, created_at, placed_at"


@dataclass(frozen=True, slots=True)
class Build:
    """One copy. `target`: where a build of the past ends, for each partition its next offset."""

    id: int
    read_model: str
    place: Place
    schema: str
    version: int
    fingerprint: str
    target: dict[Partition, int] | None
    created_at: datetime
    placed_at: datetime


async def find(connection: Connection, name: str, schema: str) -> Build | None:
    """The build of a read model in a schema."""
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM projection.builds WHERE read_model = $1 AND schema_name = $2",  # noqa: S608
        name,
        schema,
    )
    return None if row is None else _build(row)


async def all_of(connection: Connection, name: str) -> list[Build]:
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM projection.builds WHERE read_model = $1 ORDER BY id",  # noqa: S608
        name,
    )
    return [_build(row) for row in rows]


async def create(
    connection: Connection,
    model: AnyReadModel,
    place: Place,
    partitions: Iterable[Partition],
    *,
    schema: str | None = None,
    target: dict[Partition, int] | None = None,
) -> Build:
    """Begin an empty build at offset 0: its table and its checkpoints. Whatever stood in the schema must be gone.

    Only the live table has its indexes from the beginning; the others are filled first (fill.py).
    """
    schema = schema or SCHEMAS[place]
    table = Table(model, schema)
    await (table.create(connection) if place is Place.LIVE else table.create_bare(connection))
    row = await connection.fetchrow(
        f"""
        INSERT INTO projection.builds (read_model, place, schema_name, version, fingerprint, target)
        VALUES ($1, $2, $3, $4, $5, $6) RETURNING {_COLUMNS}
        """,  # noqa: S608
        model.name,
        place.value,
        schema,
        model.version,
        model.fingerprint,
        None if target is None else _encode(target),
    )
    assert row is not None
    build = _build(row)
    await checkpoints.add(connection, build.id, place.value, partitions)
    return build


async def drop(connection: Connection, model: AnyReadModel, schema: str) -> None:
    """Remove a build with its table and checkpoints, as far as they are there."""
    await Table(model, schema).drop(connection)
    await connection.execute(
        "DELETE FROM projection.builds WHERE read_model = $1 AND schema_name = $2", model.name, schema
    )


async def promote(connection: Connection, model: AnyReadModel, live: Build, shadow: Build) -> None:
    """shadow → live → retired; what was retired is dropped. The caller holds the live checkpoints."""
    await drop(connection, model, SCHEMAS[Place.RETIRED])
    await _move(connection, live, Place.RETIRED)
    await _move(connection, shadow, Place.LIVE)


async def exchange(connection: Connection, live: Build, retired: Build) -> None:
    """live ↔ retired. The caller holds the live checkpoints."""
    await connection.execute(f"ALTER TABLE {live.schema}.{live.read_model} SET SCHEMA {_PASSAGE}")
    await _move(connection, retired, Place.LIVE)
    await connection.execute(f"ALTER TABLE {_PASSAGE}.{live.read_model} SET SCHEMA {SCHEMAS[Place.RETIRED]}")
    await _record_place(connection, live, Place.RETIRED)


async def _move(connection: Connection, build: Build, place: Place) -> None:
    schema = SCHEMAS[place]
    await connection.execute(f"ALTER TABLE {build.schema}.{build.read_model} SET SCHEMA {schema}")
    await _record_place(connection, build, place)


async def _record_place(connection: Connection, build: Build, place: Place) -> None:
    # The checkpoints' `place` follows (ON UPDATE CASCADE): that is what stops a projector that still writes to it.
    await connection.execute(
        "UPDATE projection.builds SET place = $2, schema_name = $3, placed_at = now() WHERE id = $1",
        build.id,
        place.value,
        SCHEMAS[place],
    )


def _encode(target: dict[Partition, int]) -> str:
    nested: dict[str, dict[str, int]] = {}
    for (topic, number), offset in sorted(target.items()):
        nested.setdefault(topic, {})[str(number)] = offset
    return msgspec.json.encode(nested).decode()


def _build(row: Record) -> Build:
    target = None
    if row["target"] is not None:
        nested = msgspec.json.decode(row["target"], type=dict[str, dict[str, int]])
        target = {Partition(topic, int(n)): offset for topic, ends in nested.items() for n, offset in ends.items()}
    return Build(
        row["id"],
        row["read_model"],
        Place(row["place"]),
        row["schema_name"],
        row["version"],
        row["fingerprint"],
        target,
        row["created_at"],
        row["placed_at"],
    )
