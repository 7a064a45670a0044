"""Days to sell: the model finds what made the data, and tells its error on what it has not seen."""

import math
import random

import pytest

from libs.pricing.days_to_sell import Circumstances, SoldPiece, TooFewSales, fit, held_out_error


def history(size: int, noise: float = 0.3) -> list[SoldPiece]:
    """Pieces sold as the model says: 20 days at the market's price, dearer slower, livelier faster."""
    dice = random.Random(4)
    made = []
    for _ in range(size):
        each = Circumstances(dice.uniform(0.8, 1.25), dice.uniform(0.1, 5), dice.randint(0, 6))
        exponent = (
            3
            + 6 * math.log(each.price_ratio)
            - 0.7 * math.log(each.sales_per_day)
            + 0.5 * math.log1p(each.sellers_ahead)
        )
        made.append(SoldPiece(each, math.exp(exponent + dice.gauss(0, noise))))
    return made


def test_the_model_finds_the_coefficients_that_made_the_data() -> None:
    assert fit(history(2_000)).coefficients == pytest.approx((3, 6, -0.7, 0.5), abs=0.2)


def test_on_held_out_sales_it_beats_the_median_and_says_by_how_much() -> None:
    error = held_out_error(history(800))
    assert error.pieces == 200
    # Noise of 0.3 leaves a median factor of exp(0.3 * 0.6745) = 1.22 that no model can remove.
    assert 1.1 < error.median_factor < 1.35
    assert error.median_factor < error.baseline_median_factor
    assert error.median_absolute_days < error.baseline_median_absolute_days


def test_dearer_is_slower_and_more_sellers_ahead_are_slower() -> None:
    model = fit(history(300))
    usual = model.days(Circumstances(1.0, 1.0, 1))
    assert model.days(Circumstances(1.1, 1.0, 1)) > usual
    assert model.days(Circumstances(1.0, 1.0, 4)) > usual
    assert model.days(Circumstances(1.0, 4.0, 1)) < usual


def test_too_few_sales_and_senseless_circumstances_are_refused() -> None:
    with pytest.raises(TooFewSales, match="29 sales are known"):
        fit(history(29))
    with pytest.raises(ValueError, match="price ratio"):
        Circumstances(0, 1, 1)
