"""Which deliveries were taken in lately: ids of 16 bytes, for a time and up to a number, the oldest out first.

Memory: about 160 bytes per id (300 where each came alone): 42 to 80 MB for the default of 262,144; and flat. One
dict of them all would be made anew now and then, as a full window loses as many as it gets: 20 MB at once, which stay.
"""

import heapq
from collections import deque
from collections.abc import Iterable, Sequence
from datetime import timedelta
from itertools import groupby
from typing import Final, final

_SHARDS: Final = 256


@final
class _Batch:
    """What was published at one time (seconds since 1970); `forgotten`: so many of them, from the first on, are out."""

    def __init__(self, at: float, ids: Sequence[bytes]) -> None:
        self.at = at
        self.ids = ids
        self.forgotten = 0


class Window:
    """The ids of published deliveries, and when each was published."""

    def __init__(self, length: timedelta, most: int) -> None:
        self._seconds = length.total_seconds()
        self._most = most
        self._batches: deque[_Batch] = deque()  # in the order of their times, within clock changes
        self._shards: list[dict[bytes, _Batch]] = [{} for _ in range(_SHARDS)]  # by an id's last byte; its newest batch
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def holds(self, delivery: bytes, now: float) -> bool:
        """Whether a delivery was published within the window."""
        batch = self._shards[delivery[-1]].get(delivery)
        return batch is not None and now - batch.at < self._seconds

    def add(self, deliveries: Sequence[bytes], now: float) -> None:
        """Remember published deliveries; forgets what is too old or too much."""
        batch = _Batch(now, deliveries)
        for delivery in deliveries:
            shard = self._shards[delivery[-1]]
            before = len(shard)
            shard[delivery] = batch
            self._count += len(shard) - before  # cheaper than to look whether it was there
        self._batches.append(batch)
        self._forget(now)

    def warm(self, earlier: Iterable[tuple[float, bytes]], now: float) -> None:
        """Put what was published before this process began, in any order, behind what it has published itself.

        Times are kept to the second: an id is held for up to a second longer, and memory is that of few batches.
        """
        newest = heapq.nlargest(self._most, earlier)
        for _, group in groupby(newest, key=lambda one: int(one[0])):
            of_second = list(group)
            ids = [delivery for _, delivery in reversed(of_second) if delivery not in self._shards[delivery[-1]]]
            batch = _Batch(of_second[0][0], ids)
            for delivery in ids:
                self._shards[delivery[-1]][delivery] = batch
            self._count += len(set(ids))
            self._batches.appendleft(batch)
        self._forget(now)

    def _forget(self, now: float) -> None:
        while self._batches and (self._count > self._most or now - self._batches[0].at >= self._seconds):
            batch = self._batches[0]
            if batch.forgotten == len(batch.ids):
                self._batches.popleft()
                continue
            delivery = batch.ids[batch.forgotten]
            batch.forgotten += 1
            shard = self._shards[delivery[-1]]
            if shard.get(delivery) is batch:  # else it was published again, and counts from then
                del shard[delivery]
                self._count -= 1
