"""How fast an API may be asked: the seam (a protocol) and the limiter of one process."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta
from typing import Protocol

from libs.http.errors import RateLimited


class RateLimiter(Protocol):
    """Gives callers their turn. `bucket` is what the API counts by: mostly the operation, or the whole client."""

    async def acquire(self, bucket: str) -> None:
        """Wait for a turn; raise RateLimited if it would take longer than a caller should be held."""
        ...

    async def push_back(self, bucket: str, retry_after: timedelta) -> None:
        """The API said 429: nobody's turn comes before `retry_after` is over."""
        ...


class LocalRateLimiter:
    """A rate with a burst, per bucket, for this process alone (the generic cell rate algorithm).

    `per_second` None means that only push-backs are honoured. Turns are given in the order of asking.
    """

    def __init__(
        self,
        *,
        per_second: float | None = None,
        burst: int = 1,
        max_wait: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._interval = 1 / per_second if per_second else 0.0
        self._tolerance = self._interval * (burst - 1)
        self._max_wait = max_wait
        self._clock = clock
        self._next: defaultdict[str, float] = defaultdict(float)  # the theoretical time of the next turn
        self._closed_until: defaultdict[str, float] = defaultdict(float)

    async def acquire(self, bucket: str) -> None:
        now = self._clock()
        turn = max(self._next[bucket] - self._tolerance, self._closed_until[bucket], now)
        if turn - now > self._max_wait:
            raise RateLimited(
                bucket,
                f"the next turn is in {turn - now:.1f} s, and a caller is held for {self._max_wait:g} s at most",
                retry_after=timedelta(seconds=turn - now),
            )
        self._next[bucket] = max(self._next[bucket], turn) + self._interval
        if turn > now:
            await asyncio.sleep(turn - now)

    async def push_back(self, bucket: str, retry_after: timedelta) -> None:
        until = self._clock() + retry_after.total_seconds()
        self._closed_until[bucket] = max(self._closed_until[bucket], until)
