"""The bound on calls: what no schedule can do without."""

from hypothesis import given
from hypothesis import strategies as st

from bench.stockx.fewest import Wave, fewest, lives

waves = st.lists(st.builds(Wave, create=st.integers(0, 900), change=st.integers(0, 900), delete=st.integers(0, 900)))


def test_two_thousand_lives_need_144_calls() -> None:
    bound = fewest(lives(2000))
    assert (bound.writes, bound.reads, bound.calls) == (4 + 3 * 20, 4 * 20, 144)
    assert bound.seconds == 15 * 300, "8,000 items, 500 in five minutes"


@given(waves)
def test_no_wave_is_free_and_none_costs_more_than_the_obvious_way(told: list[Wave]) -> None:
    bound = fewest(told)
    commands = sum(each.commands for each in told)
    assert bound.calls <= 2 * commands, "a write and a read for each command is always enough"
    assert bound.calls == sum(fewest([each]).calls for each in told)
    assert (bound.calls == 0) == (commands == 0)


@given(waves, st.integers(0, 10))
def test_more_to_do_never_needs_less(told: list[Wave], at: int) -> None:
    more = [Wave(each.create + 1, each.change, each.delete) if n == at else each for n, each in enumerate(told)]
    assert fewest(more).calls >= fewest(told).calls
