"""Items of batches and the commands that they are; StockX's resources as facts; what the service is configured with."""

import itertools
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from libs.marketplaces.payload import Malformed, as_json
from libs.marketplaces.stockx.batch import BatchItem
from libs.marketplaces.stockx.listing import Listing
from libs.marketplaces.stockx.listing import ListingStatus as ToldStatus
from libs.marketplaces.stockx.operation import Operation
from libs.marketplaces.stockx.order import ActiveStatus, Order, PastStatus
from libs.marketplaces.stockx.translate import LISTING_STATUSES, ORDER_STATUSES, deleted, listing_changed, order_changed
from libs.marketplaces.stockx.translate_operation import commanded_elsewhere, found_operation, kind_of
from schemas.listing_operations.listing_operation_changed import Initiator, OperationKind, OperationStatus
from schemas.listings.listing_changed import ListingStatus
from schemas.orders.order_changed import OrderStatus
from services.stockx_poller.assigning import assigned
from services.stockx_poller.command import Command, Wants
from services.stockx_poller.messages import ListingChangeBody, NewListingBody, changed
from services.stockx_poller.situation import Kind
from tests.unit.marketplaces import stockx_answers

NOW = datetime(2026, 6, 5, 12, tzinfo=UTC)


def command(number: int, variant: str, amount: int, item_id: str | None = None) -> Command:
    return Command(
        id=str(number),
        account="acme",
        user_id="7",
        kind=Kind.CREATE,
        listing_id=None,
        variant_id=variant,
        wants=Wants(amount=Decimal(amount).quantize(Decimal("0.01"))),
        status="pending",
        attempts=1,
        sent_at=NOW,
        batch_no="b",
        item_id=item_id,
        operation_id=None,
        fact=None,
    )


def item(number: int, variant: str, amount: str) -> BatchItem:
    told = {"active": True, "currencyCode": "USD", "variantId": variant, "expiresAt": None, "amount": amount}
    return BatchItem.read({"itemId": f"i{number}", "status": "QUEUED", "listingInput": told})


@given(st.lists(st.tuples(st.sampled_from("vw"), st.integers(100, 102)), max_size=12), st.randoms(), st.data())
def test_every_item_finds_one_command_like_it_in_whatever_order(
    wanted: list[tuple[str, int]], dice: Any, data: st.DataObject
) -> None:
    commands = [command(number, variant, amount) for number, (variant, amount) in enumerate(wanted)]
    items = [item(number, variant, str(amount)) for number, (variant, amount) in enumerate(wanted)]
    dice.shuffle(items)
    pairs = assigned(commands, items)
    assert len(pairs) == len(commands)
    assert len({each.id for each, _ in pairs}) == len(commands)
    for one, other in pairs:
        told = other.input
        assert told is not None
        assert told.variant_id == one.variant_id
    kept = {other.item_id: one.id for one, other in pairs}
    known = [
        command(int(one.id), one.variant_id or "", int(one.wants.amount or 0), other.item_id) for one, other in pairs
    ]
    dice.shuffle(items)
    part = items[: data.draw(st.integers(0, len(items)))]
    for one, other in assigned(known, part):
        assert kept[other.item_id] == one.id, "what is assigned stays so"


def test_a_listing_as_a_fact() -> None:
    told = Listing.read(json.loads(json.dumps(stockx_answers.LISTING), parse_float=Decimal))
    fact = listing_changed(told, "acme")
    assert (fact.marketplace, fact.status, fact.marketplace_status) == ("stockx", ListingStatus.ACTIVE, "ACTIVE")
    assert fact.price is not None
    assert (fact.price.amount, fact.price.currency, fact.quantity_available) == (300, "USD", 1)
    assert fact.raw["listingId"] == told.listing_id
    gone = deleted(fact, NOW)
    assert (gone.status, gone.marketplace_status, gone.updated_at) == (ListingStatus.CLOSED, "DELETED", NOW)
    assert gone.quantity_available == 0
    assert listing_changed(told.model_copy(update={"status": "NEW WORD"}), "acme").status is ListingStatus.UNKNOWN


def order(**changes: Any) -> Order:
    told = {
        "orderNumber": "323314425-323214184",
        "listingId": "35d76ac8-0000-4000-8000-000000000000",
        "amount": "140",
        "currencyCode": "USD",
        "status": "CREATED",
        "createdAt": "2021-08-25T13:51:47.000Z",
        "updatedAt": "2021-08-26T13:51:47.000Z",
        "product": {"productId": "p", "productName": "Nike Air", "styleId": "FV5029-006"},
        "variant": {"variantId": "v", "variantName": "…:12", "variantValue": "10"},
        "payout": {"currencyCode": "USD", "adjustments": [{"amount": -14.5}, {"amount": "-4"}, {"amount": "3"}]},
    }
    return Order.read(json.loads(json.dumps(told | changes), parse_float=Decimal))


