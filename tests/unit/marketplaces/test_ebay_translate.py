"""eBay's items and offers as facts: the document's mapping, in both shapes."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from libs.marketplaces.ebay.item import InventoryItem
from libs.marketplaces.ebay.offer import Offer
from libs.marketplaces.ebay.translate import (
    Owner,
    disappeared,
    inventory_changed,
    offer_changed,
    status_of,
    summaries,
    with_embedded,
)
from schemas.inventory.inventory_changed import Condition, InventoryChangedV1, InventoryStatus, OfferSummary

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
OWNER = Owner("acme", "7")


def item(product: dict[str, Any] | None = None, **more: Any) -> InventoryItem:
    return InventoryItem.read({"sku": "A-1", "product": {"title": "Boot", **(product or {})}, **more})


def offer(**more: Any) -> Offer:
    told = {"offerId": "5852", "sku": "A-1", "status": "PUBLISHED", "pricingSummary": {"price": money("85.0")}}
    return Offer.read({**told, **more})


def money(value: str) -> dict[str, str]:
    return {"value": value, "currency": "USD"}


def fact(made: InventoryItem, *offers: Offer) -> InventoryChangedV1:
    return inventory_changed(OWNER, made, with_embedded(made, summaries(offers)), NOW)


@pytest.mark.parametrize("word", list(Condition))
def test_a_condition_is_mapped(word: str) -> None:
    assert fact(item(condition=word)).condition == word


@pytest.mark.parametrize("word", ["PRE_OWNED_FAIR", "", None])
def test_a_condition_that_is_not_known_stays_as_ebay_says_it(word: str | None) -> None:
    made = fact(item(condition=word))
    assert (made.condition, made.marketplace_condition) == (None, word)


@pytest.mark.parametrize(
    ("product", "part_number"),
    [
        ({"aspects": {"Part Number": ["P"], "MPN": ["M"], "Brand Part Number": ["B"]}, "mpn": "Z"}, "P"),
        ({"aspects": {"MPN": ["M"], "Brand Part Number": ["B"]}}, "M"),
        ({"aspects": {"Brand Part Number": "B"}}, "B"),  # the documented shape: one text
        ({"aspects": {"Part Number": [" "]}, "mpn": "Z"}, "Z"),
        ({"mpn": "Z"}, "Z"),
        ({}, None),
    ],
)
def test_the_part_number_has_fallbacks(product: dict[str, Any], part_number: str | None) -> None:
    assert fact(item(product)).part_number == part_number


@pytest.mark.parametrize(
    ("aspects", "model"), [({"Model": ["X"], "Model Number": ["Y"]}, "X"), ({"Model Number": ["Y"]}, "Y"), ({}, None)]
)
def test_the_model_has_a_fallback(aspects: dict[str, Any], model: str | None) -> None:
    assert fact(item({"aspects": aspects})).model == model


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ([], InventoryStatus.UNKNOWN),
        (["ENDED"], InventoryStatus.ENDED),
        (["UNPUBLISHED"], InventoryStatus.ENDED),
        (["ENDED", "PUBLISHED"], InventoryStatus.ACTIVE),
        (["PUBLISHED_IN_PROGRESS"], InventoryStatus.ACTIVE),
    ],
)
def test_the_status_is_that_of_the_best_offer(statuses: list[str], expected: InventoryStatus) -> None:
    offers = [OfferSummary(offer_id=str(n), marketplace_status=one) for n, one in enumerate(statuses)]
    assert status_of(offers) == expected


def test_the_official_shape_takes_price_and_category_from_the_first_offer_that_tells_them() -> None:
    auction = offer(offerId="1", pricingSummary={"auctionStartPrice": money("1.0")})
    made = fact(item(), auction, offer(offerId="2", categoryId="15709"))
    assert made.price is not None
    assert (made.price.amount, made.price.currency, made.category) == (Decimal("85.0"), "USD", "15709")
    assert [one.offer_id for one in made.offers] == ["1", "2"]


def test_the_documented_shape_tells_them_itself() -> None:
    told = item(
        {"categoryId": "99"},
        pricingSummary={"price": money("70.00")},
        offers=[{"offerId": "5", "status": "ENDED"}, {"status": "PUBLISHED"}],
    )
    made = fact(told, offer())
    assert made.price is not None
    assert (made.price.amount, made.category, made.status) == (Decimal("70.00"), "99", InventoryStatus.ENDED)
    assert [one.offer_id for one in made.offers] == ["5"]


def test_raw_holds_the_whole_item() -> None:
    told = {"sku": "A-1", "product": {"title": "Boot", "upc": ["1"]}, "unheardOf": {"deep": [1, {"a": None}]}}
    assert fact(InventoryItem.read(told)).raw == told


def test_a_documented_offer_is_read() -> None:
    told = {
        "offerId": "1",
        "listingId": "110",
        "sku": "A-1",
        "status": "ENDED",
        "price": money("12.50"),
        "availableQuantity": 4,
        "creationDate": "2026-11-01T10:00:00.000Z",
        "expirationDate": "soon",
    }
    made = offer_changed(OWNER, Offer.read(told), NOW)
    assert (made.listing_id, made.marketplace_status, made.quantity_available) == ("110", "ENDED", 4)
    assert made.price is not None
    assert made.price.amount == Decimal("12.50")
    assert made.created_at == datetime(2026, 11, 1, 10, tzinfo=UTC)
    assert made.expires_at is None
    assert made.raw == told
    assert made.key() == "ebay:acme:1"


def test_what_disappeared_is_not_on_sale_and_its_time_never_goes_back() -> None:
    made = fact(item(), offer())
    assert made.status is InventoryStatus.ACTIVE
    gone = disappeared(made, NOW - timedelta(hours=1))
    assert (gone.status, gone.disappeared_at, gone.updated_at) == (InventoryStatus.ENDED, NOW - timedelta(hours=1), NOW)
    assert (gone.title, gone.price) == (made.title, made.price)


def test_an_empty_list_of_offers_tells_that_there_is_none_and_no_list_tells_nothing() -> None:
    known = [OfferSummary(offer_id="5", marketplace_status="PUBLISHED")]
    assert with_embedded(item(offers=[]), known) == []
    assert with_embedded(item(), known) == with_embedded(item(offers=None), known) == known
    assert with_embedded(item(offers=[{"status": "PUBLISHED"}]), known) == known, "of which offer it is is not told"


def test_fractions_of_the_raw_payload_are_texts_and_so_exact() -> None:
    weighed = InventoryItem.read({"sku": "A-1", "weight": {"value": Decimal("2.5"), "unit": "POUND"}, "count": 2})
    assert fact(weighed).raw == {"sku": "A-1", "weight": {"value": "2.5", "unit": "POUND"}, "count": 2}
