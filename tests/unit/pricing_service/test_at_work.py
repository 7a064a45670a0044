"""What is at work ends before partitions are given away, and nothing begins after that."""

import asyncio

import pytest

from services.pricing.at_work import AtWork


async def test_all_that_is_at_work_has_ended_when_the_end_returns_and_nothing_begins_after_it() -> None:
    at_work, done = AtWork(), list[str]()

    async def slow(name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)  # it gives back what it holds
            done.append(name)

    async def late() -> None:
        done.append("late")

    async def follows_slow() -> None:
        try:
            await slow("first")
        finally:
            at_work.begin(late())

    at_work.begin(follows_slow())
    at_work.begin(slow("second"))
    await asyncio.sleep(0)
    await at_work.end()
    assert sorted(done) == ["first", "second"]
    with pytest.raises(asyncio.CancelledError):
        await at_work.begin(late())
    assert at_work.over.is_set()
    assert "late" not in done


async def test_what_ends_by_itself_is_told_with_its_error() -> None:
    at_work = AtWork()

    async def fails() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await at_work.begin(fails())
    await at_work.end()
