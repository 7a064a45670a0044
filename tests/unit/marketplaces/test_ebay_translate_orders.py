"""eBay's orders as facts: whole, exact, and with a status of ours."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.marketplaces.ebay.notice import Notice, read_notice
from libs.marketplaces.ebay.orders import EbayOrder
from libs.marketplaces.ebay.translate_orders import order_changed
from libs.marketplaces.payload import Malformed
from schemas.orders.order_changed import OrderStatus

USD = "USD"


def usd(value: str) -> dict[str, str]:
    return {"value": value, "currency": USD}


def order(**changes: Any) -> dict[str, Any]:
    """An order with the fields of the Fulfillment API's `Order` that real answers have."""
    return {
        "orderId": "23-09876-54321",
        "legacyOrderId": "110187422187-29302",
        "creationDate": "2026-06-05T11:58:00.000Z",
        "lastModifiedDate": "2026-06-05T12:03:09.250Z",
        "orderFulfillmentStatus": "NOT_STARTED",
        "orderPaymentStatus": "PAID",
        "sellerId": "acme",
        "buyer": {
            "username": "ana_42",
            "taxAddress": {"stateOrProvince": "CA", "postalCode": "95125", "countryCode": "US"},
            "buyerRegistrationAddress": {"fullName": "Ana Example", "primaryPhone": {"phoneNumber": "555-0100"}},
        },
        "buyerCheckoutNotes": "Please ring twice",
        "pricingSummary": {"priceSubtotal": usd("30.00"), "deliveryCost": usd("4.5"), "total": usd("34.50")},
        "cancelStatus": {"cancelState": "NONE_REQUESTED", "cancelRequests": []},
        "paymentSummary": {
            "totalDueSeller": usd("31.02"),
            "refunds": [],
            "payments": [
                {
                    "paymentMethod": "EBAY",
                    "paymentReferenceId": "PAY-1",
                    "paymentDate": "2026-06-05T11:58:02.000Z",
                    "amount": {**usd("34.50"), "convertedFromValue": "31.00", "convertedFromCurrency": "EUR"},
                    "paymentStatus": "PAID",
                }
            ],
        },
        "fulfillmentStartInstructions": [{"shippingStep": {"shipTo": {"fullName": "Ana Example"}}}],
        "fulfillmentHrefs": ["https://api.ebay.com/x/1"],
        "lineItems": [
            {
                "lineItemId": "100263",
                "legacyItemId": "110187422187",
                "legacyVariationId": "42",
                "sku": "SKU1",
                "title": "Löwe Lens",
                "lineItemCost": usd("20.00"),
                "quantity": 3,
                "total": usd("23.00"),
                "soldFormat": "FIXED_PRICE",
                "taxes": [{"amount": usd("0.99")}],
            },
            {"lineItemId": "100264", "title": "Case", "lineItemCost": usd("10.00"), "quantity": 2, "x": None},
        ],
        "salesRecordReference": "123",
        "totalFeeBasisAmount": usd("34.50"),
        "totalMarketplaceFee": usd("3.48"),
        "ebayCollectAndRemitTax": False,
        **changes,
    }


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, (*path, name))
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from leaves(inner, (*path, place))
    else:
        yield path, value


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return "is not there"
    return value


def test_an_order_is_a_fact() -> None:
    fact = order_changed(EbayOrder.read(order()), "acme")
    assert fact.key() == "ebay:23-09876-54321"
    assert (fact.account, fact.status, fact.marketplace_status) == ("acme", OrderStatus.PAID, "PAID/NOT_STARTED")
    assert fact.placed_at == datetime(2026, 6, 5, 11, 58, tzinfo=UTC)
    assert fact.updated_at == datetime(2026, 6, 5, 12, 3, 9, 250_000, tzinfo=UTC)
    assert fact.total.model_dump() == {"amount": Decimal("34.50"), "currency": USD}
    assert fact.paid == fact.total
    first, second = fact.lines
    assert (first.item_id, first.variation_id, first.sku) == ("110187422187", "42", "SKU1")
    assert (first.quantity, first.unit_price.amount) == (3, Decimal("6.6667"))  # 20 / 3; raw has the 20
    assert (second.item_id, second.unit_price.amount) == ("100264", Decimal(5))
    assert (fact.buyer.id, fact.buyer.nickname, fact.payment_ids) == ("ana_42", "ana_42", ["PAY-1"])


