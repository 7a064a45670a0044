"""Which rows of two tables differ: added, removed and changed, with the first few named."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from libs.db.pool import Connection, Record
from libs.projection.digest import BUCKET, form_hash, row_form

NAMED = 10
_PREFETCH = 1_000


@dataclass(frozen=True, slots=True)
class Difference:
    """One row; `columns` are those that differ, for a row that is in both."""

    kind: Literal["added", "removed", "changed"]
    key: str
    columns: tuple[str, ...] = ()


@dataclass(slots=True)
class Diff:
    """What a swap would do to the live table's rows. `named`: the first few, in the order of their keys."""

    added: int = 0
    removed: int = 0
    changed: int = 0
    named: list[Difference] = field(default_factory=list)

    @property
    def total(self) -> int:
        return self.added + self.removed + self.changed


async def compare(
    live: Connection,
    live_table: str,
    rebuilt: Connection,
    rebuilt_table: str,
    columns: Sequence[str],
    buckets: Sequence[int],
) -> Diff:
    """Compare two tables in the buckets whose digests differ. Both connections are in a transaction of their own.

    Reads keys and hashes side by side in the order of the keys: the memory does not grow with the tables.
    """
    diff = Diff()
    left, right = _hashes(live, live_table, columns, buckets), _hashes(rebuilt, rebuilt_table, columns, buckets)
    a, b = await anext(left, None), await anext(right, None)
    while a is not None or b is not None:
        if b is None or (a is not None and a["key"] < b["key"]):
            assert a is not None
            diff.removed += 1
            _name(diff, Difference("removed", a["key"]))
            a = await anext(left, None)
        elif a is None or b["key"] < a["key"]:
            diff.added += 1
            _name(diff, Difference("added", b["key"]))
            b = await anext(right, None)
        else:
            if a["hash"] != b["hash"]:
                diff.changed += 1
                if len(diff.named) < NAMED:
                    found = await _differing(live, live_table, rebuilt, rebuilt_table, columns, a["key"])
                    _name(diff, Difference("changed", a["key"], found))
            a, b = await anext(left, None), await anext(right, None)
    return diff


def _name(diff: Diff, difference: Difference) -> None:
    if len(diff.named) < NAMED:
        diff.named.append(difference)


async def _hashes(
    connection: Connection, table: str, columns: Sequence[str], buckets: Sequence[int]
) -> AsyncIterator[Record]:
    query = f"""
        SELECT key, {form_hash(row_form(columns))} AS hash FROM {table}
        WHERE {BUCKET} = ANY($1::int[]) ORDER BY key COLLATE "C"
    """  # noqa: S608  (names of our own declarations). The collation C orders as Python does: by code points.
    async for record in connection.cursor(query, list(buckets), prefetch=_PREFETCH):
        yield record


async def _differing(
    live: Connection, live_table: str, rebuilt: Connection, rebuilt_table: str, columns: Sequence[str], key: str
) -> tuple[str, ...]:
    texts = ", ".join(f"{column}::text" for column in columns)
    one = await live.fetchrow(f"SELECT {texts} FROM {live_table} WHERE key = $1", key)  # noqa: S608
    other = await rebuilt.fetchrow(f"SELECT {texts} FROM {rebuilt_table} WHERE key = $1", key)  # noqa: S608
    assert one is not None
    assert other is not None
    return tuple(column for column in columns if one[column] != other[column])
