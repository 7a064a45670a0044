"""What may be asked for how often: figures only, for catalogues and settings."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Quota:
    """`limit` per `window`, counted under `name`.

    Windows begin at whole multiples of their length since 1970 in UTC (an hour at :00, a day at midnight). With
    `slices`, the window rolls instead, in steps of window/slices: then no span of that length ever has more than
    `limit`, wherever it begins. `family` is what metrics call it, where names hold ids of users or accounts.
    """

    name: str
    limit: int
    window: timedelta
    slices: int = 0
    family: str = ""


@dataclass(frozen=True, slots=True)
class Pace:
    """One turn per `interval` under `name`; after a silence, `burst` of them at once."""

    name: str
    interval: timedelta
    burst: int = 1


@dataclass(frozen=True, slots=True)
class Rule:
    """What holds for a bucket. Both may stand under one name; then a 429 of the other side stops both."""

    quota: Quota | None = None
    pace: Pace | None = None
