"""How read models are read: one row by its key, a few by a column, or page by page, newest first."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, NamedTuple

from libs.db.pool import Connection
from libs.projection.model import F, R, ReadModel

SCHEMA = "read_models"
MOST_ROWS = 1_000


class Cursor(NamedTuple):
    """The last row of a page: the next page begins behind it."""

    updated_at: datetime
    key: str


@dataclass(frozen=True, slots=True)
class Page(Generic[R]):
    """Rows, newest change first; `after` leads to the next page, None from the last one."""

    rows: list[R]
    after: Cursor | None


async def one(connection: Connection, model: ReadModel[R, F], key: str) -> R | None:
    """The row of one entity."""
    rows = await where(connection, model, {"key": key})
    return rows[0] if rows else None


async def where(connection: Connection, model: ReadModel[R, F], columns: Mapping[str, Any]) -> list[R]:
    """The rows with these values, newest change first, at most MOST_ROWS."""
    return (await page(connection, model, columns, limit=MOST_ROWS)).rows


async def page(
    connection: Connection,
    model: ReadModel[R, F],
    columns: Mapping[str, Any],
    *,
    after: Cursor | None = None,
    limit: int = 50,
) -> Page[R]:
    """A page of the rows with these values; a value of None does not narrow. Column names come from our own code."""
    wanted = {name: value for name, value in columns.items() if value is not None}
    if unknown := wanted.keys() - set(model.columns):
        raise ValueError(f"{model.name} has no column {', '.join(sorted(unknown))}")
    arguments = list(wanted.values())
    conditions = [f"{name} = ${number}" for number, name in enumerate(wanted, 1)]
    if after is not None:
        conditions.append(f"(updated_at, key) < (${len(arguments) + 1}, ${len(arguments) + 2})")
        arguments += after
    limit = max(1, min(limit, MOST_ROWS))
    records = await connection.fetch(
        f"SELECT {', '.join(model.columns)} FROM {SCHEMA}.{model.name} "  # noqa: S608  (names of our own declarations)
        f"WHERE {' AND '.join(conditions) or 'true'} ORDER BY updated_at DESC, key DESC LIMIT {limit + 1}",
        *arguments,
    )
    rows = [model.row_of(record) for record in records[:limit]]
    return Page(rows, Cursor(rows[-1].updated_at, rows[-1].key) if len(records) > limit else None)
