"""When runs are due, by the clocks of a time zone."""

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.market_data.config import Timetable
from services.market_data.run import Kind
from services.market_data.schedule import due

SATURDAY = datetime(2026, 11, 21, 12, tzinfo=UTC)


def moments(now: datetime, **settings: object) -> dict[Kind, datetime]:
    return dict(due(Timetable.model_validate(settings), now))


def test_the_market_at_three_the_report_on_mondays() -> None:
    told = moments(SATURDAY)
    assert told[Kind.MARKET_DATA] == datetime(2026, 11, 21, 3, tzinfo=UTC)
    assert told[Kind.DEAD_STOCK] == datetime(2026, 11, 16, 6, tzinfo=UTC)
    assert told[Kind.NOTION_SALES] == SATURDAY
    assert moments(SATURDAY.replace(hour=2))[Kind.MARKET_DATA] == datetime(2026, 11, 20, 3, tzinfo=UTC)
    assert moments(SATURDAY, market_data=None, dead_stock=None, notion_every=None) == {}


def test_three_is_three_by_the_zones_clock_in_summer_and_in_winter() -> None:
    berlin = {"time_zone": "Europe/Berlin"}
    assert moments(SATURDAY, **berlin)[Kind.MARKET_DATA] == datetime(2026, 11, 21, 2, tzinfo=UTC)
    summer = datetime(2026, 7, 1, 12, tzinfo=UTC)
    assert moments(summer, **berlin)[Kind.MARKET_DATA] == datetime(2026, 7, 1, 1, tzinfo=UTC)
    skipped = moments(datetime(2026, 3, 29, 12, tzinfo=UTC), **berlin, market_data=time(2, 30))
    assert skipped[Kind.MARKET_DATA] == datetime(2026, 3, 29, 1, 30, tzinfo=UTC), "02:30 is skipped that day: 03:30"


@given(st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001  (bounds are naive)
def test_a_due_moment_is_never_to_come_and_never_older_than_its_pause(now: datetime) -> None:
    told = moments(now, time_zone="America/New_York")
    for kind, most in ((Kind.MARKET_DATA, 1), (Kind.DEAD_STOCK, 7), (Kind.NOTION_SALES, 1)):
        assert timedelta(0) <= now - told[kind] <= timedelta(days=most, hours=1)


def test_an_unknown_zone_is_refused() -> None:
    with pytest.raises(ValidationError, match="no time zone"):
        Timetable(time_zone="Mars/Olympus")
