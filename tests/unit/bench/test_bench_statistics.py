"""The arithmetic by which every runner is judged."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.statistics import median_or_none, paired_ratio, percentile


@pytest.mark.parametrize(("percent", "expected"), [(1, 1), (50, 50), (99, 99), (99.5, 100), (100, 100)])
def test_nearest_rank_percentile_of_one_to_a_hundred(percent: float, expected: int) -> None:
    assert percentile(range(1, 101), percent) == expected


@given(st.lists(st.floats(0, 1e9), min_size=1), st.floats(0.1, 100))
def test_at_least_the_asked_share_does_not_exceed_a_percentile(values: list[float], percent: float) -> None:
    values.sort()
    found = percentile(values, percent)
    assert found in values
    assert sum(value <= found for value in values) >= percent / 100 * len(values) - 1e-9


@pytest.mark.parametrize("percent", [0, -1, 101])
def test_a_percentile_outside_its_range_is_refused(percent: float) -> None:
    with pytest.raises(ValueError, match="percentile"):
        percentile([1.0], percent)


def test_a_percentile_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing"):
        percentile([], 50)


def test_a_ratio_is_taken_within_each_round() -> None:
    # Everything was ten times slower in the second round; neither side shall gain from it.
    assert paired_ratio([10.0, 100.0, 10.0], [20.0, 200.0, 40.0]) == 0.5


def test_an_invalid_round_of_either_side_does_not_count() -> None:
    assert paired_ratio([None, 3.0, 5.0], [1.0, None, 10.0]) == 0.5
    assert paired_ratio([None], [1.0]) is None
    assert paired_ratio([1.0], [0.0]) is None


def test_a_median_of_what_is_there() -> None:
    assert median_or_none([None, 1.0, 3.0]) == 2.0
    assert median_or_none([None]) is None
