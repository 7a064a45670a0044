"""Erasing a person: the keys are destroyed and the audit entry is written, in one transaction."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from libs.db.pool import Database
from libs.privacy.keys import belonging, destroy, lock_alone
from libs.privacy.token import KEY_ID_IN_TEXT


def person_of(marketplace: str, person_id: str) -> str:
    """The name of a person as a subject: an id is one's own at a marketplace alone."""
    return f"{marketplace}:{person_id}"


@dataclass(frozen=True, slots=True)
class Erasure:
    """An audit entry. `notice` is the marketplace's own identity of its notice; `keys` is how many were destroyed."""

    person: str
    erased_at: datetime
    by: str
    reason: str
    notice: str | None
    keys: int


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a person: how many deals belong to them, and how many keys are there or destroyed."""

    person: str
    deals: int
    keys: int
    destroyed: int
    erasures: tuple[Erasure, ...]

    @property
    def known(self) -> bool:
        return bool(self.keys or self.destroyed)


async def erase(database: Database, person: str, *, by: str, reason: str, notice: str | None = None) -> Erasure | None:
    """Make a person's data unreadable in topics and read models, for ever; None if nothing was left to do.

    May be repeated, at the same time too. An interrupted one has done nothing, or everything.
    """
    async with database.transaction() as connection:
        await lock_alone(connection)
        destroyed_before = await connection.fetchval(
            "SELECT destroyed_at IS NOT NULL FROM privacy.keys WHERE subject = $1", person
        )
        destroyed = await destroy(connection, [person])
        if destroyed_before and not destroyed and notice is None:
            return None
        row = await connection.fetchrow(
            """
            INSERT INTO privacy.erasures (person, by, reason, notice, keys) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (person, notice) DO NOTHING RETURNING person, erased_at, by, reason, notice, keys
            """,
            person,
            by,
            reason,
            notice,
            destroyed,
        )
    return None if row is None else Erasure(*row)


async def standing(database: Database, person: str) -> Standing:
    """What is known of a person."""
    async with database.connection() as connection:
        everything = await belonging(connection, [person])
        counted = await connection.fetchrow(
            "SELECT count(key) AS keys, count(*) - count(key) AS destroyed FROM privacy.keys WHERE subject = ANY ($1)",
            everything,
        )
    assert counted is not None
    told = await erasures(database, person=person)
    return Standing(person, len(everything) - 1, counted["keys"], counted["destroyed"], tuple(told))


async def erasures(database: Database, *, person: str | None = None, limit: int = 1000) -> list[Erasure]:
    """The audit, newest first."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT person, erased_at, by, reason, notice, keys FROM privacy.erasures "
            "WHERE $1::text IS NULL OR person = $1 ORDER BY id DESC LIMIT $2",
            person,
            limit,
        )
    return [Erasure(*row) for row in rows]


async def rows_of(database: Database, person: str, tables: Collection[str]) -> dict[str, int]:
    """How many rows of each table (`read_models.orders`; names of ours) hold sealed data of a person.

    Looks at every row of them. A table that is not there yet has none.
    """
    counts = {}
    async with database.connection() as connection:
        keys = await connection.fetch(
            "SELECT key_id FROM privacy.keys WHERE subject = ANY ($1)", await belonging(connection, [person])
        )
        ids = [row["key_id"] for row in keys]
        for table in tables:
            if ids and await connection.fetchval("SELECT to_regclass($1)", table) is not None:
                counts[table] = await connection.fetchval(
                    f"SELECT count(*) FROM {table} AS one WHERE substring(one::text FROM $1) = ANY ($2)",  # noqa: S608
                    KEY_ID_IN_TEXT,
                    ids,
                )
    return {table: count for table, count in counts.items() if count}