def test_an_order_as_a_fact() -> None:
    fact = order_changed(order(), "acme")
    assert (fact.order_id, fact.status, fact.total.amount) == ("323314425-323214184", OrderStatus.PLACED, 140)
    line = fact.lines[0]
    assert (line.sku, line.quantity, line.title) == ("FV5029-006", 1, "Nike Air")
    assert line.sale_fee is not None
    assert line.sale_fee.amount == Decimal("18.5"), "fees, without bonuses"
    assert fact.closed_at is None
    assert order_changed(order(status="COMPLETED"), "acme").closed_at == fact.updated_at
    assert order_changed(order(updatedAt=None), "acme").updated_at == fact.placed_at
    for damaged in ({"createdAt": None, "updatedAt": None}, {"amount": ""}, {"currencyCode": None}):
        with pytest.raises(Malformed, match="tells no"):
            order_changed(order(**damaged), "acme")


@pytest.mark.parametrize(
    "payout",
    [
        {"totalPayout": 76.81000000000002, "salePrice": 90, "adjustments": [{"amount": -6.8999999999999995}]},
        {"adjustments": [{"amount": -6.9, "percentage": 0.030000000000000002}]},
    ],
)
def test_the_noise_of_a_computed_payout_makes_nothing_unreadable(payout: dict[str, Any]) -> None:
    line = order_changed(order(payout=payout), "acme").lines[0]
    assert line.sale_fee is not None
    assert str(line.sale_fee.amount) == "6.9"
    told = json.loads(json.dumps({**stockx_answers.LISTING, "payout": payout}), parse_float=Decimal)
    fact = listing_changed(Listing.read(told), "acme")
    assert {name: str(value) for name, value in fact.raw["payout"].items()} == {
        name: str(value) for name, value in as_json(told["payout"]).items()
    }, "raw is as it was told"


def test_every_word_of_the_contract_has_one_of_ours() -> None:
    assert set(LISTING_STATUSES) == set(ToldStatus)
    assert set(ORDER_STATUSES) | {"SUSPENDED"} == {*ActiveStatus, *PastStatus}


def test_operations_that_others_have_started() -> None:
    told = Operation.read(stockx_answers.OPERATION)
    assert not commanded_elsewhere(told), "over the API: ours"
    system = Operation.read(
        {**stockx_answers.OPERATION, "operationInitiatedBy": "SYSTEM", "operationType": "TPS_CHECK"}
    )
    assert commanded_elsewhere(system)
    fact = found_operation(system, "acme", None, NOW)
    assert (fact.id, fact.initiated_by, fact.kind) == (told.operation_id, Initiator.SYSTEM, OperationKind.OTHER)
    assert (fact.status, fact.ended_at, fact.updated_at) == (OperationStatus.STARTED, None, NOW)
    app = Operation.read({**stockx_answers.OPERATION, "operationInitiatedVia": "IOS"})
    assert commanded_elsewhere(app)
    assert found_operation(app, "acme", None, NOW).initiated_by is Initiator.SELLER
    assert [kind_of(each) for each in ("CREATE", "DEACTIVATE", "RECLAIM")] == ["create", "deactivate", "other"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"active": False, "amount": "1"},
        {"amount": 1.5},
        {"amount": "0"},
        {"amount": "1.234"},
        {"colour": "red"},
        {"expires_at": "2027-01-01T00:00:00"},
        {"expires_at": "9999-12-31T23:59:59-23:59"},
        {"expires_at": "0001-01-01T00:00:00+23:59"},
    ],
)
def test_a_change_that_cannot_be(body: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ListingChangeBody.model_validate(body)


def test_a_moment_is_the_same_command_in_whatever_offset_it_is_told() -> None:
    told = [
        ListingChangeBody.model_validate({"expires_at": each})
        for each in ("2027-01-01T00:00:00Z", "2027-01-01T02:00:00+02:00")
    ]
    assert changed(told[0]).model_dump_json() == changed(told[1]).model_dump_json()


def test_a_new_listing_needs_a_price_and_a_variant() -> None:
    whole = {"variant_id": "v", "amount": "150", "active": False, "expires_at": "2027-01-01T00:00:00Z"}
    assert NewListingBody.model_validate(whole).active is False
    for name, value in itertools.product(("variant_id", "amount"), (None, "")):
        with pytest.raises(ValidationError):
            NewListingBody.model_validate({**whole, name: value})