def test_every_value_of_the_answer_is_in_the_fact_or_in_raw() -> None:
    told = order()
    fact = order_changed(EbayOrder.read(told), "acme")
    taken: dict[tuple[Any, ...], Any] = {
        ("orderId",): fact.order_id,
        ("creationDate",): f"{fact.placed_at:%Y-%m-%dT%H:%M:%S}.000Z",
        ("lastModifiedDate",): f"{fact.updated_at:%Y-%m-%dT%H:%M:%S}.250Z",
        ("buyer", "username"): fact.buyer.nickname,
        ("pricingSummary", "total", "value"): str(fact.total.amount),
        ("pricingSummary", "total", "currency"): fact.total.currency,
        ("paymentSummary", "payments", 0, "paymentReferenceId"): fact.payment_ids[0],
        ("lineItems", 0, "legacyVariationId"): fact.lines[0].variation_id,
        ("lineItems", 0, "sku"): fact.lines[0].sku,
        **{("lineItems", place, "title"): line.title for place, line in enumerate(fact.lines)},
        **{("lineItems", place, "quantity"): line.quantity for place, line in enumerate(fact.lines)},
    }
    missing = {path: value for path, value in leaves(told) if at(fact.raw, path) != value and taken.get(path) != value}
    assert missing == {}


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"orderPaymentStatus": "PENDING"}, OrderStatus.PAYMENT_PENDING, "PENDING/NOT_STARTED"),
        ({"orderPaymentStatus": "FAILED"}, OrderStatus.PAYMENT_PENDING, "FAILED/NOT_STARTED"),
        ({"orderFulfillmentStatus": "IN_PROGRESS"}, OrderStatus.PAID, "PAID/IN_PROGRESS"),
        ({"orderFulfillmentStatus": "FULFILLED"}, OrderStatus.SHIPPED, "PAID/FULFILLED"),
        ({"orderPaymentStatus": "PARTIALLY_REFUNDED"}, OrderStatus.PAID, "PARTIALLY_REFUNDED/NOT_STARTED"),
        (
            {"orderPaymentStatus": "FULLY_REFUNDED", "orderFulfillmentStatus": "FULFILLED"},
            OrderStatus.REFUNDED,
            "FULLY_REFUNDED/FULFILLED",
        ),
        ({"cancelStatus": {"cancelState": "CANCELED"}}, OrderStatus.CANCELLED, "PAID/NOT_STARTED/CANCELED"),
        ({"cancelStatus": {"cancelState": "IN_PROGRESS"}}, OrderStatus.PAID, "PAID/NOT_STARTED/IN_PROGRESS"),
        ({"cancelStatus": None, "orderPaymentStatus": None}, OrderStatus.UNKNOWN, "UNTOLD/NOT_STARTED"),
        ({"orderPaymentStatus": "A_NEW_WORD"}, OrderStatus.UNKNOWN, "A_NEW_WORD/NOT_STARTED"),
    ],
)
def test_three_words_become_one(changes: dict[str, Any], status: OrderStatus, words: str) -> None:
    fact = order_changed(EbayOrder.read(order(**changes)), "acme")
    assert (fact.status, fact.marketplace_status) == (status, words)


def test_what_is_not_told_is_not_made_up() -> None:
    fact = order_changed(EbayOrder.read(order(buyer=None, paymentSummary=None)), "acme")
    assert (fact.buyer.id, fact.buyer.nickname, fact.paid, fact.payment_ids) == ("", None, None, [])
    other = {"payments": [{"paymentStatus": "PAID", "amount": {"value": "31.00", "currency": "EUR"}}]}
    assert order_changed(EbayOrder.read(order(paymentSummary=other)), "acme").paid is None


@pytest.mark.parametrize(
    "changes", [{"pricingSummary": None}, {"lineItems": [{"lineItemId": "1", "title": "x", "quantity": 1}]}]
)
def test_an_order_without_money_is_malformed(changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        order_changed(EbayOrder.read(order(**changes)), "acme")


@given(st.decimals(0, 10**9, places=2), st.integers(1, 10**6))
def test_units_times_price_is_the_cost_to_the_cent_or_told_in_raw(cost: Decimal, quantity: int) -> None:
    line = {"lineItemId": "1", "title": "x", "lineItemCost": usd(str(cost)), "quantity": quantity}
    fact = order_changed(EbayOrder.read(order(lineItems=[line])), "acme")
    assert abs(fact.lines[0].unit_price.amount - cost / quantity) <= Decimal("0.0001")
    assert fact.raw["lineItems"][0]["lineItemCost"]["value"] == str(cost)


def body(**data: Any) -> bytes:
    return json.dumps({"metadata": {"topic": "T"}, "notification": {"notificationId": "1", "data": data}}).encode()


@pytest.mark.parametrize(
    ("data", "notice"),
    [
        ({"orderId": "1-2", "username": "acme", "itemId": "110"}, Notice("1-2", "110", "acme")),
        ({"itemId": "v1|110100000007|0", "seller": {"username": "a"}}, Notice(None, "110100000007", "a")),
        ({"listingId": 110, "itemId": "1"}, Notice(None, "110", None)),
        ({"userId": "x"}, Notice(None, None, None)),
    ],
)
def test_what_a_notification_names(data: dict[str, Any], notice: Notice) -> None:
    assert read_notice(body(**data)) == notice


@pytest.mark.parametrize("told", [b"[]", b"{", b"{}", b'{"notification": {}}', body(itemId="../../x")])
def test_a_notification_of_another_shape_is_malformed(told: bytes) -> None:
    with pytest.raises(Malformed):
        read_notice(told)
