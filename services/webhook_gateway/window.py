"""Which deliveries were taken in lately: ids of 16 bytes, for a time and up to a number, the oldest out first.

Memory: about 200 bytes per id, so 52 MB for the default of 262,144.
"""

import heapq
from collections import OrderedDict
from collections.abc import Iterable
from datetime import timedelta


class Window:
    """The ids of published deliveries with the time (seconds since 1970) at which each was published."""

    def __init__(self, length: timedelta, most: int) -> None:
        self._seconds = length.total_seconds()
        self._most = most
        # In the order of their times, within clock changes. A dict has an order, too, but finds its first key by
        # looking at the places of all that were removed before: with a full window that was 100 µs a delivery.
        self._published: OrderedDict[bytes, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._published)

    def holds(self, delivery: bytes, now: float) -> bool:
        """Whether a delivery was published within the window."""
        at = self._published.get(delivery)
        return at is not None and now - at < self._seconds

    def add(self, deliveries: Iterable[bytes], now: float) -> None:
        """Remember published deliveries; forgets what is too old or too much."""
        published = self._published
        for delivery in deliveries:
            if delivery in published:
                published.move_to_end(delivery)
            published[delivery] = now
        self._forget(now)

    def warm(self, earlier: Iterable[tuple[float, bytes]], now: float) -> None:
        """Put what was published before this process began, in any order, behind what it has published itself."""
        newest = heapq.nlargest(self._most, earlier)
        known = self._published
        self._published = OrderedDict((delivery, at) for at, delivery in reversed(newest) if delivery not in known)
        self._published.update(known)
        self._forget(now)

    def _forget(self, now: float) -> None:
        published = self._published
        while len(published) > self._most:
            published.popitem(last=False)
        while published and now - published[next(iter(published))] >= self._seconds:
            published.popitem(last=False)
