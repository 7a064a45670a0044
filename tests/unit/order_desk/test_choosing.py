"""The best buy offer: within all limits, the cheapest; and the reason says what was left out, and why."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.order_desk.choosing import Limits, Offer, choose, objection, other_units, units_of

LIMITS = Limits(quantity=2, budget_usd=Decimal(100), longest_days=7)
GOOD = Offer(1, "Good", Decimal(90), lead_days=3)

offers = st.lists(
    st.builds(
        Offer,
        id=st.integers(1, 50),
        supplier=st.sampled_from(["A", "B", "C"]),
        cost_usd=st.decimals(0, 200, places=2),
        is_active=st.booleans(),
        stock=st.none() | st.integers(0, 5),
        lead_days=st.none() | st.integers(0, 12),
        least=st.none() | st.integers(1, 4),
        most=st.none() | st.integers(1, 4),
    ),
    max_size=8,
)


@given(offers)
def test_the_choice_is_within_the_limits_and_no_cheaper_one_is(given_offers: list[Offer]) -> None:
    choice = choose(given_offers, LIMITS)
    good = [one for one in given_offers if objection(one, LIMITS) is None]
    if choice is None:
        assert not given_offers
    else:
        assert choice.within == bool(good)
        assert choice.offer.cost_usd == min(one.cost_usd for one in good or given_offers)
        assert choice.reason


@pytest.mark.parametrize(
    ("offer", "why"),
    [
        (GOOD, None),
        (Offer(2, "x", Decimal(90), is_active=False, lead_days=1), "is not active"),
        (Offer(2, "x", Decimal(90), stock=1, lead_days=1), "has 1 of 2 in stock"),
        (Offer(2, "x", Decimal(90), least=3, lead_days=1), "sells 3 or more"),
        (Offer(2, "x", Decimal(90), most=1, lead_days=1), "sells 1 at most"),
        (Offer(2, "x", Decimal(90)), "does not say how long it takes"),
        (Offer(2, "x", Decimal(90), lead_days=8), "takes 8 days, 7 is the most"),
        (Offer(2, "x", Decimal("100.01"), lead_days=7), "costs 100.01 USD a unit, 100.00 is the most"),
    ],
)
def test_each_limit_is_told_in_words(offer: Offer, why: str | None) -> None:
    assert objection(offer, LIMITS) == why


def test_of_equal_offers_the_faster_then_the_older_one_is_taken() -> None:
    faster = Offer(3, "Faster", Decimal(90), lead_days=1)
    choice = choose([GOOD, faster, Offer(2, "Younger", Decimal(90), lead_days=1)], LIMITS)
    assert choice is not None
    assert choice.offer.supplier == "Younger", "the lower number is the older one"
    assert "the cheapest of 3 offers" in choice.reason


def test_without_a_good_offer_the_reasons_are_told() -> None:
    slow = [Offer(number, f"S{number}", Decimal(number), lead_days=30) for number in range(1, 6)]
    choice = choose(slow, LIMITS)
    assert choice is not None
    assert not choice.within
    assert choice.offer.supplier == "S1"
    assert choice.reason.startswith("No offer is within cost and lead time. Left out: S1 takes 30 days")
    assert choice.reason.endswith("; and 2 more.")


def test_a_reason_tells_for_how_many_units_it_was_and_what_was_said_last_counts() -> None:
    choice = choose([GOOD], LIMITS)
    assert choice is not None
    assert units_of(choice.reason) == LIMITS.quantity
    more, less = other_units(5, 2), other_units(1, 5)
    assert more == "The order is for 5 units now, this purchase was for 2: buy 3 more."
    assert less == "The order is for 1 units now, this purchase was for 5: 4 of them are not needed."
    assert [units_of(text) for text in (f"{choice.reason} {more}", f"{choice.reason} {more} {less}")] == [5, 1]
    assert units_of("Best price found within SLA") is None
