"""Rows of an entity by the values of their fields, through the indexes that its table has."""

from typing import Any

from libs.db.pool import Connection
from libs.read_models.entities import columns, read_model
from libs.read_models.reads import SCHEMA
from schemas.entity import Entity


async def rows(connection: Connection, entity: Entity, /, *, gone: bool = False, **values: Any) -> list[Any]:
    """The live rows (EntityRow with the entity's columns), in the order of their numbers; `gone`: deleted ones, too.

    A list stands for any of its members. In a command the read model is to be locked first (`Command.whole`).
    """
    known, model = columns(entity), read_model(entity)
    conditions, arguments = ["true" if gone else "NOT deleted"], list[Any]()
    for name, value in values.items():
        arguments.append(value)
        conditions += _conditions(known[name].indexed(), name, len(arguments), isinstance(value, list))
    found = await connection.fetch(
        f"SELECT {', '.join(model.columns)} FROM {SCHEMA}.{model.name} WHERE {' AND '.join(conditions)} "  # noqa: S608  (declared names)
        f"ORDER BY {entity.id_field}",
        *arguments,
    )
    return [model.row_of(one) for one in found]


def _conditions(indexed: str, name: str, place: int, many: bool) -> list[str]:
    given = f"ANY (${place})" if many else f"${place}"
    exact = f"{name} = {given}"
    if indexed == name:
        return [exact]
    hashed = f"ANY (ARRAY(SELECT md5(one) FROM unnest(${place}::text[]) AS one))" if many else f"md5(${place})"  # noqa: S608  (a place, not a value)
    return [f"{indexed} = {hashed}", exact]
