"""A seller's inventory: which items there are, in which order, and how often each changed. No item is stored."""

import bisect
from collections.abc import Iterator

from services.sandbox.ebay.goods import Good, listing_number, sku_number


class Catalogue:
    """Items 0 to `size`, less the removed ones; those added later stand at the front, as eBay's newest do.

    Only differences from the seed are kept, so that 100,000 items need no more memory than ten.
    """

    def __init__(self, seed: str, size: int) -> None:
        self.seed = seed
        self._base = size
        self._next = size
        self._added: list[int] = []
        self._removed: list[int] = []
        self._versions: dict[int, int] = {}
        self._sold_out: set[int] = set()

    def __len__(self) -> int:
        return self._base - len(self._removed) + len(self._added)

    def with_sku(self, sku: str) -> Good | None:
        return self._existing(sku_number(sku))

    def with_listing(self, listing_id: str) -> Good | None:
        return self._existing(listing_number(listing_id))

    def slice(self, start: int, stop: int) -> list[Good]:
        """The items at these places of the list, newest first."""
        return [self._good(self._number(place)) for place in range(start, min(stop, len(self)))]

    def __iter__(self) -> Iterator[Good]:
        for place in range(len(self)):
            yield self._good(self._number(place))

    def add(self) -> Good:
        """A new item, at the front: every other one moves on by one place."""
        self._added.append(self._next)
        self._next += 1
        return self._good(self._added[-1])

    def remove(self, good: Good) -> None:
        """Take an item away: those behind it move up by one place."""
        if good.number >= self._base:
            self._added.remove(good.number)
        else:
            bisect.insort(self._removed, good.number)

    def change(self, good: Good, *, sold_out: bool = False) -> Good:
        """Another price and stock; `sold_out`: none left."""
        self._versions[good.number] = good.version + 1
        self._sold_out.discard(good.number)
        if sold_out:
            self._sold_out.add(good.number)
        return self._good(good.number)

    def _existing(self, number: int | None) -> Good | None:
        if number is None or number >= self._next:
            return None
        if number >= self._base:
            return self._good(number) if number in self._added else None
        place = bisect.bisect_left(self._removed, number)
        return None if place < len(self._removed) and self._removed[place] == number else self._good(number)

    def _number(self, place: int) -> int:
        if place < len(self._added):
            return self._added[-1 - place]
        left = place - len(self._added)
        gaps = bisect.bisect_right(range(len(self._removed)), left, key=lambda each: self._removed[each] - each)
        return left + gaps

    def _good(self, number: int) -> Good:
        return Good(self.seed, number, self._versions.get(number, 0), number in self._sold_out)
