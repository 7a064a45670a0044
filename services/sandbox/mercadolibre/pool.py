"""Things of which one is drawn, added and taken away at constant cost."""

from typing import Generic, Protocol, TypeVar

from services.sandbox.seeded import Stream


class Identified(Protocol):
    """Anything with an id."""

    @property
    def id(self) -> int | str: ...


T = TypeVar("T", bound=Identified)


class Pool(Generic[T]):
    """An unordered set by id. The same additions and removals give the same draws."""

    def __init__(self) -> None:
        self._things: list[T] = []
        self._places: dict[int | str, int] = {}

    def __len__(self) -> int:
        return len(self._things)

    def add(self, thing: T) -> None:
        if thing.id not in self._places:
            self._places[thing.id] = len(self._things)
            self._things.append(thing)

    def discard(self, thing: T) -> None:
        place = self._places.pop(thing.id, None)
        if place is None:
            return
        last = self._things.pop()
        if last.id != thing.id:
            self._things[place] = last
            self._places[last.id] = place

    def draw(self, source: Stream) -> T:
        return source.choice(self._things)


class Ids:
    """Rising numbers with gaps, as a marketplace that serves others too hands them out."""

    def __init__(self, source: Stream, first: int, gap: int = 1000) -> None:
        self._source = source
        self._last = first
        self._gap = gap

    def next(self) -> int:
        self._last += self._source.randint(1, self._gap)
        return self._last
