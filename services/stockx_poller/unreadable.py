"""Answers of StockX that could not be read: kept with their bytes, put into the dead letters, once each.

They came from no topic: the dead letter names `stockx` as its origin, partition -1, and the answer's route in a header.
To retry one is no use; the service itself asks again.
"""

from collections.abc import Iterable

from libs.bus.dead_letter import Copy, DeadLetters
from libs.bus.outcome import ErrorClass
from libs.db.pool import Connection
from libs.http.errors import ApiError, Garbage
from libs.marketplaces.entries import Unreadable, written
from libs.marketplaces.payload import Malformed
from libs.marketplaces.stockx.values import StockXPayload
from libs.products.unreadable import digest_of, route_header
from services.stockx_poller.lease import Lease

ORIGIN = "stockx"
ROUTE = route_header(ORIGIN)
_NOWHERE = -1


async def keep(connection: Connection, account: str, route: str, raw: bytes, why: str) -> None:
    """Keep bytes that could not be read, in the caller's transaction."""
    await connection.execute(
        "INSERT INTO stockx_poller.unreadable (account, digest, route, raw, why) VALUES ($1, $2, $3, $4, $5) "
        "ON CONFLICT DO NOTHING",
        account,
        digest_of(route, raw),
        route,
        raw,
        why,
    )


async def keep_entries(connection: Connection, account: str, route: str, entries: Iterable[Unreadable]) -> None:
    """Keep the entries of a page that could not be read."""
    for each in entries:
        await keep(connection, account, route, each.raw, each.reason)


async def keep_resource(connection: Connection, account: str, told: StockXPayload, error: Malformed) -> None:
    """Keep a resource that no fact can be made of, as StockX told it."""
    kind = type(told).__name__.lower()
    await keep(connection, account, kind, written(told.read_from), str(error))


async def keep_answer(lease: Lease, error: ApiError) -> None:
    """Keep an answer's bytes, if it was one that could not be read."""
    if isinstance(error, Garbage) and error.raw:
        async with lease.turn() as connection:
            await keep(connection, lease.account, error.operation, error.raw, error.detail)


async def flush(lease: Lease, letters: DeadLetters) -> None:
    """Put all that waits into the dead letters."""
    async with lease.database.connection() as connection:
        rows = await connection.fetch(
            "SELECT number, route, raw, why, extract(epoch FROM seen_at)::float8 AS seen FROM stockx_poller.unreadable "
            "WHERE account = $1 AND raw IS NOT NULL ORDER BY number",
            lease.account,
        )
    for row in rows:
        record = Copy(
            topic=ORIGIN,
            partition=_NOWHERE,
            offset=row["number"],
            timestamp=int(row["seen"] * 1000),
            key=lease.account.encode(),
            value=row["raw"],
            headers=[(ROUTE, row["route"].encode())],
        )
        error = Malformed(row["why"])
        await letters.put(record, error=error, error_class=ErrorClass.CONTRACT, attempts=1)
        async with lease.turn() as connection:
            await connection.execute("UPDATE stockx_poller.unreadable SET raw = NULL WHERE number = $1", row["number"])
