"""stock_items: one row per user, product, size and condition."""

from datetime import datetime
from decimal import Decimal

from libs.projection.model import Position, ReadModel, Row
from libs.read_models.history import int8, is_news, row_columns
from schemas.stock_items.stock_item_changed import StockItemChangedV1


class StockItemRow(Row, frozen=True, kw_only=True):
    user_id: str
    sku: str
    told_sku: str
    size: str | None
    condition: str
    title: str | None
    quantity: int
    cost_amount: Decimal | None
    cost_currency: str | None
    acquired_at: datetime | None
    stockx_product_id: str
    stockx_variant_id: str | None
    import_id: str
    rec_created: datetime


def evolve(row: StockItemRow | None, fact: StockItemChangedV1, position: Position) -> StockItemRow | None:
    """The row after a fact: the fact's own state, if it is news."""
    if not is_news(row, fact, position):
        return row
    return StockItemRow(
        *row_columns(fact, position),
        user_id=fact.user_id,
        sku=fact.sku,
        told_sku=fact.told_sku,
        size=fact.size,
        condition=str(fact.condition),
        title=fact.title,
        quantity=int8(fact.quantity, "quantity") or 0,
        cost_amount=None if fact.cost is None else fact.cost.amount,
        cost_currency=None if fact.cost is None else fact.cost.currency,
        acquired_at=fact.acquired_at,
        stockx_product_id=fact.stockx_product_id,
        stockx_variant_id=fact.stockx_variant_id,
        import_id=fact.import_id,
        rec_created=fact.updated_at if row is None else row.rec_created,
    )


READ_MODEL = ReadModel("stock_items", version=1, fact=StockItemChangedV1, row=StockItemRow, evolve=evolve)
