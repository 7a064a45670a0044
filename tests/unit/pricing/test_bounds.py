"""Bounds: the minimum wins, and a profit bound is the lowest price that leaves the profit."""

from decimal import Decimal

from hypothesis import given, settings

from libs.pricing.bounds import Bounds, price_for_profit
from libs.pricing.cost_rules import CostRule
from libs.pricing.opportunity import profit
from tests.unit.pricing.making import cost_rule, rules, usd

CENT = Decimal("0.01")


def test_where_the_bounds_cross_the_minimum_wins() -> None:
    crossed = Bounds(Decimal(20), Decimal(10))
    assert [crossed.hold(Decimal(price)) for price in (5, 15, 25)] == [Decimal(20)] * 3


@settings(deadline=None)
@given(usd("0.00", "5000"), usd("0.00", "500"), rules)
def test_a_profit_bound_is_the_lowest_price_that_leaves_the_profit(
    cost: Decimal, least: Decimal, rule: CostRule
) -> None:
    price = price_for_profit(cost, least, rule)
    if price is None:
        assert rule.share_of_price >= Decimal("0.99")
        return
    assert profit(cost, price, rule).estimated_profit_usd >= least
    if price > CENT:
        assert profit(cost, price - CENT, rule).estimated_profit_usd < least


def test_no_price_leaves_a_profit_where_the_fees_take_all_of_it() -> None:
    everything = cost_rule(fee_percent=Decimal("0.6"), ads_percent=Decimal("0.4"))
    assert price_for_profit(Decimal(1), Decimal(1), everything) is None
