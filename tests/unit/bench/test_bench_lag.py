"""The lag of each event: from when it was due to the first look that saw its row."""

import pytest

from bench.projector.lags import lags
from bench.projector.peer import ProjectorFailed

SEEN = {0: [(0, 1.0), (2, 1.5), (3, 2.0)], 1: [(1, 3.0)]}


def test_an_event_is_seen_by_the_first_look_that_finds_everything_before_the_next_offset_there() -> None:
    sent = {0: [(0, 1.25), (1, 1.25), (2, 1.75)], 1: [(0, 2.0)]}
    assert lags(sent, SEEN, counted_from=0.0) == [0.25, 0.25, 0.25, 1.0]


def test_the_warm_up_does_not_count() -> None:
    assert lags({0: [(0, 1.25), (2, 1.75)]}, SEEN, counted_from=1.5) == [0.25]


@pytest.mark.parametrize("sent", [{0: [(3, 1.0)]}, {2: [(0, 1.0)]}], ids=["behind the last look", "never looked at"])
def test_an_event_without_a_row_makes_the_round_invalid(sent: dict[int, list[tuple[int, float]]]) -> None:
    with pytest.raises(ProjectorFailed, match="has no row"):
        lags(sent, SEEN, counted_from=0.0)
