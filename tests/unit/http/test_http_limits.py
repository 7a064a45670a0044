"""The limiter of one process: a burst, then a rate; nobody is held too long; a push-back holds for everyone."""

import asyncio
from datetime import timedelta

import pytest

from libs.http.errors import RateLimited
from libs.http.limits import LocalRateLimiter


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_a_burst_passes_and_then_the_rate_holds():
    clock = Clock()
    limiter = LocalRateLimiter(per_second=10, burst=3, max_wait=0, clock=clock)
    for _ in range(3):
        await limiter.acquire("a")
    with pytest.raises(RateLimited) as refused:
        await limiter.acquire("a")
    assert refused.value.retry_after.total_seconds() == pytest.approx(0.1)
    await limiter.acquire("b")
    clock.now += 0.1001
    await limiter.acquire("a")


async def test_waiting_callers_get_their_turns_one_after_the_other():
    limiter = LocalRateLimiter(per_second=100, burst=1, max_wait=5)
    loop = asyncio.get_running_loop()
    began = loop.time()
    await asyncio.gather(*(limiter.acquire("a") for _ in range(6)))
    assert loop.time() - began >= 0.045  # five pauses of 10 ms


async def test_a_push_back_holds_everyone():
    clock = Clock()
    limiter = LocalRateLimiter(max_wait=1, clock=clock)
    await limiter.push_back("a", timedelta(seconds=60))
    with pytest.raises(RateLimited) as refused:
        await limiter.acquire("a")
    assert refused.value.retry_after == timedelta(seconds=60)
    await limiter.acquire("b")
    clock.now += 60
    await limiter.acquire("a")
