"""What our facts say is in stock: imported stock items, and the inventories of marketplaces."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from libs.db.pool import Connection, Record
from libs.matching.sku import normalised

SIZE_OF_STOCK = """coalesce(stock.raw_payload -> 'product' -> 'aspects' -> 'US Shoe Size' ->> 0,
                stock.raw_payload -> 'product' -> 'aspects' -> 'Size' ->> 0)"""
"""SQL: the size of a row of the inventory, `stock`, as its marketplace tells it."""

_AVAILABLE = f"""
SELECT user_id, sku, size, title, condition, quantity, cost_amount, cost_currency,
       coalesce(acquired_at, rec_created) AS since, 'import' AS source
FROM read_models.stock_items WHERE quantity > 0
UNION ALL
SELECT user_id, coalesce(nullif(part_number, ''), sku_code), {SIZE_OF_STOCK}, title, coalesce(condition, ''), quantity,
       NULL, NULL, rec_created, marketplace
FROM read_models.inventory AS stock
WHERE quantity > 0 AND disappeared_at IS NULL
ORDER BY since, sku, size
"""  # noqa: S608  (an expression of our own)


@dataclass(frozen=True, slots=True)
class StockLine:
    """So many of one size (None: not told, or none) of a product, in stock since then; `cost` is that of one."""

    user_id: str
    sku: str
    size: str | None
    title: str | None
    condition: str
    quantity: int
    cost_amount: Decimal | None
    cost_currency: str | None
    since: datetime
    source: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """A product whose market is to be asked for; `sizes` None: all of them, because of some the size is not known."""

    sku: str
    sizes: tuple[str, ...] | None


async def available(connection: Connection) -> list[StockLine]:
    """All that is in stock, the longest first. Raises DatabaseAway, NotMigrated while the tables are not there yet."""
    return [_line(row) for row in await connection.fetch(_AVAILABLE)]


def wanted(lines: Iterable[StockLine]) -> list[Wanted]:
    """Each product once, however its style code is written; those first of which the sizes are known."""
    skus: dict[str, str] = {}
    sizes: dict[str, set[str | None]] = {}
    for line in lines:
        product = normalised(line.sku)
        if product:
            skus.setdefault(product, line.sku)
            sizes.setdefault(product, set()).add(line.size)
    found = [
        Wanted(sku, None if None in sizes[product] else tuple(sorted(size for size in sizes[product] if size)))
        for product, sku in sorted(skus.items())
    ]
    return sorted(found, key=lambda each: each.sizes is None)


def _line(row: Record) -> StockLine:
    return StockLine(**{name: row[name] for name in StockLine.__slots__})
