"""Amazon's orders as facts of ours: a pure function. It raises Malformed where no valid fact can be made.

| OrderStatus                       | ours            |
|-----------------------------------|-----------------|
| Pending, PendingAvailability      | payment_pending |
| Unshipped, PartiallyShipped       | paid            |
| Shipped, InvoiceUnconfirmed       | shipped         |
| Canceled                          | cancelled       |
| anything else                     | unknown         |

Amazon tells the price of all units of a line, and none before the buyer has paid: until then amounts are 0 in the
marketplace's currency. Of a cancelled order it tells no quantities: its lines are those that were told before. That a
parcel was delivered, or goods came back, an order does not tell. Source: Orders API v0, `Order`, `OrderItem`.
"""

from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Decimal

from pydantic import ValidationError

from libs.marketplaces.amazon.client import MARKETPLACES
from libs.marketplaces.amazon.orders import Order, OrderItem, OrderMoney
from libs.marketplaces.payload import Malformed, leftover
from schemas.channels import Channel
from schemas.orders.order_changed import Buyer, OrderChangedV2, OrderLine, OrderStatus
from schemas.registry import summary
from schemas.values import Money

MARKETPLACE = str(Channel.AMAZON)
CANCELED = "Canceled"

_SMALLEST = Decimal("0.0001")
_CURRENCIES = {one.id: one.currency for one in MARKETPLACES.values()}
_STATUSES = {
    "Pending": OrderStatus.PAYMENT_PENDING,
    "PendingAvailability": OrderStatus.PAYMENT_PENDING,
    "Unshipped": OrderStatus.PAID,
    "PartiallyShipped": OrderStatus.PAID,
    "Shipped": OrderStatus.SHIPPED,
    "InvoiceUnconfirmed": OrderStatus.SHIPPED,
    CANCELED: OrderStatus.CANCELLED,
}


def order_changed(
    order: Order, items: Sequence[OrderItem], account: str, before: Sequence[OrderLine] = ()
) -> OrderChangedV2:
    """An order's state. `before`: its lines as they were told last.

    The buyer's id is the address that Amazon made for him; it is empty where Amazon tells none.
    """
    currency = order.order_total.currency_code if order.order_total else _CURRENCIES.get(order.marketplace_id or "")
    if currency is None:
        raise Malformed("order_changed: the order has no OrderTotal, and its MarketplaceId is not known")
    buyer = order.buyer_info
    try:
        lines = [_line(item, currency) for item in items if item.quantity_ordered > 0]
        return OrderChangedV2(
            marketplace=MARKETPLACE,
            account=account,
            order_id=order.amazon_order_id,
            status=_STATUSES.get(order.order_status, OrderStatus.UNKNOWN),
            marketplace_status=order.order_status,
            placed_at=order.purchase_date,
            updated_at=order.last_update_date,
            total=_money(order.order_total, currency),
            lines=lines or list(before),
            buyer=Buyer(
                id=(buyer.buyer_email if buyer else None) or "", nickname=(buyer.buyer_name if buyer else None) or None
            ),
            raw=leftover(order) | _rest(items),
        )
    except ValidationError as error:
        raise Malformed(f"order_changed: {summary(error)}") from None


def _money(told: OrderMoney | None, currency: str) -> Money:
    return Money(amount=told.amount if told else Decimal(0), currency=told.currency_code if told else currency)


def _line(item: OrderItem, currency: str) -> OrderLine:
    """One position. Where the price cannot be divided exactly it is rounded; the order's total has it exactly."""
    cost = _money(item.item_price, currency)
    price = cost.amount / item.quantity_ordered
    rounded = price.quantize(_SMALLEST, ROUND_HALF_EVEN)
    return OrderLine(
        item_id=item.asin or item.order_item_id,
        sku=item.seller_sku,
        title=item.title or "",
        quantity=item.quantity_ordered,
        unit_price=Money(amount=price if price == rounded else rounded, currency=cost.currency),
    )


def _rest(items: Sequence[OrderItem]) -> dict[str, object]:
    rest = [leftover(item) | {"OrderItemId": item.order_item_id} for item in items]
    return {"OrderItems": rest} if rest else {}
