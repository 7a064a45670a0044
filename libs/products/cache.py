"""The cache of style codes that were found at StockX, in PostgreSQL: shared by services and replicas."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from libs.db.pool import Database
from libs.marketplaces.stockx.product import Product
from libs.marketplaces.stockx.values import whole
from libs.products.at_stockx import product_of
from libs.products.hits import Hit
from libs.products.merge import product_id

LIFE = timedelta(days=7)
"""A style code's product at StockX rarely changes."""

_FIND = """
SELECT similarity, product, found_at, found_at > now() - $2::interval AS fresh
FROM products.stockx_cache WHERE product_id = $1
"""
_KEEP = """
INSERT INTO products.stockx_cache (product_id, stockx_product_id, similarity, product, found_at)
VALUES ($1, $2, $3, $4, now())
ON CONFLICT (product_id) DO UPDATE SET stockx_product_id = excluded.stockx_product_id,
    similarity = excluded.similarity, product = excluded.product, found_at = excluded.found_at
"""


@dataclass(frozen=True, slots=True)
class Cached:
    """What was found at `found_at`; `fresh` while it may be used without asking StockX."""

    product: Product
    similarity: float
    found_at: datetime
    fresh: bool


class ProductCache:
    """Style codes with their products at StockX. Raises DatabaseAway, and NoSku for what is no style code."""

    def __init__(self, database: Database, life: timedelta = LIFE) -> None:
        self._database = database
        self._life = life

    async def find(self, sku: str) -> Cached | None:
        """What was found for this style code, however it was written; also what is no longer fresh."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow(_FIND, product_id(sku), self._life)
        if row is None:
            return None
        return Cached(product_of(json.loads(row["product"])), row["similarity"], row["found_at"], row["fresh"])

    async def keep(self, sku: str, hit: Hit[Product]) -> None:
        """Remember what was found just now."""
        product = json.dumps(whole(hit.product), ensure_ascii=False)
        async with self._database.connection() as connection:
            await connection.execute(_KEEP, product_id(sku), hit.product.product_id, hit.similarity, product)
