"""Limits by the hour: counted apart, in sandbox time, and only where they are switched on."""

from datetime import UTC, datetime, timedelta

from services.sandbox.clock import Clock
from services.sandbox.mercadolibre.hourly import HourlyLimits
from services.sandbox.mercadolibre.switches import SwitchBoard, Switches

START = datetime(2026, 6, 5, 12, tzinfo=UTC)
SWITCHES = Switches(limited=True, search_per_hour=2, items_per_hour=3, users_per_hour=1)


def test_each_kind_has_its_own_hour() -> None:
    clock = Clock(START, monotonic=lambda: 0.0)
    limits = HourlyLimits(clock, SwitchBoard(SWITCHES))
    assert [limits.take("/sites/MLM/search") for _ in range(3)] == [True, True, False]
    assert [limits.take("/items/MLM1") for _ in range(4)] == [True, True, True, False]
    assert [limits.take("/users/me") for _ in range(2)] == [True, False]
    assert all(limits.take("/orders/1") for _ in range(10))
    clock.advance(timedelta(minutes=59))
    assert not limits.take("/users/me")
    clock.advance(timedelta(minutes=1))
    assert limits.take("/users/me")


def test_nothing_is_limited_unless_it_is_switched_on() -> None:
    board = SwitchBoard(SWITCHES.model_copy(update={"limited": False}))
    limits = HourlyLimits(Clock(START), board)
    assert all(limits.take("/users/me") for _ in range(10))
    board.now = SWITCHES
    assert limits.take("/users/me")
    assert not limits.take("/users/me")
