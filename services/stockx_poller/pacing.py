"""How often to ask again: young operations often, old ones seldom; all of them less when the day is short."""

from dataclasses import dataclass
from datetime import timedelta

GROWTH = 0.5
MOST_STRETCH = 20.0


@dataclass(frozen=True, slots=True)
class Backoff:
    """The first pause, and the longest; in seconds."""

    first: float
    longest: float

    def pause(self, age: float, stretch: float = 1.0) -> float:
        """Until the next poll of what was sent `age` ago: half its age, so that about 2.5 polls double the age."""
        return min(self.longest, max(self.first, GROWTH * age) * max(1.0, stretch))


def stretch(planned: int, requests_left: int, reserve: int, day_ends_in: float, pace: float) -> float:
    """By how much pauses grow: 1 while what is left of the day's requests suffices for all that time allows for.

    `planned`: calls that are known to be needed. What is left beyond them and the reserve is spread over the rest of
    the day.
    """
    spare = requests_left - reserve - planned
    possible = day_ends_in / pace
    if spare <= 0:
        return MOST_STRETCH
    return min(MOST_STRETCH, max(1.0, possible / (4.0 * spare)))


def next_round(every: timedelta, pages: int, at_ease: int, stretch: float) -> timedelta:
    """Until a list is read again that had so many pages, a call each.

    One of more than `at_ease` pages is read as many times less often: however long it is, it costs the same each day.
    """
    return every * max(1.0, pages / at_ease) * max(1.0, stretch)
