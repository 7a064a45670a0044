"""The batch gives what the single form gives, for every amount."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.pricing.cost_rules import CostRule
from libs.pricing.opportunity import profit
from libs.pricing.vectorised import in_cents, in_decimals, profits
from tests.unit.pricing.making import cost_rule, rules, usd

extreme = st.decimals(Decimal(0), Decimal("9999999999.99"), places=2)
amounts = st.one_of(usd("0.00", "20"), usd("0.00"), extreme)
widest = st.decimals(Decimal(0), Decimal(1), places=6)
dearest = st.decimals(Decimal(0), Decimal(10**10), places=6)
extreme_rules = st.builds(
    cost_rule,
    fee_percent=widest,
    ads_percent=widest,
    returns_rate=widest,
    fixed_fee_usd=dearest,
    avg_return_cost_usd=dearest,
    packaging_cost_usd=dearest,
    other_cost_usd=dearest,
)


@settings(deadline=None)
@given(
    st.lists(st.tuples(amounts, amounts, st.integers(0, 3)), max_size=30),
    st.lists(st.one_of(rules, extreme_rules), min_size=4, max_size=4),
)
def test_a_batch_equals_the_single_form(listings: list[tuple[Decimal, Decimal, int]], table: list[CostRule]) -> None:
    buy, sell = in_cents(one[0] for one in listings), in_cents(one[1] for one in listings)
    found = profits(buy, sell, table, np.array([one[2] for one in listings], np.int64))
    single = [profit(bought, sold, table[rule]) for bought, sold, rule in listings]
    assert in_decimals(found.total_fees) == [one.total_fees_usd for one in single]
    assert in_decimals(found.estimated_profit) == [one.estimated_profit_usd for one in single]
    assert in_decimals(found.roi) == [one.roi_percent for one in single]
    assert in_decimals(found.margin) == [one.margin_percent for one in single]


def test_a_hundred_thousand_listings_sampled_against_the_single_form() -> None:
    dice = np.random.default_rng(8)
    size = 100_000
    table = [cost_rule(id=each, fee_percent=Decimal(each) / 1000) for each in range(200)]
    buy, sell = dice.integers(0, 200_000, size), dice.integers(0, 400_000, size)
    rule = dice.integers(0, len(table), size)
    found = profits(buy, sell, table, rule)
    assert len(found) == size
    for at in range(0, size, 997):
        one = profit(Decimal(int(buy[at])) / 100, Decimal(int(sell[at])) / 100, table[rule[at]])
        assert in_decimals(found.estimated_profit[at : at + 1]) == [one.estimated_profit_usd]
        assert in_decimals(found.roi[at : at + 1]) == [one.roi_percent]


def test_columns_that_do_not_fit_are_refused() -> None:
    one, table = in_cents([Decimal(5)]), [cost_rule()]
    with pytest.raises(ValueError, match="differ in length"):
        profits(one, in_cents([]), table, np.zeros(1, np.int64))
    with pytest.raises(ValueError, match="column rule"):
        profits(one, one, table, np.ones(1, np.int64))
    with pytest.raises(ValueError, match="int64"):
        profits(one, one.astype(np.float64), table, np.zeros(1, np.int64))  # type: ignore[arg-type]  # what is refused
