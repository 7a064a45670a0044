"""StockX's shapes, damaged in every way: read, or refused as malformed; never anything else, and never with values."""

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.http.answer import exact_json
from libs.marketplaces.entries import read_entries
from libs.marketplaces.payload import Malformed
from libs.marketplaces.stockx.batch import Batch, BatchItem
from libs.marketplaces.stockx.listing import Listing, Payout
from libs.marketplaces.stockx.market_data import MarketData
from libs.marketplaces.stockx.operation import Operation
from libs.marketplaces.stockx.order import Order
from libs.marketplaces.stockx.product import Product, Variant
from libs.marketplaces.stockx.values import StockXPayload, whole, wire_amount
from services.sandbox.wire import compact
from tests.unit.marketplaces.stockx_answers import (
    BATCH,
    BATCH_ITEMS,
    LISTING,
    MARKET,
    OPERATION,
    ORDER,
    PRODUCT,
    VARIANT,
)

SHAPES: tuple[tuple[type[StockXPayload], dict[str, Any]], ...] = (
    (Product, PRODUCT),
    (Variant, VARIANT),
    (MarketData, MARKET),
    (Operation, OPERATION),
    (Listing, LISTING),
    (Batch, BATCH),
    (BatchItem, BATCH_ITEMS["items"][0]),
    (Order, ORDER),
)

SECRET = "a-value-that-no-error-repeats"
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.decimals() | st.text(max_size=20) | st.just(SECRET),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.parametrize(("model", "told"), SHAPES)
def test_nothing_that_was_told_is_lost(model, told):
    def names(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: names(inner) for name, inner in value.items()}
        return [names(inner) for inner in value] if isinstance(value, list) else None

    body = exact_json(compact({**told, "unheardOf": {"deep": [1, "2"]}}))
    payload = model.read(body)
    assert payload.read_from is body
    assert names(whole(payload)) == names({**told, "unheardOf": {"deep": [1, "2"]}})


@pytest.mark.parametrize("nothing", [None, ""])
def test_a_payout_may_leave_its_amounts_open(nothing: str | None) -> None:
    payout = Payout.read({"totalPayout": nothing, "salePrice": nothing, "adjustments": [{"amount": nothing}]})
    assert (payout.total_payout, payout.sale_price, payout.adjustments[0].amount) == (None, None, None)


def outcome(model: type[StockXPayload], told: Any) -> str:
    """Why it cannot be read; empty if it can."""
    try:
        whole(model.read(told))
    except Malformed as error:
        return str(error)
    return ""


@given(st.data())
@settings(deadline=None, max_examples=300)
def test_a_damaged_resource_is_read_or_malformed(data):
    model, told = data.draw(st.sampled_from(SHAPES))
    damaged = copy.deepcopy(told)
    place: Any = damaged
    while True:
        name = data.draw(st.sampled_from(sorted(place)) if isinstance(place, dict) else st.integers(0, len(place) - 1))
        inner = place[name]
        if not isinstance(inner, dict | list) or not inner or data.draw(st.booleans()):
            break
        place = inner
    if isinstance(place, dict) and data.draw(st.booleans()):
        del place[name]
    else:
        place[name] = data.draw(JUNK)
    assert SECRET not in outcome(model, damaged)


@pytest.mark.parametrize(
    "bad",
    [
        b'{"orderNumber": "\\ud800", "amount": 1.10}',
        b'{"amount": 76.810, "payout": {"totalPayout": 76.81000000000002}, "fee": -7, "big": 18446744073709551617}',
        b'{"a":' * 800 + b"1.5" + b"}" * 800,
        b"[" * 800 + b"]" * 800,
    ],
    ids=["a lone surrogate", "numbers", "a deep object", "a deep list"],
)
def test_an_entry_that_no_database_would_take_spoils_no_other_and_is_kept_with_its_bytes(bad):
    entries, unreadable = read_entries(exact_json(b"[" + compact(ORDER) + b"," + bad + b"]"), Order)
    assert [each.order_number for each in entries] == [ORDER["orderNumber"]]
    assert [each.raw.replace(b" ", b"") for each in unreadable] == [bad.replace(b" ", b"").replace(b"1.10", b'"1.10"')]


@given(st.decimals(min_value="0.01", max_value="9999999999.99", places=2))
def test_amounts_go_out_as_they_were_meant(amount):
    text = wire_amount(amount)
    assert type(amount)(text) == amount
    assert "E" not in text
    assert not text.endswith((".0", ".00"))
