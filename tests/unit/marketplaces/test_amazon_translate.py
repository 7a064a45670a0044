"""Amazon's orders as facts: states, the price of a unit, and what Amazon leaves out before and after."""

from decimal import Decimal
from typing import Any

import pytest

from libs.marketplaces.amazon.orders import Order, OrderItem
from libs.marketplaces.amazon.translate import order_changed
from libs.marketplaces.payload import Malformed
from schemas.orders.order_changed import OrderStatus

ORDER: dict[str, Any] = {
    "AmazonOrderId": "902-3159896-1390916",
    "PurchaseDate": "2026-01-17T10:00:00Z",
    "LastUpdateDate": "2026-01-17T10:05:00Z",
    "OrderStatus": "Unshipped",
    "OrderTotal": {"CurrencyCode": "USD", "Amount": "100.00"},
    "MarketplaceId": "ATVPDKIKX0DER",
    "BuyerInfo": {"BuyerEmail": "a1@marketplace.amazon.com", "BuyerName": "John Doe"},
    "ShippingAddress": {"City": "Phoenix"},
}
ITEM: dict[str, Any] = {
    "ASIN": "B0ABCDEFGH",
    "SellerSKU": "SS-1",
    "OrderItemId": "68828574383266",
    "Title": "Phone",
    "QuantityOrdered": 3,
    "ItemPrice": {"CurrencyCode": "USD", "Amount": "100.00"},
    "ItemTax": {"CurrencyCode": "USD", "Amount": "8.00"},
}


def read(**changes: Any) -> Order:
    return Order.read({name: value for name, value in {**ORDER, **changes}.items() if value is not None})


def items(**changes: Any) -> list[OrderItem]:
    return [OrderItem.read({name: value for name, value in {**ITEM, **changes}.items() if value is not None})]


@pytest.mark.parametrize(
    ("told", "ours"),
    [
        ("Pending", OrderStatus.PAYMENT_PENDING),
        ("PendingAvailability", OrderStatus.PAYMENT_PENDING),
        ("Unshipped", OrderStatus.PAID),
        ("PartiallyShipped", OrderStatus.PAID),
        ("Shipped", OrderStatus.SHIPPED),
        ("InvoiceUnconfirmed", OrderStatus.SHIPPED),
        ("Canceled", OrderStatus.CANCELLED),
        ("Unfulfillable", OrderStatus.UNKNOWN),
    ],
)
def test_each_state_has_a_word_of_ours(told: str, ours: OrderStatus) -> None:
    fact = order_changed(read(OrderStatus=told), items(), "main")
    assert (fact.status, fact.marketplace_status) == (ours, told)


def test_an_order_s_lines_have_the_price_of_one_unit_and_nothing_is_lost() -> None:
    fact = order_changed(read(), items(), "main")
    assert (fact.key(), fact.account, fact.total.amount) == ("amazon:902-3159896-1390916", "main", Decimal("100.00"))
    (line,) = fact.lines
    assert (line.item_id, line.sku, line.quantity) == ("B0ABCDEFGH", "SS-1", 3)
    assert line.unit_price.amount == Decimal("33.3333")
    assert (fact.buyer.id, fact.buyer.nickname) == ("a1@marketplace.amazon.com", "John Doe")
    assert fact.raw["ShippingAddress"] == {"City": "Phoenix"}
    assert fact.raw["OrderItems"][0]["ItemTax"] == {"CurrencyCode": "USD", "Amount": "8.00"}


def test_before_the_payment_there_is_no_price_and_after_a_cancellation_no_quantity() -> None:
    pending = order_changed(read(OrderStatus="Pending", OrderTotal=None), items(ItemPrice=None), "main")
    assert (pending.total.amount, pending.lines[0].unit_price.amount, pending.total.currency) == (0, 0, "USD")
    paid = order_changed(read(), items(), "main")
    gone = order_changed(read(OrderStatus="Canceled"), items(QuantityOrdered=0), "main", paid.lines)
    assert gone.lines == paid.lines
    assert order_changed(read(OrderStatus="Canceled"), items(QuantityOrdered=0), "main").lines == []


def test_an_order_without_a_currency_is_malformed() -> None:
    with pytest.raises(Malformed, match="MarketplaceId is not known"):
        order_changed(read(OrderTotal=None, MarketplaceId="X1"), items(), "main")
