"""Which cost rule holds: the nearest scope, then the one that started last."""

from datetime import date
from decimal import Decimal

import pytest

from libs.pricing.amounts import AmountRefused
from libs.pricing.cost_rules import ANY, CostRules, NoCostRule
from tests.unit.pricing.making import cost_rule

FIRST, LATER = date(2026, 1, 1), date(2026, 6, 1)


def test_a_rule_holds_from_its_first_to_its_last_day_both_included() -> None:
    rules = CostRules([cost_rule(effective_from=FIRST, effective_to=LATER)])
    assert rules.on(FIRST, "amazon", "US", "Electronics").id == 1
    assert rules.on(LATER, "amazon", "US", "Electronics").id == 1
    for outside in (date(2025, 12, 31), date(2026, 6, 2)):
        with pytest.raises(NoCostRule, match=str(outside)):
            rules.on(outside, "amazon", "US", "Electronics")


def test_where_two_overlap_the_one_that_started_last_holds() -> None:
    rules = CostRules(
        [
            cost_rule(id=1, effective_from=FIRST),
            cost_rule(id=2, effective_from=LATER, effective_to=date(2026, 6, 30)),
            cost_rule(id=3, effective_from=FIRST),
        ]
    )
    assert rules.on(date(2026, 5, 31), "amazon", "US", "Electronics").id == 3
    assert rules.on(date(2026, 6, 15), "amazon", "US", "Electronics").id == 2
    assert rules.on(date(2026, 7, 1), "amazon", "US", "Electronics").id == 3


def test_the_nearest_scope_holds_even_if_a_wider_one_is_newer() -> None:
    rules = CostRules(
        [
            cost_rule(id=1, market=ANY, category=ANY, effective_from=LATER),
            cost_rule(id=2, market=ANY, effective_from=LATER),
            cost_rule(id=3, category=ANY, effective_from=LATER),
            cost_rule(id=4, effective_from=FIRST),
        ]
    )
    day = date(2026, 7, 1)
    assert rules.on(day, "Amazon", "us", "electronics").id == 4
    assert rules.on(day, "amazon", "US", "Shoes").id == 3
    assert rules.on(day, "amazon", "MX", "Electronics").id == 2
    assert rules.on(day, "amazon", "MX", "Shoes").id == 1
    with pytest.raises(NoCostRule, match="mercadolibre"):
        rules.on(day, "mercadolibre", "MX", "Shoes")


def test_rules_that_make_no_sense_are_refused_in_words() -> None:
    with pytest.raises(AmountRefused, match="fee_percent is 15"):
        cost_rule(fee_percent=Decimal(15))
    with pytest.raises(AmountRefused, match="six decimals"):
        cost_rule(other_cost_usd=Decimal("0.0000001"))
    with pytest.raises(ValueError, match="before it starts"):
        cost_rule(effective_to=date(2020, 1, 1))
