"""Our own sales: orders as their facts tell them, and sales that were written down; each order number once."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from libs.db.pool import Connection, Record
from schemas.orders.order_changed import OrderStatus
from services.market_data.available import SIZE_OF_STOCK

_NOT_SOLD = (OrderStatus.CANCELLED, OrderStatus.RETURNED)

_WRITTEN_DOWN = """
SELECT user_id, marketplace, coalesce(order_number, key) AS number, sku, size, variant_id, price_amount AS amount,
       price_currency AS currency, sold_at
FROM read_models.recorded_sales WHERE NOT withdrawn AND ($1::text[] IS NULL OR sku = ANY ($1))
"""
_ORDERED = f"""
SELECT stock.user_id, orders.marketplace, orders.order_id AS number,
       coalesce(nullif(stock.part_number, ''), line.sku) AS sku, {SIZE_OF_STOCK} AS size,
       line.variation_id AS variant_id, (line.unit_price ->> 'amount')::numeric AS amount,
       line.unit_price ->> 'currency' AS currency, orders.placed_at AS sold_at
FROM read_models.orders
CROSS JOIN jsonb_to_recordset(orders.lines) AS line (sku text, variation_id text, unit_price jsonb)
LEFT JOIN read_models.inventory AS stock ON stock.key = concat_ws(':', orders.marketplace, orders.account, line.sku)
WHERE orders.status <> ALL ($2) AND line.sku IS NOT NULL
  AND ($1::text[] IS NULL OR coalesce(nullif(stock.part_number, ''), line.sku) = ANY ($1))
"""  # noqa: S608  (an expression of our own)


@dataclass(frozen=True, slots=True)
class Sale:
    """One sale of ours. A StockX order tells the variant, a sale that was written down the size, too.

    What was sold is told by its style code: in an order of eBay by its SKU's part number. `user_id` None: not known.
    """

    user_id: str | None
    marketplace: str
    number: str
    sku: str
    size: str | None
    variant_id: str | None
    amount: Decimal
    currency: str
    sold_at: datetime


async def own_sales(connection: Connection, skus: Iterable[str] | None = None) -> list[Sale]:
    """All sales, or those of some style codes, the oldest first. An order that is also written down counts once."""
    wanted = None if skus is None else list(skus)
    found: dict[tuple[str, str, str], Sale] = {}
    for sale in map(_sale, await connection.fetch(_WRITTEN_DOWN, wanted)):
        found.setdefault(_identity(sale), sale)
    rows = await connection.fetch(_ORDERED, wanted, [str(status) for status in _NOT_SOLD])
    ordered = [sale for sale in map(_sale, rows) if _identity(sale) not in found]
    return sorted([*found.values(), *ordered], key=lambda sale: sale.sold_at)


def _identity(sale: Sale) -> tuple[str, str, str]:
    return sale.marketplace, sale.number, sale.sku


def _sale(row: Record) -> Sale:
    return Sale(**{name: row[name] for name in Sale.__slots__})
