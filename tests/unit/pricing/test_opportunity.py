"""Profit by the document's formulas: its examples, and laws that hold for all amounts."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.pricing.amounts import AmountRefused
from libs.pricing.cost_rules import CostRule, exact_fees
from libs.pricing.opportunity import PriceStrategy, competition, opportunity, profit, queue_days, strategy
from tests.unit.pricing.making import cost_rule, rules, usd


def test_total_cost_follows_the_documents_formula_term_by_term() -> None:
    rule, price = cost_rule(), Decimal("150.00")
    documented = (
        (price * rule.fee_percent)
        + rule.fixed_fee_usd
        + (price * rule.ads_percent)
        + (price * rule.returns_rate * rule.avg_return_cost_usd / price)
        + rule.packaging_cost_usd
        + rule.other_cost_usd
    )
    assert exact_fees(rule, price) == documented == Decimal("31.21")


def test_the_documents_opportunity_comes_out_to_the_digit() -> None:
    # 799.99 sold, 650.00 bought, 99.99 earned: the fees behind it are 50.00.
    nothing = dict.fromkeys(("fee_percent", "ads_percent", "returns_rate", "packaging_cost_usd"), Decimal(0))
    flat = cost_rule(**nothing, other_cost_usd=Decimal("49.7"))
    found = profit(Decimal("650.00"), Decimal("799.99"), flat)
    assert found.total_fees_usd == Decimal("50.00")
    assert (found.estimated_profit_usd, found.roi_percent, found.margin_percent) == (
        Decimal("99.99"),
        Decimal("15.38"),
        Decimal("12.50"),
    )


@settings(deadline=None)
@given(usd("0.00"), usd("0.00"), rules)
def test_the_formulas_hold_for_the_fields_as_they_are_shown(buy: Decimal, sell: Decimal, rule: CostRule) -> None:
    found = profit(buy, sell, rule)
    assert found.estimated_profit_usd == found.sell_price_usd - found.buy_cost_usd - found.total_fees_usd
    assert found.total_cost_usd == found.sell_price_usd - found.estimated_profit_usd
    assert abs(found.total_fees_usd - exact_fees(rule, sell)) <= Decimal("0.005")
    for percent, whole in ((found.roi_percent, buy), (found.margin_percent, sell)):
        if whole == 0:
            assert percent is None
        else:
            assert percent is not None
            away = Fraction(percent) - Fraction(found.estimated_profit_usd) / Fraction(whole) * 100
            assert abs(away) <= Fraction(1, 200)


@settings(deadline=None)
@given(usd(), usd("0.00"), usd("0.00", "1000"), rules)
def test_a_higher_price_never_earns_less_and_a_higher_cost_never_more(
    sell: Decimal, buy: Decimal, more: Decimal, rule: CostRule
) -> None:
    here = profit(buy, sell, rule)
    assert profit(buy, sell + more, rule).estimated_profit_usd >= here.estimated_profit_usd
    dearer = profit(buy + more, sell, rule)
    assert dearer.estimated_profit_usd == here.estimated_profit_usd - more
    if here.margin_percent is not None and dearer.margin_percent is not None:
        assert dearer.margin_percent <= here.margin_percent


@settings(deadline=None)
@given(usd(), usd(), rules, st.sampled_from(["fee_percent", "ads_percent", "returns_rate"]))
def test_a_rule_that_takes_more_never_leaves_more(buy: Decimal, sell: Decimal, rule: CostRule, share: str) -> None:
    fields = {name: getattr(rule, name) for name in CostRule.__slots__}
    dearer = CostRule(**{**fields, share: min(Decimal(1), fields[share] + Decimal("0.1"))})
    assert profit(buy, sell, dearer).estimated_profit_usd <= profit(buy, sell, rule).estimated_profit_usd


def test_competitors_are_counted_averaged_and_set_beside_the_price() -> None:
    prices = [Decimal(price) for price in ("810.00", "815.00", "820.00", "825.00", "830.00")]
    found = opportunity(Decimal(650), Decimal("799.99"), cost_rule(), prices, sales_in_90_days=90)
    assert (found.competitor_count, found.avg_competitor_price_usd) == (5, Decimal("820.00"))
    assert found.price_strategy is PriceStrategy.COMPETITIVE
    assert found.days_to_sell == 1
    assert found.cost_rule_id == 1


@pytest.mark.parametrize(
    ("price", "expected"),
    [("94.99", "volume"), ("95.00", "competitive"), ("105.00", "competitive"), ("105.01", "premium")],
)
def test_the_strategy_changes_at_five_percent_around_the_average(price: str, expected: str) -> None:
    assert strategy(Decimal(price), competition([Decimal(90), Decimal(110)])) == expected


def test_days_to_sell_count_the_sellers_ahead_and_are_not_made_up() -> None:
    assert queue_days(sales_in_90_days=45, ahead=0) == 2
    assert queue_days(sales_in_90_days=45, ahead=2, units=3) == 10
    assert queue_days(sales_in_90_days=0, ahead=0) is None
    unknown = opportunity(Decimal(10), Decimal(20), cost_rule())
    assert unknown.days_to_sell is None
    assert unknown.avg_competitor_price_usd is None


@pytest.mark.parametrize("amount", ["-0.01", "NaN", "Infinity", "10000000000"])
def test_amounts_that_nothing_can_be_computed_from_are_refused(amount: str) -> None:
    with pytest.raises(AmountRefused, match="sellPriceUsd"):
        profit(Decimal(1), Decimal(amount), cost_rule())
