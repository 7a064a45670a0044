"""Competitors that do not count: another condition, and prices out of line."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import median

FEWEST = 4
_SCALE = Decimal("1.4826")
"""Makes the median absolute deviation of a normal distribution its standard deviation."""
_FURTHEST = Decimal("3.5")
_LEAST_SPREAD = Decimal("0.05")


@dataclass(frozen=True, slots=True)
class Competitor:
    """Another seller's offer, delivered to the buyer: price with shipping, in US dollars."""

    seller: str
    price_usd: Decimal
    condition: str | None = "new"
    """None: nobody told it."""


def comparable(competitors: Sequence[Competitor], condition: str, *, unknown: bool = True) -> list[Competitor]:
    """Those of the same condition, and with `unknown` those of which it is not known."""

    def alike(theirs: str | None) -> bool:
        return unknown if theirs is None else theirs.casefold() == condition.casefold()

    return [each for each in competitors if alike(each.condition)]


def without_outliers(competitors: Sequence[Competitor]) -> list[Competitor]:
    """Those whose price lies within 3.5 scaled median absolute deviations of the median (Iglewicz and Hoaglin, 1993).

    The deviation counts as at least 5 % of the median, or four equal prices would make a fifth, one cent away, an
    outlier. With fewer than four prices none can be called out of line, and all stay.
    """
    if len(competitors) < FEWEST:
        return list(competitors)
    middle = median(each.price_usd for each in competitors)
    deviation = median(abs(each.price_usd - middle) for each in competitors)
    reach = _FURTHEST * max(_SCALE * deviation, _LEAST_SPREAD * middle)
    return [each for each in competitors if abs(each.price_usd - middle) <= reach]
