"""Which deliveries were taken in lately: ids of 16 bytes, for a time and up to a number, the oldest out first.

Memory: about 160 bytes per id (300 where each came alone): 42 to 80 MB for the default of 262,144; and flat. One
dict of them all would be made anew now and then, as a full window loses as many as it gets: 20 MB at once, which stay.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from datetime import timedelta
from typing import Final, final

_SHARDS: Final = 256

_OF_TURN: Final = 2_000
"""Earlier ids that are put in during one turn of the loop: a millisecond or two, while answers wait."""

_SLOTS: Final = 4096
"""Into about so many lists earlier ids are dealt out by their times."""


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

    async def warm(self, earlier: list[tuple[float, bytes]], now: float) -> None:
        """Put what was published before this process began, in any order, behind what it has published itself.

        Takes `earlier` apart, some of it in each turn of the loop: where Kafka comes back late, the gateway serves.
        So nothing large is sorted, and batches are few: looking through many of them for garbage takes long, too.
        An id is held for up to a second longer, or a 4096th of the window; memory is that of few batches.
        """
        slots = await _by_time(earlier, max(1, int(self._seconds) // _SLOTS))
        taken = 0
        for slot in sorted(slots, reverse=True):
            of_slot = slots.pop(slot)
            seconds = {0: of_slot} if len(of_slot) <= _OF_TURN else await _by_time(of_slot, 1)
            for second in sorted(seconds, reverse=True):
                rest = seconds.pop(second)
                if len(rest) <= _OF_TURN:
                    rest.sort()  # else all are of one second
                while rest:
                    self._put_behind(rest[-_OF_TURN:])
                    taken += len(rest[-_OF_TURN:])
                    del rest[-_OF_TURN:]
                    if taken >= _OF_TURN:
                        taken = 0
                        await asyncio.sleep(0)
        self._forget(now)

    def _put_behind(self, earlier: list[tuple[float, bytes]]) -> None:
        """Remember earlier deliveries, the newest last; not those that are known as later ones, or beyond the room."""
        ids: list[bytes] = []
        batch = _Batch(int(earlier[-1][0]) + 1, ids)
        for _, delivery in reversed(earlier):
            shard = self._shards[delivery[-1]]
            if delivery not in shard and self._count < self._most:
                shard[delivery] = batch
                ids.append(delivery)
                self._count += 1
        if ids:
            ids.reverse()
            self._batches.appendleft(batch)

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


async def _by_time(earlier: list[tuple[float, bytes]], width: int) -> dict[int, list[tuple[float, bytes]]]:
    """Deliveries by the time that they are of, so many seconds wide. Empties the list, in several turns of the loop."""
    slots: dict[int, list[tuple[float, bytes]]] = {}
    while earlier:
        for one in earlier[-_OF_TURN:]:
            slot = int(one[0]) // width
            of_slot = slots.get(slot)
            if of_slot is None:
                of_slot = slots[slot] = []
            of_slot.append(one)
        del earlier[-_OF_TURN:]
        await asyncio.sleep(0)
    return slots
