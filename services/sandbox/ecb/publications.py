"""The reference rates that the bank really published in 2026, each day from the hour at which they come out.

`rates.csv` is the bank's own history file from 2 January to 30 October 2026 (source: European Central Bank, free to
reuse with this mention), without the currencies that it no longer publishes and without zeros at the end of a rate.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from pathlib import Path

PUBLISHED_AT = time(15, tzinfo=UTC)
"""About 16:00 Central European Time."""


@dataclass(frozen=True, slots=True)
class Publication:
    """One day's rates, as texts: how much of each currency one euro is."""

    day: date
    rates: Mapping[str, str]


@cache
def _all() -> Sequence[Publication]:
    with Path(__file__).with_name("rates.csv").open(encoding="ascii", newline="") as file:
        return tuple(
            Publication(date.fromisoformat(row.pop("Date")), {name: rate for name, rate in row.items() if rate})
            for row in csv.DictReader(file)
        )


def published(now: datetime) -> list[Publication]:
    """What is out, newest first. Behind the last day of the file nothing new comes."""
    return [each for each in _all() if datetime.combine(each.day, PUBLISHED_AT) <= now]


def ninety_days(now: datetime) -> list[Publication]:
    """The days of the 90-day file."""
    out = published(now)
    return [each for each in out if each.day > out[0].day - timedelta(days=90)] if out else []
