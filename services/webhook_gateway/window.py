"""Which deliveries were taken in lately: ids of 16 bytes, for a time and up to a number, the oldest out first.

Memory: about 160 bytes per id, so 40 MB for the default of 262,144.
"""

import heapq
from collections.abc import Iterable
from datetime import timedelta
from itertools import islice


class Window:
    """The ids of published deliveries with the time (seconds since 1970) at which each was published."""

    def __init__(self, length: timedelta, most: int) -> None:
        self._seconds = length.total_seconds()
        self._most = most
        self._published: dict[bytes, float] = {}  # in the order of their times, within clock changes

    def __len__(self) -> int:
        return len(self._published)

    def holds(self, delivery: bytes, now: float) -> bool:
        """Whether a delivery was published within the window."""
        at = self._published.get(delivery)
        return at is not None and now - at < self._seconds

    def add(self, delivery: bytes, now: float) -> None:
        """Remember a published delivery; forgets what is too old or too much."""
        self._published.pop(delivery, None)
        self._published[delivery] = now
        self._forget(now)

    def warm(self, earlier: Iterable[tuple[float, bytes]], now: float) -> None:
        """Put what was published before this process began, in any order, behind what it has published itself."""
        newest = heapq.nlargest(self._most, earlier)
        known = self._published
        self._published = {delivery: at for at, delivery in reversed(newest) if delivery not in known}
        self._published.update(known)
        self._forget(now)

    def _forget(self, now: float) -> None:
        surplus = len(self._published) - self._most
        if surplus > 0:
            for delivery in list(islice(self._published, surplus)):
                del self._published[delivery]
        while self._published:
            oldest = next(iter(self._published))
            if now - self._published[oldest] < self._seconds:
                break
            del self._published[oldest]
