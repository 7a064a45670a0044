"""How late timers of the event loop come: a loop that is busy sees neither them nor what waits in its sockets.

A clock that starts with a request starts when the loop has come to it. This tells how long that may have been.
"""

import asyncio
import time
from typing import Self

from prometheus_client import Histogram

PERIOD_SECONDS = 0.05
"""Between two looks: a standstill is seen, but for as much at its beginning."""


class LoopLag:
    """Observes it as long as it is entered; twenty observations in a second."""

    def __init__(self, histogram: Histogram) -> None:
        self._histogram = histogram
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> Self:
        self._expect()
        return self

    def __exit__(self, *_exc: object) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _expect(self) -> None:
        # Not the loop's own time: uvloop's stands still while a callback runs.
        self._due = time.monotonic() + PERIOD_SECONDS
        self._timer = asyncio.get_running_loop().call_later(PERIOD_SECONDS, self._look)

    def _look(self) -> None:
        self._histogram.observe(max(0.0, time.monotonic() - self._due))
        self._expect()
