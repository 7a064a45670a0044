"""The read models of the catalog's entities: table, row and fold, each derived from the entity's declaration.

A row holds the fact's fields under their own names. The number is the key; a deleted entity is a row with `deleted`,
because a row that goes away could come back with an old fact.
"""

import hashlib
import typing
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache, cached_property
from pathlib import Path
from types import NoneType
from typing import Annotated, Any

import msgspec

from libs.projection.model import Position, ReadModel, Row
from libs.read_models.commanded import is_later
from libs.read_models.history import int8, row_columns
from schemas.entities import BY_FACT
from schemas.entity import Entity, EntityFact

_SQL: dict[Any, str] = {
    str: "text",
    int: "bigint",
    bool: "boolean",
    Decimal: "numeric",
    datetime: "timestamptz",
    date: "date",
    dict[str, Any]: "jsonb",
}
_OF_EVERY_ROW = """\
    deleted       boolean     NOT NULL,
    updated_at    timestamptz NOT NULL,
    event_id      text        NOT NULL,
    correlation_id text,
    log_topic     text        NOT NULL,
    log_partition integer     NOT NULL,
    log_offset    bigint      NOT NULL
);
"""


@dataclass(frozen=True)
class Column:
    """A column of an entity's table: its Python type and whether it may be null."""

    name: str
    type: Any
    nullable: bool

    @property
    def sql(self) -> str:
        return _SQL[self.type]

    @property
    def hint(self) -> Any:
        return self.type | None if self.nullable else self.type

    def indexed(self) -> str:
        """What an index holds of it: a text may be longer than an index entry."""
        return f"md5({self.name})" if self.type is str else self.name


@cache
def columns(entity: Entity) -> dict[str, Column]:
    """The columns that an entity's fields become, by name."""
    names = (entity.id_field, *entity.fields)
    return {name: Column(name, *_plain(entity.fact.model_fields[name].annotation)) for name in names}


class EntityReadModel(ReadModel[Any, Any]):
    """A read model without files of its own."""

    @property
    def entity(self) -> Entity:
        return BY_FACT[self.fact]

    @cached_property
    def table_sql(self) -> str:
        return _table_sql(self.entity)

    @cached_property
    def fingerprint(self) -> str:
        return hashlib.sha256(self.table_sql.encode() + b"\0" + Path(__file__).read_bytes()).hexdigest()[:16]


class EntityRow(Row, frozen=True, kw_only=True, gc=False):
    """What every entity's row has besides the entity's own columns."""

    deleted: bool


@dataclass(frozen=True)
class Latest:
    """The fold: the row is the newest valid fact's own state. Numbers beyond bigint are refused."""

    names: tuple[str, ...]
    row: type[EntityRow]

    def __call__(self, row: EntityRow | None, fact: EntityFact, position: Position) -> EntityRow | None:
        """The row after a fact."""
        if not is_later(row, fact, position):
            return row
        values = {name: _stored(getattr(fact, name), name) for name in self.names}
        return self.row(*row_columns(fact, position), **values, deleted=fact.deleted)


@cache
def read_model(entity: Entity) -> EntityReadModel:
    """The read model of an entity; the same one for everybody."""
    fields = [(column.name, column.hint) for column in columns(entity).values()]
    row = msgspec.defstruct(
        f"{entity.fact.__name__.removesuffix('ChangedV1')}Row",
        fields,
        bases=(EntityRow,),
        module=__name__,
        frozen=True,
        kw_only=True,
        gc=False,
    )
    assert issubclass(row, EntityRow)
    return EntityReadModel(entity.topic, 1, entity.fact, row, Latest(tuple(columns(entity)), row))


def fact_of(entity: Entity, row: EntityRow, **changes: Any) -> EntityFact:
    """The state that a row holds, with changes, as a fact; raises pydantic.ValidationError."""
    state = {name: getattr(row, name) for name in (*columns(entity), "deleted", "updated_at")}
    return entity.fact.model_validate(state | changes)


def _table_sql(entity: Entity) -> str:
    known = columns(entity)
    name = f"{{schema}}.{entity.topic}"
    lines = [f"    {one.name} {one.sql}{'' if one.nullable else ' NOT NULL'}," for one in known.values()]
    table = f"CREATE TABLE {name} (\n    key text NOT NULL,\n" + "\n".join(lines) + "\n" + _OF_EVERY_ROW
    indexed = {", ".join(known[field].indexed() for field in fields): None for fields in entity.unique}
    indexed |= {reference.field: None for reference in entity.references}
    indexes = [f"CREATE INDEX {entity.topic}_by_{number} ON {name} ({what});" for number, what in enumerate(indexed, 1)]
    newest = f"CREATE INDEX {entity.topic}_newest ON {name} (updated_at DESC, key DESC);"
    return table + "\n".join([f"ALTER TABLE {name} ADD PRIMARY KEY (key);", newest, *indexes]) + "\n"


def _plain(annotation: Any) -> tuple[Any, bool]:
    """A field's type without constraints, an enum as text; and whether it may be null."""
    if typing.get_origin(annotation) is Annotated:
        return _plain(typing.get_args(annotation)[0])
    arguments = typing.get_args(annotation)
    if NoneType in arguments:
        (inner,) = (one for one in arguments if one is not NoneType)
        return _plain(inner)[0], True
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return str, False
    return annotation, False


def _stored(value: Any, name: str) -> Any:
    if isinstance(value, StrEnum):
        return str(value)
    return int8(value, name) if isinstance(value, int) and not isinstance(value, bool) else value
