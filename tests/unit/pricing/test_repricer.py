"""The repricer: each rule and guardrail by example, and the laws that hold for all of them together."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.pricing.opportunity import profit
from libs.pricing.outliers import Competitor, without_outliers
from libs.pricing.repricer import Proposal, StepName, propose
from libs.pricing.repricing_rule import Amount, BoundUnknown, Distance, Percent, Position, Priced, RepricingRule
from tests.unit.pricing.making import cost_rule, rules, usd

ONE_DOLLAR = Amount(Decimal(1))


def rule(position: Position = Position.UNDERCUT, distance: Distance = ONE_DOLLAR, **more: Any) -> RepricingRule:
    return RepricingRule(
        **{"id": 7, "version": 2, "position": position, "distance": distance, "minimum_usd": Decimal(1)} | more
    )


def market(*prices: str) -> list[Competitor]:
    return [Competitor(f"seller{at}", Decimal(price)) for at, price in enumerate(prices)]


def priced(current: str, **more: Any) -> Priced:
    return Priced(Decimal(current), **more)


@pytest.mark.parametrize(
    ("position", "distance", "expected"),
    [
        (Position.UNDERCUT, Amount(Decimal("0.50")), "99.50"),
        (Position.UNDERCUT, Percent(Decimal("2.5")), "97.50"),
        (Position.FOLLOW, Amount(Decimal("0.50")), "100.50"),
        (Position.FOLLOW, Percent(Decimal(0)), "100.00"),
    ],
)
def test_the_target_stands_beside_the_cheapest_competitor(
    position: Position, distance: Distance, expected: str
) -> None:
    found = propose(rule(position, distance), priced("150"), market("130", "100", "110"))
    assert found.price_usd == Decimal(expected)
    assert found.steps[0].name is StepName.TARGET
    assert found.competitors.lowest_seller == "seller1"


def test_another_condition_ourselves_and_prices_out_of_line_do_not_count() -> None:
    offers = [
        Competitor("used", Decimal(40), "used"),
        Competitor("us", Decimal(50)),
        Competitor("mad", Decimal("0.99")),
        *market("100", "102", "98", "101"),
    ]
    found = propose(rule(), priced("120", seller="us"), offers)
    assert found.price_usd == Decimal("97.00")
    assert (found.competitors.counted, found.competitors.other_condition, found.competitors.outliers) == (4, 1, 1)
    used = propose(rule(condition="Used"), priced("120", seller="us"), offers)
    assert used.price_usd == Decimal("39.00"), "the rule says which condition is its listing's"


def test_an_unknown_condition_counts_unless_the_rule_leaves_it_out() -> None:
    offers = [Competitor("who", Decimal(80), None), *market("100")]
    assert propose(rule(), priced("120"), offers).price_usd == Decimal("79.00")
    strict = propose(rule(unknown_condition_counts=False), priced("120"), offers)
    assert (strict.price_usd, strict.competitors.unknown_condition) == (Decimal("99.00"), 1)
    alone = propose(rule(unknown_condition_counts=False), priced("120"), offers[:1])
    assert "1 of an unknown one" in alone.explanation


def test_equal_prices_do_not_make_the_next_one_an_outlier_and_few_prices_have_none() -> None:
    assert len(without_outliers(market("100", "100", "100", "100", "99.99"))) == 5
    assert len(without_outliers(market("1", "100", "100"))) == 3


def test_without_competitors_the_fallback_price_holds_and_without_one_the_present_price() -> None:
    assert propose(rule(fallback_usd=Decimal(80)), priced("120"), []).price_usd == Decimal(80)
    kept = propose(rule(), priced("120"), [])
    assert not kept.changes
    assert "No competitor counts" in kept.explanation


def test_the_price_is_not_lowered_while_we_win() -> None:
    found = propose(rule(), priced("99.50"), market("100"))
    assert (found.price_usd, found.guardrails) == (Decimal("99.50"), (StepName.ALREADY_WINNING,))
    told = propose(rule(), priced("110", winning=True), market("100"))
    assert told.price_usd == Decimal(110)
    assert propose(rule(), priced("99.50", winning=False), market("100")).price_usd == Decimal(99)


def test_a_winner_that_is_cheaper_than_need_be_is_raised() -> None:
    assert propose(rule(), priced("60"), market("100")).price_usd == Decimal(99)


def test_a_change_goes_no_further_than_the_largest_step() -> None:
    steps = {"largest_drop": Percent(Decimal(10)), "largest_rise": Amount(Decimal(5))}
    down = propose(rule(**steps), priced("200"), market("100"))
    assert (down.price_usd, down.guardrails) == (Decimal("180.00"), (StepName.LARGEST_DROP,))
    up = propose(rule(**steps), priced("50"), market("100"))
    assert (up.price_usd, up.guardrails) == (Decimal(55), (StepName.LARGEST_RISE,))


def test_the_minimum_wins_over_the_maximum_and_over_the_largest_step() -> None:
    crossed = rule(minimum_usd=Decimal(90), maximum_usd=Decimal(70))
    assert propose(crossed, priced("80"), market("60")).price_usd == Decimal(90)
    assert propose(crossed, priced("80"), market("200")).guardrails[-1] is StepName.MINIMUM
    stepped = rule(minimum_usd=Decimal(90), largest_rise=Amount(Decimal(1)))
    assert propose(stepped, priced("50"), market("100")).price_usd == Decimal(90)


def test_profit_bounds_follow_cost_and_fees() -> None:
    listing = priced("100", buy_cost_usd=Decimal(50), cost_rule=cost_rule())
    bounded = rule(minimum_usd=None, least_profit_usd=Decimal(10), most_profit_usd=Decimal(60))
    found = propose(bounded, listing, market("20"))
    assert found.guardrails == (StepName.MINIMUM,)
    assert profit(Decimal(50), found.price_usd, cost_rule()).estimated_profit_usd == Decimal(10)
    assert propose(bounded, listing, market("900")).guardrails == (StepName.MAXIMUM,)
    with pytest.raises(BoundUnknown, match="cost rule is not known"):
        propose(bounded, priced("100"), market("20"))


def test_a_rule_that_could_sell_at_a_loss_is_refused() -> None:
    with pytest.raises(ValueError, match="could sell at a loss"):
        rule(minimum_usd=None)
    with pytest.raises(ValueError, match="must not be negative"):
        rule(distance=Amount(Decimal(-1)))


distances = st.one_of(
    st.builds(Amount, usd("0.00", "50")), st.builds(Percent, st.decimals(Decimal(0), Decimal(60), places=2))
)
any_rule = st.builds(
    RepricingRule,
    id=st.just(1),
    version=st.just(1),
    position=st.sampled_from(Position),
    distance=distances,
    minimum_usd=usd("0.01", "300"),
    maximum_usd=st.none() | usd("0.01", "300"),
    least_profit_usd=st.none() | usd("0.00", "50"),
    most_profit_usd=st.none() | usd("50", "150"),
    fallback_usd=st.none() | usd("0.01", "300"),
    largest_drop=st.none() | distances,
    largest_rise=st.none() | distances,
    condition=st.sampled_from(["new", "used"]),
    unknown_condition_counts=st.booleans(),
)
listings = st.builds(
    Priced,
    current_usd=usd("0.01", "400"),
    seller=st.just("us"),
    buy_cost_usd=usd("0.00", "200"),
    cost_rule=rules.filter(lambda each: each.share_of_price < Decimal("0.9")),
    winning=st.sampled_from([None, True, False]),
)
offers = st.lists(
    st.builds(
        Competitor,
        st.sampled_from(["us", "a", "b", "c", "d"]),
        usd("0.01", "400"),
        st.sampled_from(["new", "used", None]),
    ),
    max_size=8,
)


@settings(deadline=None)
@given(any_rule, listings, offers)
def test_bounds_are_never_crossed(given_rule: RepricingRule, listing: Priced, others: list[Competitor]) -> None:
    found = propose(given_rule, listing, others)
    assert found.price_usd >= found.bounds.lowest >= (given_rule.minimum_usd or 0)
    if found.bounds.highest is not None:
        assert found.price_usd <= max(found.bounds.highest, found.bounds.lowest)
    if given_rule.least_profit_usd is not None and listing.buy_cost_usd is not None and listing.cost_rule is not None:
        earned = profit(listing.buy_cost_usd, found.price_usd, listing.cost_rule).estimated_profit_usd
        assert earned >= given_rule.least_profit_usd


@settings(deadline=None)
@given(any_rule, listings, offers)
def test_the_explanation_leads_to_the_price_and_names_only_what_changed_it(
    given_rule: RepricingRule, listing: Priced, others: list[Competitor]
) -> None:
    found = propose(given_rule, listing, others)
    assert found.steps[0].before == found.current_usd
    assert found.steps[-1].after == found.price_usd
    for before, after in zip(found.steps, found.steps[1:], strict=False):
        assert before.after == after.before
        assert after.before != after.after
    assert str(found.price_usd) in found.explanation
    assert ("No change" in found.explanation) is not found.changes
    seen = found.competitors
    left_out = seen.other_condition + seen.unknown_condition + seen.outliers
    assert seen.counted + left_out == sum(each.seller != "us" for each in others)


@settings(deadline=None)
@given(any_rule, listings, offers)
def test_the_same_inputs_give_the_same_proposal_and_carried_out_it_settles(
    given_rule: RepricingRule, listing: Priced, others: list[Competitor]
) -> None:
    first = propose(given_rule, listing, others)
    assert propose(given_rule, listing, list(reversed(others))).price_usd == first.price_usd
    again = carried_out(given_rule, listing, others, first)
    if not {StepName.LARGEST_DROP, StepName.LARGEST_RISE} & set(first.guardrails):
        assert not again.changes
        return
    # Limited steps go on in one direction until the target: prices do not swing.
    if again.changes and first.changes:
        assert (again.price_usd > again.current_usd) == (first.price_usd > first.current_usd)


def carried_out(used: RepricingRule, listing: Priced, others: list[Competitor], proposal: Proposal) -> Proposal:
    return propose(used, replace(listing, current_usd=proposal.price_usd), others)


@settings(deadline=None)
@given(any_rule, listings, offers, usd("0.00", "50"))
def test_dearer_competitors_never_lead_to_a_lower_price(
    given_rule: RepricingRule, listing: Priced, others: list[Competitor], more: Decimal
) -> None:
    few = others[:3]  # with four or more, raising all by an amount may bring an outlier back into line
    raised = [replace(each, price_usd=each.price_usd + more) for each in few]
    assert propose(given_rule, listing, raised).price_usd >= propose(given_rule, listing, few).price_usd
