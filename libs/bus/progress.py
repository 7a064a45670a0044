"""How far a partition is consumed when records end out of order."""

from heapq import heappop, heappush


class Progress:
    """The position of one partition: every record below it has its fate.

    Records begin in offset order and end in any order. Offsets may have gaps (transactions, compaction).
    """

    def __init__(self, first: int) -> None:
        self.committed = first
        self._next = first
        self._open: list[int] = []
        self._done: set[int] = set()

    def begin(self, offset: int) -> None:
        """A record was taken in; offsets come in rising order."""
        heappush(self._open, offset)
        self._next = offset + 1

    def done(self, offset: int) -> None:
        """A record's fate is decided."""
        self._done.add(offset)
        while self._open and self._open[0] in self._done:
            self._done.discard(heappop(self._open))

    @property
    def open(self) -> int:
        """How many records have no fate yet, and those done behind the oldest of them."""
        return len(self._open)

    @property
    def position(self) -> int:
        """The offset to commit: that of the oldest record still open, else the next one to come."""
        return self._open[0] if self._open else self._next
