"""Medians, percentiles and ratios, in one place, so that every peer is judged by the same arithmetic."""

import math
from collections.abc import Sequence
from statistics import median


def percentile(sorted_values: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile: the smallest value that at least `percent` per cent of all values do not exceed."""
    if not sorted_values:
        raise ValueError("no percentile of nothing")
    if not 0 < percent <= 100:
        raise ValueError(f"a percentile lies above 0 and up to 100, not at {percent}")
    return sorted_values[math.ceil(percent / 100 * len(sorted_values)) - 1]


def percentile_of(segments: Sequence[Sequence[float]], percent: float) -> float:
    """The percentile over all values of all segments, which need not be sorted."""
    return percentile(sorted(value for segment in segments for value in segment), percent)


def round_ratios(numerators: Sequence[float | None], denominators: Sequence[float | None]) -> list[float]:
    """Numerator / denominator of each round that has both.

    Pairing within a round cancels what the machine was doing at that time.
    """
    return [
        above / below
        for above, below in zip(numerators, denominators, strict=False)
        if above is not None and below is not None and below > 0
    ]


def paired_ratio(numerators: Sequence[float | None], denominators: Sequence[float | None]) -> float | None:
    """The median of the rounds' ratios, which drops the odd round; None if there is none."""
    ratios = round_ratios(numerators, denominators)
    return median(ratios) if ratios else None


def median_or_none(values: Sequence[float | None]) -> float | None:
    """The median of the values that are there."""
    present = [value for value in values if value is not None]
    return median(present) if present else None
