"""What is asked of the read model products. Keys are style codes in capital letters and digits (libs.matching.sku)."""

from collections.abc import Collection

from libs.db.pool import Connection
from libs.read_models.products.project import READ_MODEL, ProductRow
from libs.read_models.reads import SCHEMA, Cursor, Page, one, page, where


async def product(connection: Connection, product_id: str) -> ProductRow | None:
    """One product by its normalised style code (`HQ4276`)."""
    return await one(connection, READ_MODEL, product_id)


async def products(
    connection: Connection, *, stockx_status: str | None = None, after: Cursor | None = None, limit: int = 50
) -> Page[ProductRow]:
    """Products, newest change first, narrowed by what is given."""
    return await page(connection, READ_MODEL, {"stockx_status": stockx_status}, after=after, limit=limit)


async def products_at_stockx(connection: Connection, stockx_product_id: str) -> list[ProductRow]:
    """The products with this id at StockX; two style codes may lead to one."""
    return await where(connection, READ_MODEL, {"stockx_product_id": stockx_product_id})


async def stockx_ids(connection: Connection, product_ids: Collection[str]) -> dict[str, str]:
    """The StockX ids of these products, as far as they are known, by normalised style code."""
    rows = await connection.fetch(
        f"SELECT key, stockx_product_id FROM {SCHEMA}.products "  # noqa: S608  (our own names)
        "WHERE key = ANY ($1::text[]) AND stockx_product_id IS NOT NULL",
        list(product_ids),
    )
    return {row["key"]: row["stockx_product_id"] for row in rows}
