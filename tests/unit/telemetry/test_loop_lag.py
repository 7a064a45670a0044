"""A loop that stands still is seen, nearly as long as it stood; one that turns is not."""

import asyncio
import time

import pytest
import uvloop
from prometheus_client import CollectorRegistry, Histogram

from libs.telemetry.loop_lag import PERIOD_SECONDS, LoopLag

STANDSTILL = 0.6


async def watched(*, standstill: float) -> tuple[float, float]:
    """How often it was looked, and how much lag was seen in all."""
    registry = CollectorRegistry()
    with LoopLag(Histogram("lag", "For this test.", registry=registry)):
        await asyncio.sleep(2.5 * PERIOD_SECONDS)
        time.sleep(standstill)  # noqa: ASYNC251  (what is tested)
        await asyncio.sleep(2.5 * PERIOD_SECONDS)
    looked = registry.get_sample_value("lag_count") or 0
    await asyncio.sleep(2 * PERIOD_SECONDS)
    assert registry.get_sample_value("lag_count") == looked, "it looks no more"
    return looked, registry.get_sample_value("lag_sum") or 0


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_standstill_is_seen(loop: type[asyncio.AbstractEventLoop]) -> None:
    with asyncio.Runner(loop_factory=loop) as runner:
        looked, lag = runner.run(watched(standstill=STANDSTILL))
        assert looked >= 3
        assert lag >= STANDSTILL - PERIOD_SECONDS - 0.01
        assert runner.run(watched(standstill=0))[1] < STANDSTILL / 2
