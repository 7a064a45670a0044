"""Answering in time without a timer per request: one sweep, every 20 ms, over what still waits."""

import asyncio
import time
from collections import deque
from typing import Protocol

SWEEP_SECONDS = 0.02


class Waiting(Protocol):
    """Something that must have ended in time; it began at `since` (`time.perf_counter`)."""

    ended: bool
    since: float

    def late(self) -> None:
        """Its time is over; called once, and not when it has ended."""
        ...


class Deadlines:
    """What waits, by its patience: with the same patience, what came first is due first."""

    def __init__(self) -> None:
        self._queues: dict[float, deque[Waiting]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, waiting: Waiting, patience: float) -> None:
        """Tell `waiting` when it has not ended within so many seconds of its beginning, at most a sweep later."""
        queue = self._queues.get(patience)
        if queue is None:
            queue = self._queues[patience] = deque()
        queue.append(waiting)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(SWEEP_SECONDS, self._sweep)

    def close(self) -> None:
        """Watch no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._queues.clear()

    def _sweep(self) -> None:
        now = time.perf_counter()
        self._timer = None
        late: list[Waiting] = []
        for patience, queue in self._queues.items():
            while queue and (queue[0].ended or queue[0].since + patience <= now):
                waiting = queue.popleft()
                if not waiting.ended:
                    late.append(waiting)
        for waiting in late:
            if not waiting.ended:  # the one before it may have ended it
                waiting.late()
        if self._timer is None and any(self._queues.values()):
            self._timer = asyncio.get_running_loop().call_later(SWEEP_SECONDS, self._sweep)
