"""flat_orders: what the peers keep of an order, declared as any read model of sellstream."""

from datetime import datetime
from decimal import Decimal

from libs.projection.model import ReadModel, Row
from libs.read_models.history import OfNewest, RowColumns
from schemas.orders.order_changed import OrderChangedV2


class FlatOrderRow(Row, frozen=True, kw_only=True, gc=False):
    marketplace: str
    order_id: str
    account: str
    status: str
    marketplace_status: str
    placed_at: datetime
    total_amount: Decimal
    total_currency: str
    buyer_id: str
    item_id: str


def flat_order_row(fact: OrderChangedV2, columns: RowColumns) -> FlatOrderRow:
    """The fact's own state."""
    return FlatOrderRow(
        *columns,
        marketplace=fact.marketplace,
        order_id=fact.order_id,
        account=fact.account,
        status=str(fact.status),
        marketplace_status=fact.marketplace_status,
        placed_at=fact.placed_at,
        total_amount=fact.total.amount,
        total_currency=fact.total.currency,
        buyer_id=fact.buyer.id,
        item_id=fact.lines[0].item_id,
    )


READ_MODEL = ReadModel("flat_orders", version=1, fact=OrderChangedV2, row=FlatOrderRow, evolve=OfNewest(flat_order_row))
