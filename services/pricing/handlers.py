"""What each fact means for pricing: decisions only, on what was remembered of the entity.

A fact leads to messages for its product or its offer. An entity that moves (a listing to another product, a match to
another offer) leaves its old place first; that is why the place is remembered.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import msgspec

from libs.pricing.cost_rules import CostRule
from libs.pricing.product_state import BuyOffer, Listing, ListingPart, ProductPart
from libs.telemetry.log import get_logger
from schemas.buy_offers.buy_offer_changed import BuyOfferChangedV1
from schemas.channels import Channel
from schemas.cost_rules.cost_rule_changed import CostRuleChangedV1
from schemas.exchange_rates.exchange_rates_published import ExchangeRatesPublishedV1
from schemas.market_data.market_data_recorded import MarketDataRecordedV1
from schemas.product_matches.product_match_changed import MatchedEntity, ProductMatchChangedV1
from schemas.sell_listings.sell_listing_changed import SellListingChangedV1
from schemas.unified_products.unified_product_changed import UnifiedProductChangedV1
from services.pricing.messages import (
    OFFERS,
    PRODUCTS,
    SKUS,
    MarketTold,
    MatchTold,
    ModelTold,
    OfferTold,
    RatesTold,
    RuleTold,
    Sent,
)

log = get_logger()

LINKED = Decimal("0.80")
"""Above it a match counts (the document's best practice 2). A person's word is in it: approved 1, rejected 0."""
USD = "USD"
SIZE = "size"
CHANNELS = frozenset(Channel)
CONDITION = "condition"
CATEGORY = "category"
"""The product attribute that cost rules go by: a product of the document has no other place for it."""


class Remembered(msgspec.Struct, frozen=True):
    """Of an entity: the offset of its last valid fact, and the key that its messages went to."""

    offset: int
    place: str | None = None


Decision = tuple[str | None, list[Sent]]
"""The place to remember, and the messages."""


def on_unified_product(fact: UnifiedProductChangedV1, place: str | None) -> Decision:
    category, size = fact.attributes_json.get(CATEGORY), fact.attributes_json.get(SIZE)
    condition = fact.attributes_json.get(CONDITION)
    told = None if fact.deleted else (category if isinstance(category, str) else "")
    its_condition = condition.strip() or None if isinstance(condition, str) and not fact.deleted else None
    sent = [Sent(PRODUCTS, fact.key(), ProductPart(told, its_condition))]
    here = None if fact.deleted else _style_code(fact.model)
    its_size = str(size) if isinstance(size, str | int) else None
    if place not in (None, here):
        sent.append(Sent(SKUS, place, ModelTold(fact.unified_product_id, None, here=False)))
    if here is not None:
        sent.append(Sent(SKUS, here, ModelTold(fact.unified_product_id, its_size, here=True)))
    return here, sent


def on_sell_listing(fact: SellListingChangedV1, place: str | None) -> Decision:
    here = str(fact.unified_product_id)
    left = [] if place in (None, here) else [Sent(PRODUCTS, place, ListingPart(fact.sell_listing_id, None))]
    return here, [*left, Sent(PRODUCTS, here, ListingPart(fact.sell_listing_id, _listing(fact)))]


def on_product_match(fact: ProductMatchChangedV1, place: str | None) -> Decision:
    """Matches with listings say nothing that the listing itself does not: it names its product."""
    counts = fact.entity_type is MatchedEntity.BUY and not fact.deleted and _linked(fact)
    here = str(fact.entity_id) if counts else None
    left = [] if place in (None, here) else [Sent(OFFERS, place, MatchTold(fact.product_match_id, None))]
    if here is None:
        return None, left
    return here, [*left, Sent(OFFERS, here, MatchTold(fact.product_match_id, fact.unified_product_id))]


def on_buy_offer(fact: BuyOfferChangedV1, _place: str | None) -> Decision:
    buyable = fact.is_active and not fact.deleted and fact.stock_level != 0
    return None, [Sent(OFFERS, fact.key(), OfferTold(BuyOffer(fact.buy_cost_usd) if buyable else None))]


def on_cost_rule(fact: CostRuleChangedV1, _place: str | None) -> Decision:
    """A rule that nothing can be computed from is none: refused by the catalog now, it may stand in the topic."""
    try:
        rule = None if fact.deleted else cost_rule(fact)
    except ValueError as error:
        log.warning("a cost rule counts for nothing: correct it", cost_rule_id=fact.cost_rule_id, reason=str(error))
        rule = None
    return None, [Sent(PRODUCTS, None, RuleTold(fact.cost_rule_id, rule))]


def on_market_data(fact: MarketDataRecordedV1, _place: str | None) -> Decision:
    if fact.platform not in CHANNELS:
        return None, []  # nobody lists there through us
    ask = fact.lowest_ask
    usd = ask.amount if ask is not None and ask.currency == USD else None
    told = MarketTold(fact.platform, fact.size, fact.updated_at.date(), usd, fact.sales, fact.updated_at)
    return None, [Sent(SKUS, _style_code(fact.sku), told)]


def on_exchange_rates(fact: ExchangeRatesPublishedV1, _place: str | None) -> Decision:
    return None, [Sent(PRODUCTS, None, RatesTold(fact.day, dict(fact.rates)))]


def cost_rule(fact: CostRuleChangedV1) -> CostRule:
    """The rule that a fact tells; raise ValueError for one that nothing can be computed from."""
    names = {field for field in CostRule.__dataclass_fields__ if field != "id"}
    values = {name: getattr(fact, name) for name in names}
    return CostRule(id=fact.cost_rule_id, **values | {"channel": str(fact.channel)})


def _style_code(text: str) -> str:
    """Hyphens, blanks and case are written as people like: HQ-4276 is hq4276."""
    return "".join(text.casefold().replace("-", "").split()) or "-"


def _listing(fact: SellListingChangedV1) -> Listing | None:
    if fact.deleted:
        return None
    return Listing(
        channel=str(fact.channel),
        market=fact.market,
        price_usd=fact.sell_price_usd,
        price_original=fact.sell_price_original,
        currency=fact.currency_original,
        fx_as_of=fact.fx_as_of_date,
    )


def _linked(fact: ProductMatchChangedV1) -> bool:
    return fact.confidence > LINKED


HANDLERS: Mapping[str, Callable[[Any, str | None], Decision]] = {
    "unified_products": on_unified_product,
    "sell_listings": on_sell_listing,
    "product_matches": on_product_match,
    "buy_offers": on_buy_offer,
    "cost_rules": on_cost_rule,
    "exchange_rates": on_exchange_rates,
    "market_data": on_market_data,
}
IGNORED: frozenset[str] = frozenset()
"""Events of these topics that say nothing to pricing."""
