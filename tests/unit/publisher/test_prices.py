"""A price in any currency lies within the draft's limits, or there is none."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.exchange_rates.rates import Rate
from libs.selling.channel import NotPublishable
from schemas.values import Money
from services.publisher.prices import Limits, local_price, require_within

TODAY = date(2026, 11, 21)
CENT = Decimal("0.01")
amounts = st.decimals("0.01", "100000", places=2)
rates = st.decimals("0.0001", "40", places=6).filter(lambda rate: rate > 0)


@given(st.tuples(amounts, amounts, amounts).map(sorted), rates)
def test_it_is_within_the_limits_and_as_near_to_the_suggestion_as_cents_allow(prices, rate):
    limits, to_usd = Limits(prices[1], prices[0], prices[2]), Rate(rate, TODAY)
    try:
        price = local_price(limits, "MXN", to_usd)
    except NotPublishable:
        first_above = (limits.least / rate).quantize(CENT, "ROUND_CEILING")
        assert first_above * rate > limits.most
        return
    assert price.amount == price.amount.quantize(CENT)
    assert limits.least <= price.amount * rate <= limits.most
    require_within(limits, price, to_usd)
    better = [price.amount + step for step in (CENT, -CENT)]
    for other in better:
        if limits.least <= other * rate <= limits.most:
            assert abs(other * rate - limits.suggested) >= abs(price.amount * rate - limits.suggested)


def test_in_the_draft_s_own_currency_it_is_the_suggested_price():
    limits = Limits(Decimal("799.99"), Decimal("749.99"), Decimal("849.99"))
    assert local_price(limits, "USD", Rate(Decimal(1), TODAY)) == Money(amount=Decimal("799.99"), currency="USD")


@pytest.mark.parametrize(("amount", "fits"), [("849.99", True), ("850.01", False), ("749.97", False)])
def test_what_a_marketplace_answers_is_held_against_the_limits(amount, fits):
    limits = Limits(Decimal("799.99"), Decimal("749.99"), Decimal("849.99"))
    price = Money(amount=Decimal(amount), currency="USD")
    if fits:
        require_within(limits, price, Rate(Decimal(1), TODAY))
        return
    with pytest.raises(NotPublishable, match="it was taken off"):
        require_within(limits, price, Rate(Decimal(1), TODAY))


def test_a_currency_without_minor_units_is_priced_in_whole_ones() -> None:
    limits = Limits(Decimal("799.99"), Decimal("749.99"), Decimal("849.99"))
    price = local_price(limits, "CLP", Rate(Decimal("0.00105"), TODAY))
    assert price.amount == Decimal(761895)
    assert price.amount.as_tuple().exponent == 0


def test_limits_of_any_size_leave_a_price_or_words() -> None:
    endless = Limits(Decimal("799.99"), Decimal("1E-40"), Decimal("9" * 40))
    assert local_price(endless, "MXN", Rate(Decimal("0.0625"), TODAY)).amount == Decimal("12799.84")
    with pytest.raises(NotPublishable, match="is not below 10000000000 USD"):
        local_price(Limits(*[Decimal("9" * 40)] * 3), "USD", Rate(Decimal(1), TODAY))
