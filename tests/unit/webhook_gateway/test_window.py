"""The window of deliveries: holds what is new enough and not too much, and forgets the oldest first."""

import asyncio
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.webhook_gateway.window import Window

HOUR = timedelta(hours=1)


def test_a_delivery_is_held_until_it_is_as_old_as_the_window() -> None:
    window = Window(HOUR, 10)
    window.add([b"a"], 1000)
    assert window.holds(b"a", 1000)
    assert window.holds(b"a", 4599)
    assert not window.holds(b"a", 4600)
    assert not window.holds(b"b", 1000)


def test_what_is_too_old_costs_no_memory() -> None:
    window = Window(HOUR, 10)
    window.add([b"a"], 1000)
    window.add([b"b"], 9000)
    assert len(window) == 1


def test_the_oldest_is_forgotten_first() -> None:
    window = Window(HOUR, 2)
    for number, delivery in enumerate((b"a", b"b", b"c")):
        window.add([delivery], number)
    assert [window.holds(delivery, 3) for delivery in (b"a", b"b", b"c")] == [False, True, True]


def test_a_delivery_that_is_added_again_becomes_the_newest() -> None:
    window = Window(HOUR, 2)
    for number, delivery in enumerate((b"a", b"b", b"a", b"c")):
        window.add([delivery], number)
    assert [window.holds(delivery, 4) for delivery in (b"a", b"b", b"c")] == [True, False, True]


async def test_warming_up_takes_the_newest_in_any_order_and_does_not_overrule_what_is_known() -> None:
    window = Window(HOUR, 3)
    window.add([b"own"], 5000)
    await window.warm([(4000, b"c"), (1000, b"own"), (2000, b"a"), (3000, b"b")], 5000)
    assert [window.holds(one, 5000) for one in (b"a", b"b", b"c", b"own")] == [False, True, True, True]
    assert window.holds(b"own", 8500)


async def test_warming_up_leaves_the_loop_to_others() -> None:
    """Of all deliveries, in bursts and one by one, no more than some thousands in one turn."""
    count, window = 50_000, Window(timedelta(days=1), 40_000)
    turns = 0

    async def count_turns() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    others = asyncio.create_task(count_turns())
    burst = [(50_000.5, b"burst %d" % number) for number in range(count // 2)]
    single = [(float(number), b"single %d" % number) for number in range(count // 2)]
    await window.warm(single + burst, 60_000)
    others.cancel()
    assert turns >= (count + 40_000) // 5_000
    assert len(window) == 40_000
    assert all(window.holds(delivery, 60_000) for _, delivery in burst)
    assert [window.holds(b"single %d" % number, 60_000) for number in (9_999, 10_000)] == [False, True]


async def test_a_delivery_that_is_published_while_the_window_warms_up_counts_from_then() -> None:
    window = Window(HOUR, 100_000)
    warming = asyncio.create_task(window.warm([(1000, b"%d" % number) for number in range(9_000)], 2000))
    await asyncio.sleep(0)
    window.add([b"1", b"8999", b"new"], 2000)
    await warming
    assert len(window) == 9_001
    assert [window.holds(one, 5000) for one in (b"1", b"8999", b"new", b"2")] == [True, True, True, False]


@given(st.lists(st.tuples(st.binary(min_size=1, max_size=1), st.integers(0, 50)), max_size=60), st.integers(1, 5))
def test_it_holds_exactly_the_newest_within_the_window(steps: list[tuple[bytes, int]], most: int) -> None:
    """Against a model: the last `most` distinct deliveries, of them those that are new enough."""
    window = Window(timedelta(seconds=100), most)
    model: dict[bytes, float] = {}
    now = 0.0
    for delivery, pause in steps:
        now += pause
        window.add([delivery], now)
        model.pop(delivery, None)
        model[delivery] = now
    newest = dict(list(model.items())[-most:])
    assert len(window) <= most
    for value in range(256):
        delivery = bytes([value])
        expected = delivery in newest and now - newest[delivery] < 100
        assert window.holds(delivery, now) == expected
