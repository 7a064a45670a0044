"""Which SKUs a run deals with: read in order, a few at a time, so that a million of them need no memory."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from libs.db.pool import Database
from services.ebay_sync.run import Kind, Place

_MISSING = "FROM ebay_sync.items WHERE account = $1 AND NOT gone AND seen_at < $2"

_TO_ASK = """
FROM ebay_sync.items WHERE account = $1 AND NOT gone AND seen_at >= $2 AND ($3::timestamptz IS NULL
    OR suspect OR offers_asked_at IS NULL OR changed_at > offers_asked_at OR offers_asked_at < $3)
"""


async def count_missing(database: Database, account: str, since: datetime) -> int:
    """How many SKUs were not seen since a moment."""
    async with database.connection() as connection:
        number: int = await connection.fetchval(f"SELECT count(*) {_MISSING}", account, since)
    return number


async def missing(database: Database, account: str, since: datetime, after: str, most: int) -> list[str]:
    """The next SKUs that were not seen since a moment."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            f"SELECT sku {_MISSING} AND sku > $3 ORDER BY sku LIMIT $4", account, since, after, most
        )
    return [row["sku"] for row in rows]


async def count_listed(database: Database, account: str, since: datetime) -> int:
    """How many SKUs eBay has."""
    return await count_to_ask(database, account, since, None)


async def count_to_ask(database: Database, account: str, since: datetime, age: timedelta | None) -> int:
    """How many of them `to_ask` gives in all."""
    async with database.connection() as connection:
        number: int = await connection.fetchval(f"SELECT count(*) {_TO_ASK}", account, since, _bound(since, age))
    return number


async def to_ask(
    database: Database, account: str, since: datetime, age: timedelta | None, after: str, most: int
) -> list[str]:
    """The next SKUs whose offers are to be asked for: all that were seen since a moment.

    With an age, only those that changed after their offers were asked for, that the report says are others, or whose
    offers are older than that.
    """
    async with database.connection() as connection:
        rows = await connection.fetch(
            f"SELECT sku {_TO_ASK} AND sku > $4 ORDER BY sku LIMIT $5",
            account,
            since,
            _bound(since, age),
            after,
            most,
        )
    return [row["sku"] for row in rows]


async def seen(database: Database, account: str, skus: Sequence[str], since: datetime) -> set[str]:
    """Which of these SKUs were at eBay after a moment, and are not gone."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT sku FROM ebay_sync.items WHERE account = $1 AND sku = ANY ($2) AND NOT gone AND seen_at >= $3",
            account,
            list(skus),
            since,
        )
    return {row["sku"] for row in rows}


async def listed_since(database: Database, run_id: str) -> datetime | None:
    """When a run began to list the items; None if it never did."""
    async with database.connection() as connection:
        told = await connection.fetchval("SELECT place FROM ebay_sync.runs WHERE run_id = $1", run_id)
    return None if told is None else Place.model_validate_json(told).listed_since


async def count_failures(database: Database, run_id: str) -> int:
    """How many SKUs a run could not get."""
    async with database.connection() as connection:
        number: int = await connection.fetchval("SELECT count(*) FROM ebay_sync.failures WHERE run_id = $1", run_id)
    return number


async def failures(database: Database, run_id: str, after: str, most: int) -> list[str]:
    """The next SKUs that a run could not get."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT sku FROM ebay_sync.failures WHERE run_id = $1 AND sku > $2 ORDER BY sku LIMIT $3",
            run_id,
            after,
            most,
        )
    return [row["sku"] for row in rows]


async def listed_failures(database: Database, run_id: str, most: int) -> list[tuple[str, str]]:
    """The first SKUs that a run could not get, and why."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT sku, error FROM ebay_sync.failures WHERE run_id = $1 ORDER BY sku LIMIT $2", run_id, most
        )
    return [(row["sku"], row["error"]) for row in rows]


async def cursor(database: Database, account: str, kind: Kind) -> tuple[str, datetime] | None:
    """The last run of this kind that went to its end, and when it began; None if none has yet."""
    async with database.connection() as connection:
        row = await connection.fetchrow(
            "SELECT run_id, began_at FROM ebay_sync.ebay_sync_cursors WHERE account = $1 AND kind = $2", account, kind
        )
    return None if row is None else (row["run_id"], row["began_at"])


def _bound(since: datetime, age: timedelta | None) -> datetime | None:
    return None if age is None else since - age
