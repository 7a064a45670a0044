"""Where a price is going: increasing, stable or decreasing, by a stated rule.

The rule (`trend`), on the daily medians of the last 90 days' sales:
1. Fewer than `FEWEST_DAYS` days with a sale: stable. Nothing can be told apart from noise.
2. Mann–Kendall test for a monotonic trend, two-sided, with correction for ties and continuity: p above 5 %: stable.
3. Theil–Sen slope (the median of the slopes of all pairs), over the days observed, as a share of the median price:
   less than 5 % in either direction: stable, however significant.
4. Otherwise increasing or decreasing, by the sign of the slope.

Neither test minds outliers or the shape of the errors: one mad sale moves nothing. Days are taken as independent;
prices with strong inertia are called trending more often than at 5 %.

Sources: H. B. Mann, Econometrica 13 (1945); M. G. Kendall, Rank Correlation Methods (1975); P. K. Sen, JASA 63 (1968).
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import combinations
from statistics import median

from libs.pricing.amounts import CENT, quotient

WINDOW_DAYS = 90
FEWEST_DAYS = 8
SIGNIFICANCE = 0.05
MATERIAL = Decimal("0.05")


class Direction(StrEnum):
    INCREASING = "increasing"
    STABLE = "stable"
    DECREASING = "decreasing"


@dataclass(frozen=True, slots=True)
class Sale:
    """One sale: its day (UTC) and its price, in the currency of the whole series."""

    day: date
    price: Decimal


@dataclass(frozen=True, slots=True)
class Trend:
    """What was found, with the figures it rests on."""

    direction: Direction
    days: int
    """Days with a sale."""
    p_value: float | None
    """Mann–Kendall, two-sided; None: too few days."""
    slope_per_day: Decimal | None
    """Theil–Sen, in currency per day."""
    change: Decimal | None
    """The slope over the days observed, as a share of the median price (0.10: 10 % dearer)."""


def in_window(sales: Iterable[Sale], today: date, days: int = WINDOW_DAYS) -> list[Sale]:
    """The sales of the `days` days that end with `today`."""
    first = today - timedelta(days=days - 1)
    return [sale for sale in sales if first <= sale.day <= today]


def average(sales: Sequence[Sale]) -> Decimal | None:
    """The mean price in cents; None without sales."""
    return quotient(sum((sale.price for sale in sales), Decimal(0)), Decimal(len(sales)), CENT) if sales else None


def trend(sales: Iterable[Sale], today: date) -> Trend:
    """The trend of the last 90 days. The order of the sales does not matter."""
    by_day: dict[date, list[Decimal]] = {}
    for sale in in_window(sales, today):
        by_day.setdefault(sale.day, []).append(sale.price)
    points = [(day.toordinal(), median(prices)) for day, prices in sorted(by_day.items())]
    if len(points) < FEWEST_DAYS:
        return Trend(Direction.STABLE, len(points), None, None, None)
    p_value, slope = mann_kendall([price for _, price in points]), theil_sen(points)
    middle = median(price for _, price in points)
    change = slope * (points[-1][0] - points[0][0]) / middle if middle else Decimal(0)
    return Trend(_direction(p_value, change), len(points), p_value, slope, change)


def _direction(p_value: float, change: Decimal) -> Direction:
    if p_value > SIGNIFICANCE or abs(change) < MATERIAL:
        return Direction.STABLE
    return Direction.INCREASING if change > 0 else Direction.DECREASING


def mann_kendall(values: Sequence[Decimal]) -> float:
    """The two-sided p-value of "no monotonic trend", by the normal approximation (good from 8 values on)."""
    n = len(values)
    score = sum((later > earlier) - (later < earlier) for earlier, later in combinations(values, 2))
    ties: dict[Decimal, int] = {}
    for value in values:
        ties[value] = ties.get(value, 0) + 1
    tied = sum(t * (t - 1) * (2 * t + 5) for t in ties.values())
    variance = (n * (n - 1) * (2 * n + 5) - tied) / 18
    if variance <= 0 or score == 0:
        return 1.0
    z = (abs(score) - 1) / math.sqrt(variance)
    return math.erfc(z / math.sqrt(2))


def theil_sen(points: Sequence[tuple[int, Decimal]]) -> Decimal:
    """The median of the slopes between all pairs of points with different x; raise ValueError without one."""
    slopes = [
        (later[1] - first[1]) / (later[0] - first[0])
        for first, later in combinations(points, 2)
        if later[0] != first[0]
    ]
    if not slopes:
        raise ValueError("A slope needs two points with different x.")
    return median(slopes)
