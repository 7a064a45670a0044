"""What facts mean for pricing: the right product or offer is told, and the old one, too."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from libs.pricing.product_state import ListingPart, MarketPart, MarketView, OfferPart, ProductPart
from schemas.entities import BY_COLLECTION
from schemas.entity_documents import example_fact
from schemas.market_data.market_data_recorded import MarketDataRecordedV1
from schemas.topics import topics
from schemas.values import Money
from services.pricing.handlers import HANDLERS, IGNORED
from services.pricing.markets import SkuMarket
from services.pricing.markets import joined as in_market
from services.pricing.messages import OFFERS, PRODUCTS, SKUS, MatchTold, OfferTold, RuleTold, Sent
from services.pricing.offers import MatchedOffer, joined
from tests.facts import at


def fact(collection: str, **changes: Any) -> Any:
    return example_fact(BY_COLLECTION[collection]).model_copy(update={"updated_at": at(0), **changes})


def test_every_topic_that_pricing_reads_has_its_handler() -> None:
    consumed = {name for name, topic in topics().items() if "pricing" in topic.consumers}
    assert consumed == HANDLERS.keys() | IGNORED


def test_a_listing_that_moves_leaves_its_old_product() -> None:
    here, sent = HANDLERS["sell_listings"](fact("sellListings"), "7")
    assert here == "1"
    assert sent[0] == Sent(PRODUCTS, "7", ListingPart(1, None))
    assert [one.key for one in sent] == ["7", "1"]
    _, sent = HANDLERS["sell_listings"](fact("sellListings", deleted=True), "1")
    assert sent == [Sent(PRODUCTS, "1", ListingPart(1, None))]


@pytest.mark.parametrize(
    ("changes", "counts"),
    [
        ({}, True),
        ({"confidence": Decimal("0.81")}, True),
        ({"confidence": Decimal("0.80")}, False),
        ({"confidence": Decimal(0), "match_method": "manual"}, False),
        ({"deleted": True}, False),
        ({"entity_type": "sell"}, False),
    ],
)
def test_a_match_counts_above_080_and_a_rejected_one_does_not(changes: dict[str, Any], counts: bool) -> None:
    match = type(fact("productMatches")).model_validate(fact("productMatches").model_dump() | changes)
    here, sent = HANDLERS["product_matches"](match, None)
    assert (here, sent) == (("10", [Sent(OFFERS, "10", MatchTold(1, 1))]) if counts else (None, []))
    left = [Sent(OFFERS, "9", MatchTold(1, None))]
    assert HANDLERS["product_matches"](match, "9")[1][:1] == left


@pytest.mark.parametrize("changes", [{"stock_level": 0}, {"is_active": False}, {"deleted": True}])
def test_an_offer_that_cannot_be_bought_from_is_none(changes: dict[str, Any]) -> None:
    assert HANDLERS["buy_offers"](fact("buyOffers", **changes), None)[1] == [Sent(OFFERS, "1", OfferTold(None))]


@pytest.mark.parametrize(
    "changes",
    [
        {"fee_percent": Decimal("0.1234567")},
        {"ads_percent": Decimal("0.1") + Decimal("1E-25")},
        {"other_cost_usd": Decimal("0.1000000000000000000000000000000000001")},
        {"fixed_fee_usd": Decimal("1E11")},
        {"packaging_cost_usd": Decimal("1E39")},
    ],
)
def test_a_cost_rule_that_nothing_can_be_computed_from_is_none_and_stops_nothing(changes: dict[str, Any]) -> None:
    rule = fact("costRules", **changes)
    assert HANDLERS["cost_rules"](rule, None) == (None, [Sent(PRODUCTS, None, RuleTold(1, None))])
    with pytest.raises(ValueError, match=r"six decimals|more than 10000000000 US dollars"):
        BY_COLLECTION["costRules"].check(rule)


def test_every_cost_rule_that_the_catalog_takes_can_be_computed_with() -> None:
    most = {"fee_percent": Decimal(1), "ads_percent": Decimal("0.000001"), "fixed_fee_usd": Decimal(10**10)}
    rule = fact("costRules", **most)
    BY_COLLECTION["costRules"].check(rule)
    (sent,) = HANDLERS["cost_rules"](rule, None)[1]
    assert isinstance(sent.message, RuleTold)
    assert sent.message.rule is not None


def test_a_product_s_category_is_its_attribute() -> None:
    told = HANDLERS["unified_products"](fact("unifiedProducts", attributes_json={"category": "Shoes"}), None)[1]
    assert told[0] == Sent(PRODUCTS, "1", ProductPart("Shoes"))
    worn = fact("unifiedProducts", attributes_json={"category": "Shoes", "condition": "used"})
    assert HANDLERS["unified_products"](worn, None)[1][0].message == ProductPart("Shoes", "used")
    assert HANDLERS["unified_products"](fact("unifiedProducts", deleted=True), None)[1][0].message == ProductPart(None)


def test_an_offer_joins_its_matches_in_any_order_and_leaves_them() -> None:
    offer = OfferTold(HANDLERS["buy_offers"](fact("buyOffers"), None)[1][0].message.offer)  # type: ignore[union-attr]  # an OfferTold
    state = MatchedOffer()
    assert joined("5", state, offer) == []
    assert joined("5", state, MatchTold(1, 30)) == [Sent(PRODUCTS, "30", OfferPart(5, offer.offer))]
    assert joined("5", state, MatchTold(2, 30)) == [Sent(PRODUCTS, "30", OfferPart(5, offer.offer))]
    assert joined("5", state, MatchTold(1, None)) == [Sent(PRODUCTS, "30", OfferPart(5, offer.offer))]
    assert joined("5", state, MatchTold(2, 31)) == [
        Sent(PRODUCTS, "30", OfferPart(5, None)),
        Sent(PRODUCTS, "31", OfferPart(5, offer.offer)),
    ]


def market(day: int, ask: str | None, sales: int | None, size: str = "9", currency: str = "USD") -> Any:
    return MarketDataRecordedV1(
        platform="stockx",
        sku="HQ4276",
        size=size,
        product_id="p",
        lowest_ask=None if ask is None else Money(amount=Decimal(ask), currency=currency),
        sales=sales,
        updated_at=at(day * 24 * 60),
    )


def test_markets_join_products_by_style_code_and_size() -> None:
    def told(state: SkuMarket, topic: str, given: Any, place: str | None = None) -> list[Any]:
        sent = [one for one in HANDLERS[topic](given, place)[1] if one.topic == SKUS]
        return [found.message for one in sent for found in in_market(one.key or "", state, one.message)]

    def on(day: int) -> datetime:
        return at(day * 24 * 60)

    state, view = SkuMarket(), MarketView(5, Decimal(140), on(30))
    assert told(state, "market_data", market(0, "150", 7)) == []
    product = fact("unifiedProducts", model="hq-4276", attributes_json={"size": "9"})
    assert told(state, "unified_products", product) == [MarketPart("stockx", MarketView(None, Decimal(150), on(0)))]
    assert told(state, "market_data", market(30, "140", 12)) == [MarketPart("stockx", view)]
    other = told(state, "market_data", market(31, "99", 400, size="12"))
    assert other == [MarketPart("stockx", view)], "another size is another market"
    assert told(state, "market_data", market(29, "1", 1)) == [], "an older state"
    later = told(state, "market_data", market(130, None, 14))
    assert later == [MarketPart("stockx", MarketView(None, None))], "a count of 100 days ago says nothing of 90"
    gone = told(state, "unified_products", fact("unifiedProducts", deleted=True), place="hq4276")
    assert gone == [MarketPart("stockx", None)]
    assert HANDLERS["market_data"](market(1, "150", 1, currency="EUR"), None)[1][0].message.ask_usd is None
    assert HANDLERS["market_data"](market(1, "1", 1).model_copy(update={"platform": "goat"}), None) == (None, [])
