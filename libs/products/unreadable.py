"""Answers of marketplaces that could not be read: kept with their bytes, and put into the service's dead letters.

    unreadable = UnreadableAnswers(database, DeadLetters(kafka, publisher, NAME), NAME)
    goat = unreadable.of("goat")
    page = await goat.kept("GET /catalog", client.search(query))

They are kept in PostgreSQL first (`unreadable.answers`), so that nobody who asks waits for Kafka. They came from no
topic: the dead letter names the marketplace as its origin, partition -1, and the answer's route in a header. To retry
one is no use; whoever needs the answer asks again. A service with such dead letters is one of a topic.yaml's `pollers`.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Sequence
from typing import Protocol, TypeVar, runtime_checkable

from libs.bus.dead_letter import Copy, DeadLetters
from libs.bus.outcome import ErrorClass
from libs.db.errors import DatabaseAway, NotMigrated
from libs.db.pool import Connection, Database, Record
from libs.http.errors import Garbage
from libs.marketplaces.entries import Unreadable
from libs.marketplaces.payload import Malformed
from libs.marketplaces.stockx.catalog import Catalog
from libs.marketplaces.stockx.paging import Page
from libs.marketplaces.stockx.product import Product, Variant
from libs.marketplaces.stockx.routes import SEARCH
from libs.telemetry.log import get_logger

log = get_logger()

T = TypeVar("T")

STOCKX = "stockx"
LOOK_SECONDS = 5.0
_NOWHERE = -1
_KEPT_AT_ONCE = 100

_KEEP = """
INSERT INTO unreadable.answers (service, origin, account, digest, route, raw, why) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT DO NOTHING
"""
_WAITING = """
SELECT number, origin, account, route, raw, why, extract(epoch FROM seen_at)::float8 AS seen FROM unreadable.answers
WHERE service = $1 AND raw IS NOT NULL ORDER BY number LIMIT 1 FOR UPDATE SKIP LOCKED
"""
_DONE = "UPDATE unreadable.answers SET raw = NULL WHERE number = $1"


def digest_of(route: str, raw: bytes) -> bytes:
    """By which the same answer is known again."""
    return hashlib.sha256(route.encode() + b"\0" + raw).digest()


class UnreadableAnswers:
    """What a service was told and could not read; `work` puts it into its dead letters."""

    def __init__(self, database: Database, letters: DeadLetters, service: str) -> None:
        self._database = database
        self._letters = letters
        self._service = service
        self._new = asyncio.Event()

    def of(self, origin: str, account: str = "") -> "UnreadableOf":
        """Those of one marketplace, asked with one account."""
        return UnreadableOf(self, origin, account)

    async def keep(self, origin: str, account: str, answers: Sequence[tuple[str, bytes, str]]) -> None:
        """Keep (route, bytes, why). Lost where PostgreSQL is away, and logged: what was asked for matters more."""
        try:
            async with self._database.transaction() as connection:
                for route, raw, why in answers:
                    digest = digest_of(route, raw)
                    await connection.execute(_KEEP, self._service, origin, account, digest, route, raw, why)
        except (DatabaseAway, NotMigrated) as error:
            log.warning("an unreadable answer is lost", origin=origin, route=answers[0][0], error=str(error))
        self._new.set()

    async def work(self, stop: asyncio.Event) -> None:
        """Put what is kept, by whichever replica, into the dead letters, until `stop`."""
        stopping = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set():
                self._new.clear()
                putting = asyncio.create_task(self._put_all(), name="unreadable answers")
                await asyncio.wait({putting, stopping}, return_when=asyncio.FIRST_COMPLETED)
                putting.cancel()
                (result,) = await asyncio.gather(putting, return_exceptions=True)
                if isinstance(result, DatabaseAway | NotMigrated):
                    log.warning("unreadable answers wait for PostgreSQL", error=str(result))
                elif isinstance(result, Exception):
                    raise result
                woken = asyncio.create_task(self._new.wait())
                await asyncio.wait({woken, stopping}, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                woken.cancel()
        finally:
            stopping.cancel()

    async def _put_all(self) -> None:
        for _ in range(_KEPT_AT_ONCE):
            async with self._database.transaction() as connection:
                row = await connection.fetchrow(_WAITING, self._service)
                if row is None:
                    return
                await self._put(connection, row)

    async def _put(self, connection: Connection, row: Record) -> None:
        record = Copy(
            topic=row["origin"],
            partition=_NOWHERE,
            offset=row["number"],
            timestamp=int(row["seen"] * 1000),
            key=row["account"].encode() or None,
            value=row["raw"],
            headers=[(route_header(row["origin"]), row["route"].encode())],
        )
        error = Malformed(row["why"])
        await self._letters.put(record, error=error, error_class=ErrorClass.CONTRACT, attempts=1)
        await connection.execute(_DONE, row["number"])


def route_header(origin: str) -> str:
    """The header of a dead letter that names the answer's route."""
    return f"x-{origin.replace('_', '-')}-route"


@runtime_checkable
class WithUnreadable(Protocol):
    """A page of a list, some of whose entries may be of another form."""

    @property
    def unreadable(self) -> Sequence[Unreadable]: ...


class UnreadableOf:
    """Keeps what cannot be read of one marketplace."""

    def __init__(self, answers: UnreadableAnswers, origin: str, account: str) -> None:
        self._answers = answers
        self._origin = origin
        self._account = account

    async def kept(self, route: str, asked: Awaitable[T]) -> T:
        """What was asked for, after its unreadable entries are kept; an unreadable answer is kept and raised."""
        try:
            told = await asked
        except Garbage as error:
            if error.raw and "token" not in error.operation:  # what is no token may still hold one
                await self._answers.keep(self._origin, self._account, [(error.operation, error.raw, error.detail)])
            raise
        unreadable = told.unreadable if isinstance(told, WithUnreadable) else ()
        if unreadable:
            entries = [(route, each.raw, each.reason) for each in unreadable]
            await self._answers.keep(self._origin, self._account, entries)
        return told


class KeptCatalog:
    """StockX's catalog; what cannot be read of it is kept."""

    def __init__(self, catalog: Catalog, unreadable: UnreadableOf) -> None:
        self._catalog = catalog
        self._unreadable = unreadable

    async def search(self, query: str, *, page: int = 1, page_size: int = 10) -> Page[Product]:
        """As `Catalog.search`."""
        return await self._unreadable.kept(SEARCH, self._catalog.search(query, page=page, page_size=page_size))

    async def product(self, product_id: str) -> Product:
        """As `Catalog.product`."""
        return await self._unreadable.kept("product", self._catalog.product(product_id))

    async def variants(self, product_id: str) -> tuple[Variant, ...]:
        """As `Catalog.variants`."""
        return await self._unreadable.kept("variants", self._catalog.variants(product_id))
