"""eBay's orders as facts of ours: a pure function. It raises Malformed where no valid fact can be made.

eBay has three words where we have one; the first row that fits counts:

| cancelState | orderPaymentStatus            | orderFulfillmentStatus   | ours            |
|-------------|-------------------------------|--------------------------|-----------------|
| CANCELED    |                               |                          | cancelled       |
|             | FULLY_REFUNDED                |                          | refunded        |
|             |                               | FULFILLED                | shipped         |
|             | PAID, PARTIALLY_REFUNDED      |                          | paid            |
|             | PENDING, FAILED               |                          | payment_pending |
|             | anything else                 |                          | unknown         |

`marketplace_status` is all of them: `PAID/NOT_STARTED`, and a third word if a cancellation was requested. That a parcel
was delivered is not told by the order. Source: Fulfillment API, `Order`.
"""

from decimal import ROUND_HALF_EVEN, Decimal

from pydantic import ValidationError

from libs.marketplaces.ebay.orders import EbayOrder, OrderLineItem
from libs.marketplaces.ebay.translate import MARKETPLACE
from libs.marketplaces.ebay.values import EbayAmount
from libs.marketplaces.payload import Malformed, leftover
from schemas.orders.order_changed import Buyer, OrderChangedV2, OrderLine, OrderStatus
from schemas.registry import summary
from schemas.values import Money

_UNTOLD = "UNTOLD"
_NO_CANCELLATION = "NONE_REQUESTED"
_SMALLEST = Decimal("0.0001")
_BY_PAYMENT = {
    "PAID": OrderStatus.PAID,
    "PARTIALLY_REFUNDED": OrderStatus.PAID,
    "PENDING": OrderStatus.PAYMENT_PENDING,
    "FAILED": OrderStatus.PAYMENT_PENDING,
}


def order_changed(order: EbayOrder, account: str) -> OrderChangedV2:
    """An order's state. The buyer's id is the user name; it is empty where eBay tells none (a closed account)."""
    total = order.pricing_summary.total if order.pricing_summary else None
    if total is None:
        raise Malformed("order_changed: the order has no pricingSummary.total")
    name = order.buyer.username if order.buyer else None
    payments = order.payment_summary.payments if order.payment_summary else []
    try:
        return OrderChangedV2(
            marketplace=MARKETPLACE,
            account=account,
            order_id=order.order_id,
            status=_status(order),
            marketplace_status=_words(order),
            placed_at=order.creation_date,
            updated_at=order.last_modified_date,
            total=Money(amount=total.value, currency=total.currency),
            paid=_paid(order, total.currency),
            lines=[_line(line) for line in order.line_items],
            buyer=Buyer(id=name or "", nickname=name),
            payment_ids=[one.payment_reference_id for one in payments if one.payment_reference_id],
            raw=leftover(order),
        )
    except ValidationError as error:
        raise Malformed(f"order_changed: {summary(error)}") from None


def _cancellation(order: EbayOrder) -> str:
    return (order.cancel_status.cancel_state if order.cancel_status else None) or _NO_CANCELLATION


def _status(order: EbayOrder) -> OrderStatus:
    if _cancellation(order) == "CANCELED":
        return OrderStatus.CANCELLED
    if order.order_payment_status == "FULLY_REFUNDED":
        return OrderStatus.REFUNDED
    if order.order_fulfillment_status == "FULFILLED":
        return OrderStatus.SHIPPED
    return _BY_PAYMENT.get(order.order_payment_status or _UNTOLD, OrderStatus.UNKNOWN)


def _words(order: EbayOrder) -> str:
    words = [order.order_payment_status or _UNTOLD, order.order_fulfillment_status or _UNTOLD]
    cancellation = _cancellation(order)
    return "/".join(words if cancellation == _NO_CANCELLATION else [*words, cancellation])


def _paid(order: EbayOrder, currency: str) -> Money | None:
    """What the buyer's payments that went through come to; None where none is told, or in another currency."""
    payments = order.payment_summary.payments if order.payment_summary else []
    amounts = [one.amount for one in payments if one.payment_status == "PAID" and one.amount is not None]
    if not amounts or any(amount.currency != currency for amount in amounts):
        return None
    return Money(amount=sum((amount.value for amount in amounts), Decimal(0)), currency=currency)


def _line(line: OrderLineItem) -> OrderLine:
    if line.line_item_cost is None:
        raise Malformed("order_changed: a line has no lineItemCost")
    return OrderLine(
        item_id=line.legacy_item_id or line.line_item_id,
        variation_id=line.legacy_variation_id,
        sku=line.sku,
        title=line.title or "",
        quantity=line.quantity,
        unit_price=_unit_price(line.line_item_cost, line.quantity),
    )


def _unit_price(cost: EbayAmount, quantity: int) -> Money:
    """eBay tells the price of all units. Where it cannot be divided exactly, it is rounded; `raw` has it exactly."""
    price = cost.value / quantity
    rounded = price.quantize(_SMALLEST, ROUND_HALF_EVEN)
    return Money(amount=price if price == rounded else rounded, currency=cost.currency)
