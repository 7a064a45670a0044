"""What is known of a market: what marketplaces told, and what we sold ourselves. Reads the live read models."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from libs.db.pool import Connection
from libs.read_models.market_data.project import MarketDataRow
from libs.read_models.market_data.queries import market_of
from schemas.market_data.market_data_recorded import NO_SIZE

STOCKX = "stockx"

# An order that was written down, too, counts once: under the number that the marketplace gave it.
_OWN_SALES = """
SELECT DISTINCT ON (marketplace, number, sku) sku, size, variant_id, amount, sold_at, acquired_at FROM (
    SELECT 0 AS place, sold.marketplace, coalesce(sold.order_number, sold.key) AS number, sold.sku, sold.size,
           sold.variant_id, sold.price_amount AS amount, sold.price_currency AS currency, sold.sold_at,
           (SELECT min(acquired_at) FROM read_models.stock_items AS item
            WHERE item.sku = sold.sku AND item.size IS NOT DISTINCT FROM sold.size) AS acquired_at
    FROM read_models.recorded_sales AS sold WHERE NOT withdrawn
    UNION ALL
    SELECT 1, orders.marketplace, orders.order_id, line.sku, NULL, line.variation_id,
           (line.unit_price ->> 'amount')::numeric, line.unit_price ->> 'currency', orders.placed_at, NULL
    FROM read_models.orders, jsonb_to_recordset(orders.lines) AS line (sku text, variation_id text, unit_price jsonb)
    WHERE orders.status NOT IN ('cancelled', 'returned') AND line.sku IS NOT NULL
) AS sales
WHERE currency = $2 AND ($1::text IS NULL OR sku = $1)
ORDER BY marketplace, number, sku, place
"""


@dataclass(frozen=True, slots=True)
class OwnSale:
    """A sale of ours; `acquired_at` where stock is known to have been bought before."""

    sku: str
    size: str | None
    variant_id: str | None
    price: Decimal
    sold_at: datetime
    acquired_at: datetime | None


@dataclass(frozen=True, slots=True)
class Observed:
    """A price on a day: an own sale, or a last sale or lowest ask that a marketplace told."""

    day: date
    price: Decimal


async def told(connection: Connection, sku: str, size: str | None) -> MarketDataRow | None:
    """What StockX told last of a size (None, or `-`: what has no size)."""
    wanted = None if size == NO_SIZE else size
    rows = await market_of(connection, sku)
    return next((row for row in rows if row.platform == STOCKX and row.size == wanted), None)


async def own_sales(connection: Connection, currency: str, sku: str | None = None) -> list[OwnSale]:
    """Our sales in a currency, the oldest first; of one product or of all."""
    rows = await connection.fetch(_OWN_SALES, sku, currency)
    found = [
        OwnSale(row["sku"], row["size"], row["variant_id"], row["amount"], row["sold_at"], row["acquired_at"])
        for row in rows
    ]
    return sorted(found, key=lambda sale: sale.sold_at)


def last_sales(row: MarketDataRow) -> list[Observed]:
    """Last sales as they changed: the moments at which a marketplace told another one than before."""
    found: list[Observed] = []
    before: Decimal | None = None
    for point in row.history:
        if point.last_sale is not None and point.currency == row.currency and point.last_sale != before:
            found.append(Observed(point.at.date(), point.last_sale))
        before = point.last_sale
    return found


def lowest_asks(row: MarketDataRow) -> list[Observed]:
    """The lowest ask at each moment that was recorded."""
    return [
        Observed(point.at.date(), point.lowest_ask)
        for point in row.history
        if point.lowest_ask is not None and point.currency == row.currency
    ]


def sales_of(sales: Sequence[OwnSale], row: MarketDataRow) -> list[OwnSale]:
    """Those of a size: an order tells StockX's variant, a sale that was written down the size."""

    def same(sale: OwnSale) -> bool:
        if sale.variant_id is not None and row.variant_id is not None:
            return sale.variant_id == row.variant_id
        return sale.size == row.size

    return [sale for sale in sales if same(sale)]
