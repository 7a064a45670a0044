"""Expected days to sell, fitted on past sales.

Model: log(days) = a + b * log(price / market price) + c * log(market's sales per day) + d * log(1 + sellers as cheap or
cheaper), by least squares with a small ridge; the estimate is exp of the mean, the median of the days. It is an
accelerated failure time model with log-normal errors (Kalbfleisch and Prentice, 2002, ch. 2), for pieces that have
been sold: what is still for sale is not in the history, so the estimate is low where much remains unsold.

Floats are right here: days are estimated, not owed.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import NDArray

FEWEST_SALES = 30
_RIDGE = 1e-4
_RAREST = 1 / 365
LONGEST_DAYS = 3650


class TooFewSales(ValueError):
    """A model fitted on so few sales would say more than is known."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What days to sell depend on."""

    price_ratio: float
    """Our price / the market's (1.05: 5 % dearer)."""
    sales_per_day: float
    """The market's, of the product."""
    sellers_ahead: int

    def __post_init__(self) -> None:
        if not (math.isfinite(self.price_ratio) and self.price_ratio > 0):
            raise ValueError(f"The price ratio is {self.price_ratio}: it must be above zero.")
        if not (math.isfinite(self.sales_per_day) and self.sales_per_day >= 0) or self.sellers_ahead < 0:
            raise ValueError(
                f"Sales per day ({self.sales_per_day}) and sellers ahead ({self.sellers_ahead}) must not be negative."
            )


@dataclass(frozen=True, slots=True)
class SoldPiece:
    """A piece that was sold after `days` on sale."""

    circumstances: Circumstances
    days: float


@dataclass(frozen=True, slots=True)
class HeldOutError:
    """How well a model tells days that it has not seen, beside always telling the median."""

    pieces: int
    median_absolute_days: float
    median_factor: float
    """Half of the estimates are within this factor of the truth (1: exact)."""
    baseline_median_absolute_days: float
    baseline_median_factor: float


@dataclass(frozen=True, slots=True)
class DaysToSellModel:
    """The coefficients a, b, c, d, and the number of sales they rest on."""

    coefficients: tuple[float, float, float, float]
    fitted_on: int

    def days(self, circumstances: Circumstances) -> float:
        exponent = float(np.dot(_features(circumstances), self.coefficients))
        return min(math.exp(min(exponent, 20.0)), LONGEST_DAYS)


def fit(history: Sequence[SoldPiece]) -> DaysToSellModel:
    """The model of a sales history, in any order; raise TooFewSales."""
    if len(history) < FEWEST_SALES:
        raise TooFewSales(f"{len(history)} sales are known; days to sell are fitted on {FEWEST_SALES} or more.")
    features = np.array([_features(piece.circumstances) for piece in history])
    target = np.array([_log_days(piece.days) for piece in history])
    penalty = _RIDGE * len(history) * np.diag([0.0, 1.0, 1.0, 1.0])
    a, b, c, d = np.linalg.solve(features.T @ features + penalty, features.T @ target).tolist()
    return DaysToSellModel((a, b, c, d), len(history))


def held_out_error(history: Sequence[SoldPiece], share: float = 0.25) -> HeldOutError:
    """Fit on the first part of the history, tell the rest (as life does: history must be in order of the sale)."""
    cut = len(history) - max(1, round(len(history) * share))
    known, later = history[:cut], history[cut:]
    model, usual = fit(known), median(piece.days for piece in known)
    pairs = [(model.days(piece.circumstances), piece.days) for piece in later]
    flat = [(usual, piece.days) for piece in later]
    return HeldOutError(len(later), _absolute(pairs), _factor(pairs), _absolute(flat), _factor(flat))


def _features(of: Circumstances) -> NDArray[np.float64]:
    return np.array(
        [1.0, math.log(of.price_ratio), math.log(max(of.sales_per_day, _RAREST)), math.log1p(of.sellers_ahead)]
    )


def _log_days(days: float) -> float:
    return math.log(max(days, 1 / 24))


def _absolute(pairs: Sequence[tuple[float, float]]) -> float:
    return median(abs(told - true) for told, true in pairs)


def _factor(pairs: Sequence[tuple[float, float]]) -> float:
    return math.exp(median(abs(_log_days(told) - _log_days(true)) for told, true in pairs))
