"""Trends: known figures, known shapes, and what must not move them."""

import random
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.pricing.trend import Direction, Sale, average, in_window, mann_kendall, theil_sen, trend
from tests.unit.pricing.making import DAY


def series(prices: list[float]) -> list[Sale]:
    """One sale a day, the last one today."""
    return [
        Sale(DAY - timedelta(days=len(prices) - 1 - at), Decimal(str(round(price, 2))))
        for at, price in enumerate(prices)
    ]


def noisy(slope: float, seed: int, days: int = 60, noise: float = 4.0) -> list[Sale]:
    dice = random.Random(seed)
    return series([200 + slope * day + dice.gauss(0, noise) for day in range(days)])


def test_mann_kendall_agrees_with_figures_worked_by_hand() -> None:
    # Ten rising values: S = 45, variance = 10·9·25/18 = 125, z = 44/√125 = 3.9355.
    assert mann_kendall([Decimal(each) for each in range(10)]) == pytest.approx(8.303e-05, rel=1e-3)
    # With ties 1 1 2 2: S = 4, variance = (4·3·13 - 2·(2·1·9))/18 = 20/3, z = 3/√(20/3) = 1.1619.
    assert mann_kendall([Decimal(each) for each in (1, 1, 2, 2)]) == pytest.approx(0.24528, rel=1e-3)
    assert mann_kendall([Decimal(7)] * 12) == 1.0


def test_theil_sen_is_the_median_slope_and_shrugs_at_an_outlier() -> None:
    line = [(day, Decimal(100 + 3 * day)) for day in range(11)]
    assert theil_sen(line) == 3
    line[5] = (5, Decimal(9_999))
    assert abs(theil_sen(line) - 3) < Decimal("0.01")
    with pytest.raises(ValueError, match="two points"):
        theil_sen([(1, Decimal(1))])


@pytest.mark.parametrize("seed", range(5))
def test_a_clear_rise_a_clear_fall_and_noise_are_told_apart(seed: int) -> None:
    assert trend(noisy(1.0, seed), DAY).direction is Direction.INCREASING
    assert trend(noisy(-1.0, seed), DAY).direction is Direction.DECREASING


def test_pure_noise_is_called_a_trend_about_as_rarely_as_the_significance_says() -> None:
    # Noise this wide passes the 5 % threshold of materiality at times; what is left is the test's own error.
    wrong = sum(trend(noisy(0.0, seed, noise=40.0), DAY).direction is not Direction.STABLE for seed in range(200))
    assert wrong <= 20


def test_a_significant_but_tiny_slope_is_stable() -> None:
    found = trend(series([200 + 0.02 * day for day in range(60)]), DAY)
    assert found.p_value is not None
    assert found.p_value < 0.001
    assert found.direction is Direction.STABLE


def test_too_few_days_say_nothing_and_days_outside_the_window_do_not_count() -> None:
    assert trend(series([100, 120, 140, 160, 180, 200, 220]), DAY) == trend([], DAY).__class__(
        Direction.STABLE, 7, None, None, None
    )
    old = [Sale(sale.day - timedelta(days=90), sale.price) for sale in series([1.0] * 90)]
    rising = noisy(1.0, 1)
    assert trend([*old, *rising], DAY) == trend(rising, DAY)
    assert len(in_window([*old, *rising], DAY)) == 60
    assert in_window([Sale(DAY - timedelta(days=89), Decimal(1)), Sale(DAY - timedelta(days=90), Decimal(1))], DAY) == [
        Sale(DAY - timedelta(days=89), Decimal(1))
    ]


@settings(deadline=None)
@given(st.integers(0, 10_000), st.randoms(use_true_random=False))
def test_the_order_of_sales_does_not_matter_and_mirrored_prices_mirror_the_trend(
    seed: int, dice: random.Random
) -> None:
    sales = noisy(0.5, seed, days=20)
    shuffled = sales.copy()
    dice.shuffle(shuffled)
    found = trend(sales, DAY)
    assert trend(shuffled, DAY) == found
    mirrored = trend([Sale(sale.day, 400 - sale.price) for sale in sales], DAY)
    assert mirrored.p_value == found.p_value
    assert mirrored.slope_per_day is not None
    assert found.slope_per_day is not None
    assert mirrored.slope_per_day == -found.slope_per_day


def test_the_average_is_rounded_to_the_cent() -> None:
    assert average(series([10.0, 10.0, 10.01])) == Decimal("10.00")
    assert average([]) is None
