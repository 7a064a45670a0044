"""Search results and items as facts: nothing lost, nothing invented, everything storable."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.marketplaces.mercadolibre.normalise import bounded_numbers, failed_run, item_changed, search_run
from libs.marketplaces.mercadolibre.payloads_search import FoundItem, PublicItem, PublicUser
from libs.marketplaces.mercadolibre.search import Found, SearchQuery
from libs.marketplaces.payload import Malformed
from tests.facts import NOON

FOUND: dict[str, Any] = {
    "id": "MLM123",
    "title": "iPhone 15 Pro Max",
    "condition": "new",
    "listing_type_id": "gold_special",
    "permalink": "https://articulo.mercadolibre.com.mx/MLM-123",
    "site_id": "MLM",
    "category_id": "MLM1055",
    "domain_id": "MLM-CELLPHONES",
    "thumbnail": "https://http2.mlstatic.com/D_1.jpg",
    "currency_id": "MXN",
    "price": Decimal("25999.50"),
    "original_price": 27999,
    "seller": {"id": 123456789, "nickname": "TIENDA"},
    "order_backend": 1,
}
QUERY = SearchQuery(
    site_id="MLM", query_text="iphone 15", filters_json={"offset": 0, "limit": 50, "ITEM_CONDITION": "2230284"}
)


def found(**changes: Any) -> Found:
    return Found((FoundItem.read(FOUND | changes),), 200, 0, {"paging": {"total": 1}})


def test_a_result_has_the_documented_fields_and_all_that_was_told() -> None:
    run = search_run(7, QUERY, found(), NOON, NOON + timedelta(seconds=2))
    (result,) = run.results
    assert result.item_id == "MLM123"
    assert (result.price, result.base_price) == (Decimal("25999.50"), Decimal(27999))
    assert (result.seller_id, result.seller_nickname) == (123456789, "TIENDA")
    assert (result.accepts_mercadopago, result.pictures_count) == (None, None), "not told"
    assert result.raw["order_backend"] == 1
    assert result.raw["price"] == "25999.50"
    assert run.filters == {"offset": 0, "limit": 50, "ITEM_CONDITION": "2230284"}
    assert run.raw == {"paging": {"total": 1}}
    assert QUERY.parameters(50, 10) == {
        "q": "iphone 15",
        "offset": "50",
        "limit": "10",
        "ITEM_CONDITION": "2230284",
    }


def test_a_failed_search_keeps_why() -> None:
    run = failed_run(7, QUERY, 403, {"code": "PolicyAgent", "big": 2**70}, NOON, NOON)
    assert (run.status, run.http_status) == ("failed", 403)
    assert run.error == {"code": "PolicyAgent", "big": str(2**70)}


def test_an_item_s_features_count_what_is_told_and_what_is_left_empty() -> None:
    item = PublicItem.read(
        {
            "id": "MLM123",
            "title": "iPhone",
            "seller_id": 9,
            "price": 25999,
            "currency_id": "MXN",
            "available_quantity": 50,
            "pictures": [{"id": "a"}, {"id": "b"}],
            "shipping": {"mode": "me2", "free_shipping": True, "logistic_type": "fulfillment", "tags": ["x"]},
            "attributes": [
                {"id": "BRAND", "value_name": "Apple"},
                {"id": "COLOR", "value_name": None},
                {"id": "MODEL", "value_name": ""},
                {"name": "no id"},
            ],
            "warranty": "12 meses",
        }
    )
    seller = PublicUser.read(
        {
            "id": 9,
            "nickname": "TIENDA",
            "seller_reputation": {
                "level_id": "5_green",
                "power_seller_status": "gold",
                "transactions": {"total": 1200, "completed": 1150, "ratings": {"positive": Decimal("0.97")}},
            },
        }
    )
    fact = item_changed(item, seller, "order", NOON)
    assert fact.attributes == {"BRAND": "Apple"}
    assert (fact.attributes_missing, fact.pictures_count, fact.quantity_available) == (2, 2, 50)
    assert (fact.free_shipping, fact.logistic_type) == (True, "fulfillment")
    assert fact.seller is not None
    assert (fact.seller.id, fact.seller.reputation_level, fact.seller.ratings_positive) == (
        "9",
        "5_green",
        Decimal("0.97"),
    )
    assert (fact.seller.transactions_total, fact.seller.transactions_completed) == (1200, 1150)
    assert fact.raw["warranty"] == "12 meses"
    assert fact.raw["shipping"] == {"tags": ["x"]}
    assert item_changed(item, None, "order", NOON).seller is not None, "who sells is known, though not who he is"


def test_what_no_fact_can_say_is_malformed() -> None:
    item = PublicItem.read({"id": "MLM1", "price": 1, "currency_id": "pesos"})
    with pytest.raises(Malformed, match="currency"):
        item_changed(item, None, "order", NOON)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@given(st.dictionaries(st.text(max_size=5), JSON, max_size=4))
def test_whole_numbers_beyond_64_bits_become_texts_and_nothing_else_changes(value: dict[str, Any]) -> None:
    def same(one: Any, other: Any) -> bool:
        if isinstance(one, dict):
            return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
        if isinstance(one, list):
            return len(one) == len(other) and all(map(same, one, other))
        if isinstance(one, int) and not isinstance(one, bool) and not -(2**63) <= one < 2**63:
            return bool(other == str(one))
        return type(one) is type(other) and one == other

    assert same(value, bounded_numbers(value))
