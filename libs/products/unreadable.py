"""Answers of StockX that could not be read: kept with their bytes, once each, for the dead letters.

Whoever asks StockX keeps them; stockx_poller, which holds the account, puts them into its dead letters (and is the only
one that has some: who only asks consumes no topic).
"""

import hashlib
from collections.abc import Awaitable
from typing import TypeVar

from libs.db.errors import DatabaseAway, NotMigrated
from libs.db.pool import Connection, Database
from libs.http.errors import Garbage
from libs.marketplaces.stockx.catalog import Catalog
from libs.marketplaces.stockx.paging import Page
from libs.marketplaces.stockx.product import Product, Variant
from libs.marketplaces.stockx.routes import SEARCH
from libs.telemetry.log import get_logger

log = get_logger()

T = TypeVar("T")


async def keep(connection: Connection, account: str, route: str, raw: bytes, why: str) -> None:
    """Keep bytes that could not be read, in the caller's transaction."""
    await connection.execute(
        "INSERT INTO stockx_poller.unreadable (account, digest, route, raw, why) VALUES ($1, $2, $3, $4, $5) "
        "ON CONFLICT DO NOTHING",
        account,
        hashlib.sha256(route.encode() + b"\0" + raw).digest(),
        route,
        raw,
        why,
    )


class UnreadableAnswers:
    """Keeps what an account is told and nobody can read."""

    def __init__(self, database: Database, account: str) -> None:
        self._database = database
        self._account = account

    async def kept(self, route: str, asked: Awaitable[T]) -> T:
        """What was asked for, after its unreadable entries are kept; an unreadable answer is kept and raised."""
        try:
            told = await asked
        except Garbage as error:
            if error.raw:
                await self._keep([(error.operation, error.raw, error.detail)])
            raise
        if isinstance(told, Page) and told.unreadable:
            await self._keep([(route, each.raw, each.reason) for each in told.unreadable])
        return told

    async def _keep(self, answers: list[tuple[str, bytes, str]]) -> None:
        try:
            async with self._database.transaction() as connection:
                for route, raw, why in answers:
                    await keep(connection, self._account, route, raw, why)
        except (DatabaseAway, NotMigrated) as error:  # what was asked for matters more
            log.warning("an unreadable answer is lost", route=answers[0][0], error=str(error))


class KeptCatalog:
    """StockX's catalog; what cannot be read of it is kept."""

    def __init__(self, catalog: Catalog, unreadable: UnreadableAnswers) -> None:
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
