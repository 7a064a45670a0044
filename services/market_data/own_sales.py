"""Our own sales: orders as their facts tell them, and sales that were written down; each order number once."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from libs.db.pool import Connection
from schemas.orders.order_changed import OrderStatus

_NOT_SOLD = (OrderStatus.CANCELLED, OrderStatus.RETURNED)

_SALES = """
SELECT marketplace, coalesce(order_number, key) AS number, sku, size, variant_id, price_amount AS amount,
       price_currency AS currency, sold_at
FROM read_models.recorded_sales WHERE NOT withdrawn AND ($1::text[] IS NULL OR sku = ANY ($1))
UNION ALL
SELECT orders.marketplace, orders.order_id, line.sku, NULL, line.variation_id,
       (line.unit_price ->> 'amount')::numeric, line.unit_price ->> 'currency', orders.placed_at
FROM read_models.orders, jsonb_to_recordset(orders.lines) AS line (sku text, variation_id text, unit_price jsonb)
WHERE orders.status <> ALL ($2) AND line.sku IS NOT NULL AND ($1::text[] IS NULL OR line.sku = ANY ($1))
"""


@dataclass(frozen=True, slots=True)
class Sale:
    """One sale of ours. A StockX order tells the variant, a sale that was written down the size, too."""

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
    rows = await connection.fetch(_SALES, None if skus is None else list(skus), [str(status) for status in _NOT_SOLD])
    found: dict[tuple[str, str, str], Sale] = {}
    for row in rows:
        sale = Sale(**{name: row[name] for name in Sale.__slots__})
        found.setdefault((sale.marketplace, sale.number, sale.sku), sale)
    return sorted(found.values(), key=lambda sale: sale.sold_at)
