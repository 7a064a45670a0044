"""Searching StockX's catalog: counted, timed, remembered; old answers where StockX does not answer."""

import asyncio
import time
from dataclasses import dataclass

from libs.http.errors import ApiError
from libs.marketplaces.stockx.paging import Page
from libs.marketplaces.stockx.product import Product
from libs.products.cache import ProductCache
from libs.products.hits import best_hit, exact_first
from libs.products.lookup import UNANSWERED, Searches
from libs.products.merge import NoSku
from libs.telemetry.metrics import STOCKX_SEARCH_DURATION, STOCKX_SEARCH_REQUESTS
from services.product_search.reserve import Reserve

LEAST_ASKED_FOR = 10
"""Hits among which the right one is looked for, however few are wanted: it need not be the first."""


class CountedCatalog:
    """Searches of a catalog, counted and timed as the document says. The last `leaves` requests of a day are left."""

    def __init__(self, catalog: Searches, reserve: Reserve, leaves: int) -> None:
        self._catalog = catalog
        self._reserve = reserve
        self._leaves = leaves

    async def search(self, query: str, *, page: int = 1, page_size: int = 10) -> Page[Product]:
        """As `Catalog.search`."""
        began = time.perf_counter()
        try:
            await self._reserve.leave(self._leaves)
            found = await self._catalog.search(query, page=page, page_size=page_size)
        except (ApiError, asyncio.CancelledError):
            STOCKX_SEARCH_REQUESTS.labels("error").inc()
            raise
        finally:
            STOCKX_SEARCH_DURATION.observe(time.perf_counter() - began)
        STOCKX_SEARCH_REQUESTS.labels("success" if found.entries else "not_found").inc()
        return found


@dataclass(frozen=True, slots=True)
class Results:
    """Products of one page; `total` of the whole search. `stale`: StockX did not answer, the cache did."""

    products: list[Product]
    total: int
    stale: bool = False


class Search:
    """The search that users ask for."""

    def __init__(self, catalog: Searches, cache: ProductCache) -> None:
        self._catalog = catalog
        self._cache = cache

    async def page(self, query: str, number: int, size: int) -> Results:
        """One page of StockX's hits, a product with exactly the style code that was asked for in front of all.

        It is looked for among the first hits: as many whole pages as hold LEAST_ASKED_FOR of them, which all are cut
        from the same order, so that no product stands on two pages. One request for each page, whichever it is.
        Raises ApiError, DatabaseAway.
        """
        head = -(-LEAST_ASKED_FOR // size)
        if number > head:
            found = await self._catalog.search(query, page=number, page_size=size)
            products = list(found.entries)
            return Results(products, _total(found, (number - 1) * size))
        try:
            found = await self._catalog.search(query, page=1, page_size=head * size)
        except UNANSWERED:
            known = await self._known(query) if number == 1 else None
            if known is None:
                raise
            return Results([known], 1, stale=True)
        await self._remember(query, list(found.entries))
        products = exact_first(query, found.entries)
        return Results(products[(number - 1) * size : number * size], _total(found, 0))

    async def _known(self, query: str) -> Product | None:
        try:
            known = await self._cache.find(query)
        except NoSku:
            return None
        return None if known is None else known.product

    async def _remember(self, query: str, products: list[Product]) -> None:
        hit = best_hit(query, products)
        if hit is not None and hit.exact:
            await self._cache.keep(query, hit)


def _total(found: Page[Product], before: int) -> int:
    """Of the whole search; where StockX does not tell it, what is known to be there."""
    return found.total if found.total is not None else before + len(found.entries)
