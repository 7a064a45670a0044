"""Quotes of a product's state, and opportunities in columns: the same as one by one."""

from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from libs.pricing.cost_rules import CostRule, CostRules
from libs.pricing.opportunities import opportunities
from libs.pricing.opportunity import PriceStrategy, opportunity
from libs.pricing.product_state import (
    BuyOffer,
    Listing,
    ListingPart,
    MarketPart,
    MarketView,
    OfferPart,
    Part,
    Product,
    ProductPart,
    apply,
)
from libs.pricing.quoting import quotes
from tests.unit.pricing.making import DAY, cost_rule, rules, usd

US = (1, "amazon", "US")


def listing(price: str | Decimal, channel: str = "amazon", market: str = "US") -> Listing:
    return Listing(channel, market, Decimal(price), Decimal(price), "USD", date(2026, 1, 15))


def product(*parts: Part) -> Product:
    made = Product()
    for part in (ProductPart("Electronics"), *parts):
        apply(made, part)
    return made


DOCUMENTED = (
    OfferPart(1, BuyOffer(Decimal("650.00"))),
    ListingPart(1, listing("799.99")),
    ListingPart(2, listing("810")),
    ListingPart(3, listing("830")),
)


def test_the_document_s_product() -> None:
    ((place, quote),) = quotes(1, product(*DOCUMENTED), lambda one: one.price_usd)
    assert place == US
    assert quote is not None
    (figures,) = opportunities([quote], CostRules([cost_rule()]), DAY)
    assert figures is not None
    assert figures.estimated_profit_usd == Decimal("-11.22")  # 799.99 - 650 - (160.00 + 0.30 + 0.16 + 0.50 + 0.25)
    assert (figures.roi_percent, figures.margin_percent) == (Decimal("-1.73"), Decimal("-1.40"))
    assert (figures.competitor_count, figures.avg_competitor_price_usd) == (2, Decimal("820.00"))
    assert figures.price_strategy is PriceStrategy.COMPETITIVE
    assert figures.days_to_sell is None


def test_the_cheapest_offer_is_bought_and_the_first_listing_is_sold() -> None:
    cheaper = OfferPart(2, BuyOffer(Decimal(600)))
    ((_, quote),) = quotes(1, product(*DOCUMENTED, cheaper))
    assert quote is not None
    assert (quote.buy_cost_usd, quote.sell_price_usd) == (Decimal("600.00"), Decimal("799.99"))
    ((_, quote),) = quotes(1, product(*DOCUMENTED, cheaper, ListingPart(1, None), OfferPart(2, None)))
    assert quote is not None
    assert (quote.buy_cost_usd, quote.sell_price_usd) == (Decimal("650.00"), Decimal("810.00"))


def test_where_something_is_missing_there_is_no_opportunity_and_the_place_stays_known() -> None:
    gone = [ListingPart(number, None) for number in (1, 2, 3)]
    for parts in (gone, [OfferPart(1, None)], [ProductPart(None)], [OfferPart(1, BuyOffer(Decimal(0)))]):
        assert list(quotes(1, product(*DOCUMENTED, *parts))) == [(US, None)]
    ((_, quote),) = quotes(1, product(*DOCUMENTED))
    assert quote is not None
    assert opportunities([quote], CostRules([cost_rule(category="Shoes")]), DAY) == [None]


def test_known_sales_tell_days_to_sell() -> None:
    view = MarketPart("amazon", MarketView(sales_in_90_days=30))
    ((_, quote),) = quotes(1, product(*DOCUMENTED, view))
    assert quote is not None
    assert quote.days_to_sell == 3  # a sale in three days, and nobody is as cheap


def test_the_lowest_ask_that_a_channel_tells_is_a_competitor_unless_it_is_ours() -> None:
    for ask, count in (("700.00", 3), ("799.99", 2)):
        ((_, quote),) = quotes(1, product(*DOCUMENTED, MarketPart("amazon", MarketView(None, Decimal(ask)))))
        assert quote is not None
        assert quote.others.count == count


@given(
    st.lists(
        st.tuples(usd(), st.lists(usd(), min_size=1, max_size=4), st.none() | st.integers(0, 200), st.booleans()),
        max_size=12,
    ),
    rules,
)
def test_a_batch_equals_one_by_one(
    products: list[tuple[Decimal, list[Decimal], int | None, bool]], rule: CostRule
) -> None:
    quoted = []
    expected = []
    for number, (cost, prices, sales, ruled) in enumerate(products):
        parts: list[Part] = [ProductPart(rule.category if ruled else "elsewhere"), OfferPart(1, BuyOffer(cost))]
        parts += [ListingPart(at, listing(price)) for at, price in enumerate(prices)]
        parts += [MarketPart("amazon", MarketView(sales))]
        ((_, quote),) = quotes(number, product(*parts))
        assert quote is not None
        quoted.append(quote)
        expected.append(opportunity(cost, prices[0], rule, prices[1:], sales_in_90_days=sales) if ruled else None)
    found = opportunities(quoted, CostRules([rule]), DAY)
    for figures, single in zip(found, expected, strict=True):
        if single is None or figures is None:
            assert single is figures
            continue
        assert figures.estimated_profit_usd == single.profit.estimated_profit_usd
        assert (figures.roi_percent, figures.margin_percent) == (
            single.profit.roi_percent,
            single.profit.margin_percent,
        )
        assert figures.days_to_sell == single.days_to_sell
        assert figures.competitor_count == single.competitor_count
        assert figures.avg_competitor_price_usd == single.avg_competitor_price_usd
        assert figures.price_strategy == single.price_strategy
