"""A rule replayed: the price's way, which of the real sales it would have made, and what it would have earned."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.pricing.backtest import Backtest, Moment, PastSale, Scope, backtest
from libs.pricing.cost_rules import CostRules, NoCostRule
from libs.pricing.repricer import StepName
from libs.pricing.repricing_rule import Amount, Position, RepricingRule
from tests.unit.pricing.making import cost_rule, usd

BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
SCOPE = Scope("amazon", "US", "Electronics")
UNDERCUT = RepricingRule(1, 1, Position.UNDERCUT, Amount(Decimal(1)), minimum_usd=Decimal(90))


def day(number: float) -> datetime:
    return BEGIN + timedelta(days=number)


def replay(rule: RepricingRule, asks: list[str | None], sales: list[tuple[float, str]]) -> Backtest:
    moments = [Moment(day(at), None if ask is None else Decimal(ask)) for at, ask in enumerate(asks)]
    past = [PastSale(day(at), Decimal(price)) for at, price in sales]
    return backtest(rule, Decimal(200), Decimal(50), moments, past, CostRules([cost_rule()]), SCOPE)


def test_the_price_follows_the_market_and_sells_where_a_buyer_paid_as_much() -> None:
    found = replay(UNDERCUT, ["150", "120", "85", None], [(0.5, "149"), (1.5, "118"), (2.5, "95"), (3.5, "89")])
    assert [point.price_usd for point in found.prices] == [Decimal(each) for each in ("149", "119", "90", "90")]
    assert found.guardrails == {StepName.MINIMUM: 1}
    assert found.changes == 2
    assert (found.happened.sales, found.happened.revenue_usd) == (4, Decimal(451))
    assert (found.replayed.sales, found.replayed.revenue_usd) == (2, Decimal(239))  # at 149, and at 90 for who paid 95
    # Fees are a fifth of the price, and 1.21 besides.
    assert found.replayed.profit_usd == Decimal("67.99") + Decimal("20.79")


def test_before_the_first_moment_the_first_price_holds() -> None:
    moments = [Moment(day(5), Decimal(100))]
    past = [PastSale(day(1), Decimal(199)), PastSale(day(2), Decimal(200))]
    found = backtest(UNDERCUT, Decimal(200), Decimal(50), moments, past, CostRules([cost_rule()]), SCOPE)
    assert found.replayed.sales == 1


def test_a_day_without_a_cost_rule_is_told_and_not_guessed() -> None:
    with pytest.raises(NoCostRule):
        backtest(UNDERCUT, Decimal(200), Decimal(50), [], [PastSale(day(1), Decimal(100))], CostRules([]), SCOPE)


@given(st.lists(st.none() | usd("1", "500"), max_size=15), st.lists(st.tuples(st.floats(0, 20), usd("1", "500"))))
def test_no_sale_is_made_up_and_the_minimum_holds(
    asks: list[Decimal | None], sales: list[tuple[float, Decimal]]
) -> None:
    found = replay(UNDERCUT, [None if ask is None else str(ask) for ask in asks], [(at, str(p)) for at, p in sales])
    assert found.replayed.sales <= found.happened.sales == len(sales)
    assert all(point.price_usd >= Decimal(90) for point in found.prices)
    assert found.replayed.revenue_usd <= found.happened.revenue_usd
