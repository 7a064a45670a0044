"""The position of a partition: always the oldest open record, whatever the order in which records end."""

from hypothesis import given
from hypothesis import strategies as st

from libs.bus.progress import Progress


def test_a_fresh_partition_stands_at_its_first_record() -> None:
    assert Progress(7).position == 7


def test_the_oldest_open_record_holds_the_position() -> None:
    progress = Progress(0)
    for offset in (0, 1, 2):
        progress.begin(offset)
    progress.done(1)
    progress.done(2)
    assert progress.position == 0
    progress.done(0)
    assert progress.position == 3


@given(st.sets(st.integers(0, 60), min_size=1).map(sorted), st.randoms(use_true_random=False), st.data())
def test_every_record_below_the_position_is_done(offsets: list[int], random: object, data: st.DataObject) -> None:
    """Offsets may have gaps; records begin in order and end in any order, in between each other."""
    progress = Progress(offsets[0])
    waiting = list(offsets)
    begun: list[int] = []
    done: set[int] = set()
    while waiting or begun:
        if waiting and (not begun or data.draw(st.booleans())):
            offset = waiting.pop(0)
            progress.begin(offset)
            begun.append(offset)
        else:
            offset = begun.pop(data.draw(st.integers(0, len(begun) - 1)))
            progress.done(offset)
            done.add(offset)
        position = progress.position
        assert all(offset in done for offset in offsets if offset < position)
        assert position == min(begun, default=position)
    assert progress.position == offsets[-1] + 1
