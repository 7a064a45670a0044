"""Rates as of a day: the last earlier one, never a later one, and exact arithmetic between currencies."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.exchange_rates.ecb import DailyRates, parse
from libs.exchange_rates.rates import ExchangeRates, NoRate, Rate
from services.sandbox.ecb.publications import published
from services.sandbox.ecb.routes import document

FRIDAY, MONDAY = date(2026, 6, 5), date(2026, 6, 8)


def day(of: date, **rates: str) -> DailyRates:
    return DailyRates(of, {name: Decimal(rate) for name, rate in rates.items()})


WEEKEND = ExchangeRates(
    [day(FRIDAY, USD="1.1500", MXN="20.0000", JPY="180.00"), day(MONDAY, USD="1.2000", MXN="21.0000")]
)


def test_a_weekend_takes_fridays_rate_and_never_mondays() -> None:
    for on in (FRIDAY, FRIDAY + timedelta(days=1), FRIDAY + timedelta(days=2)):
        assert WEEKEND.rate(on, "EUR", "USD") == Rate(Decimal("1.1500"), FRIDAY)
    assert WEEKEND.rate(MONDAY, "EUR", "USD") == Rate(Decimal("1.2000"), MONDAY)


def test_before_the_first_day_and_long_after_the_last_there_is_no_rate() -> None:
    with pytest.raises(NoRate, match="none"):
        WEEKEND.rate(FRIDAY - timedelta(days=1), "EUR", "USD")
    assert WEEKEND.rate(MONDAY + timedelta(days=7), "EUR", "USD").as_of == MONDAY
    with pytest.raises(NoRate, match="2026-06-08"):
        WEEKEND.rate(MONDAY + timedelta(days=8), "EUR", "USD")
    with pytest.raises(NoRate, match="from XXX to USD"):
        WEEKEND.rate(MONDAY, "XXX", "USD")


def test_a_currency_is_one_of_itself_even_where_nothing_is_published() -> None:
    sunday = FRIDAY + timedelta(days=2)
    assert ExchangeRates([]).rate(sunday, "USD", "USD") == Rate(Decimal(1), sunday)


def test_both_currencies_come_from_the_same_publication() -> None:
    # The yen was not published on Monday: its rate to the dollar is Friday's, with Friday's dollar.
    assert WEEKEND.rate(MONDAY, "USD", "JPY") == Rate(Decimal("156.521739130"), FRIDAY)


def test_an_amount_is_converted_by_the_rate_that_is_told_and_rounded_once() -> None:
    found = WEEKEND.convert(Decimal("25999"), MONDAY, "MXN", "USD")
    assert found.rate == Rate(Decimal("0.0571428571429"), MONDAY)
    assert found.amount == Decimal("1485.66")
    assert WEEKEND.convert(Decimal("1.00"), FRIDAY, "EUR", "JPY").amount == Decimal(180)
    assert WEEKEND.convert(Decimal("799.99"), FRIDAY, "USD", "USD").amount == Decimal("799.99")
    with pytest.raises(ValueError, match="not finite"):
        WEEKEND.convert(Decimal("NaN"), FRIDAY, "USD", "EUR")


positive = st.decimals(Decimal("0.0001"), Decimal(30_000), places=4)


@settings(deadline=None)
@given(positive, positive)
def test_cross_rates_are_the_quotient_to_twelve_digits_and_invert(one: Decimal, other: Decimal) -> None:
    rates = ExchangeRates([DailyRates(FRIDAY, {"AAA": one, "BBB": other})])
    there, back = rates.rate(FRIDAY, "AAA", "BBB").value, rates.rate(FRIDAY, "BBB", "AAA").value
    assert abs(Fraction(there) * Fraction(one) / Fraction(other) - 1) <= Fraction(1, 10**11)
    assert abs(Fraction(there) * Fraction(back) - 1) <= Fraction(3, 10**11)
    assert rates.rate(FRIDAY, "EUR", "AAA").value == one


@settings(deadline=None)
@given(st.sets(st.integers(0, 60), min_size=1, max_size=30), st.integers(0, 70))
def test_the_day_found_is_the_last_one_not_after_the_day_asked_for(known: set[int], asked: int) -> None:
    first = date(2026, 1, 1)
    rates = ExchangeRates(day(first + timedelta(days=each), USD=str(each + 1)) for each in known)
    earlier = [each for each in known if asked - 7 <= each <= asked]
    if not earlier:
        with pytest.raises(NoRate):
            rates.rate(first + timedelta(days=asked), "EUR", "USD")
        return
    found = rates.rate(first + timedelta(days=asked), "EUR", "USD")
    assert found == Rate(Decimal(max(earlier) + 1), first + timedelta(days=max(earlier)))


def test_the_banks_real_year_has_a_rate_for_every_day_of_it() -> None:
    rates = ExchangeRates(parse(document(published(datetime(2026, 12, 1, tzinfo=UTC))).encode()))
    for number in range((date(2026, 10, 30) - date(2026, 1, 2)).days):
        on = date(2026, 1, 2) + timedelta(days=number)
        assert on - timedelta(days=4) <= rates.rate(on, "MXN", "USD").as_of <= on
    # Good Friday and Easter Monday are TARGET holidays: Thursday's rate holds until Tuesday.
    assert rates.rate(date(2026, 4, 6), "USD", "EUR").as_of == date(2026, 4, 2)
