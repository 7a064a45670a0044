"""Sandbox time, and what falls due in it."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from services.sandbox.clock import Clock, DueQueue

START = datetime(2026, 6, 5, 12, tzinfo=UTC)


class Seconds:
    """A monotonic clock that goes on when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_clock_runs_at_its_speed_and_can_be_moved_forward() -> None:
    ours = Seconds()
    clock = Clock(START, speed=60, monotonic=ours)
    ours.now += 2
    assert clock.now() == START + timedelta(minutes=2)
    clock.advance(timedelta(hours=1))
    assert clock.now() == START + timedelta(hours=1, minutes=2)


async def test_things_come_in_the_order_in_which_they_fall_due_then_of_their_coming() -> None:
    clock = Clock(START, monotonic=Seconds())
    queue: DueQueue[str] = DueQueue(clock)
    queue.put("later", START + timedelta(seconds=30))
    queue.put("first")
    queue.put("second")
    assert [await queue.get(), await queue.get()] == ["first", "second"]
    waiting = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    assert not waiting.done()
    clock.advance(timedelta(seconds=30))
    assert await waiting == "later"
    assert len(queue) == 0


@pytest.mark.timeout(30)
async def test_a_faster_clock_makes_waits_shorter() -> None:
    clock = Clock(START, speed=100_000)
    queue: DueQueue[str] = DueQueue(clock)
    queue.put("an hour later", START + timedelta(hours=1))
    assert await queue.get() == "an hour later"
    assert clock.now() >= START + timedelta(hours=1)
