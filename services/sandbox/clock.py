"""The sandbox's time: it may run faster than ours, and be moved forward on request."""

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

T = TypeVar("T")


class Clock:
    """Sandbox time. It starts at `start` and runs `speed` times as fast as ours.

    Tokens expire, retries fall due and missed notifications are forgotten in sandbox time. What happens on the wire
    (how long a receiver may take to answer, how long a fault hangs) is measured in our seconds.
    """

    def __init__(self, start: datetime, speed: float = 1.0, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.speed = speed
        self._start = start
        self._monotonic = monotonic
        self._began = monotonic()
        self._skipped = timedelta()
        self._listeners: list[asyncio.Event] = []

    def now(self) -> datetime:
        return self._start + self._skipped + timedelta(seconds=(self._monotonic() - self._began) * self.speed)

    def advance(self, by: timedelta) -> None:
        """Move forward at once; whatever falls due by it happens now."""
        self._skipped += by
        for listener in self._listeners:
            listener.set()

    def notify(self, listener: asyncio.Event) -> None:
        """Set `listener` whenever the clock is moved forward."""
        self._listeners.append(listener)


class DueQueue(Generic[T]):
    """Things that fall due at a moment of sandbox time, taken in the order of their moments, then of their coming."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heap: list[tuple[datetime, int, T]] = []
        self._arrivals = itertools.count()
        self._changed = asyncio.Event()
        clock.notify(self._changed)

    def __len__(self) -> int:
        return len(self._heap)

    def put(self, thing: T, due: datetime | None = None) -> None:
        """`due` None: at once."""
        heapq.heappush(self._heap, (due or self._clock.now(), next(self._arrivals), thing))
        self._changed.set()

    async def get(self) -> T:
        """The next thing, as soon as it is due. For one reader."""
        while True:
            self._changed.clear()
            left = (self._heap[0][0] - self._clock.now()).total_seconds() if self._heap else None
            if left is not None and left <= 0:
                return heapq.heappop(self._heap)[2]
            try:
                async with asyncio.timeout(None if left is None else left / self._clock.speed):
                    await self._changed.wait()
            except TimeoutError:
                continue  # it is due now
