"""A style code's product at StockX: from the cache while that is fresh, else from StockX's search."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from libs.http.errors import Blocked, Garbage, Later, Unauthorized
from libs.marketplaces.stockx.catalog import LARGEST_SEARCH_PAGE
from libs.marketplaces.stockx.paging import Page
from libs.marketplaces.stockx.product import Product
from libs.products.cache import ProductCache
from libs.products.hits import best_hit
from libs.telemetry.log import get_logger

log = get_logger()

UNANSWERED = (Later, Unauthorized, Blocked, Garbage)
"""Failures that tell nothing about what was asked for: an old answer is better."""


class Searches(Protocol):
    """What a lookup needs of StockX: libs.marketplaces.stockx.catalog.Catalog has it."""

    async def search(self, query: str, *, page: int = 1, page_size: int = 10) -> Page[Product]:
        """One page of hits; raises ApiError."""
        ...


@dataclass(frozen=True, slots=True)
class Found:
    """`cached`: StockX was not asked, or did not answer; `found_at` tells how old the answer is."""

    product: Product
    similarity: float
    found_at: datetime
    cached: bool = False


class ProductLookup:
    """Looks style codes up. A miss costs one of StockX's requests; the most that a page holds is looked through."""

    def __init__(self, catalog: Searches, cache: ProductCache) -> None:
        self._catalog = catalog
        self._cache = cache

    async def find(self, sku: str) -> Found | None:
        """The product, None if StockX does not have it. Raises ApiError, DatabaseAway, NoSku.

        Where StockX does not answer (a timeout, 5xx, an open circuit), answers what cannot be read, does not let us in
        (401, 403), or its limits forbid to ask, what was found long ago is told again.
        """
        known = await self._cache.find(sku)
        if known is not None and known.fresh:
            log.debug(f"Cache hit for SKU: {sku}")
            return Found(known.product, known.similarity, known.found_at, cached=True)
        try:
            page = await self._catalog.search(sku, page_size=LARGEST_SEARCH_PAGE)
        except UNANSWERED as error:
            if known is None:
                raise
            log.warning("stockx does not answer; an old answer is told", found_at=str(known.found_at), why=str(error))
            return Found(known.product, known.similarity, known.found_at, cached=True)
        hit = best_hit(sku, page.entries)
        if hit is None:
            log.warning(f"Product not found on StockX: {sku}")
            return None
        await self._cache.keep(sku, hit)
        return Found(hit.product, hit.similarity, datetime.now(UTC))
