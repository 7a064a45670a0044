"""Moments as people write them."""

from datetime import UTC, datetime

import pytest

from libs.bus.reader import Partition
from libs.projection.moment import NoMoment, parse_moment, schema_for


def test_times() -> None:
    assert parse_moment("2026-11-21T10:15:00Z") == datetime(2026, 11, 21, 10, 15, tzinfo=UTC)
    assert parse_moment("2026-11-21T07:15:00-03:00") == datetime(2026, 11, 21, 10, 15, tzinfo=UTC)


def test_offsets() -> None:
    assert parse_moment("orders:0:120, orders:1:98") == {Partition("orders", 0): 120, Partition("orders", 1): 98}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("yesterday", "neither a time"),
        ("2026-11-21T10:15:00", "no offset from UTC"),
        ("orders:0:1,orders:0:2", "stands twice"),
        ("orders:0:1,orders", "not topic:partition:offset"),
        ("orders:0:-1", "neither a time"),
    ],
)
def test_what_is_no_moment_is_told(text: str, reason: str) -> None:
    with pytest.raises(NoMoment, match=reason):
        parse_moment(text)


def test_each_moment_has_a_schema_of_its_own() -> None:
    assert schema_for("orders", parse_moment("2026-11-21T10:15:00Z")) == "orders_as_of_20261121t101500z"
    assert schema_for("orders", parse_moment("2026-11-21T10:15:00.25Z")) == "orders_as_of_20261121t101500_250000z"
    one, other = (schema_for("orders", parse_moment(f"orders:0:{offset}")) for offset in (1, 2))
    assert one != other
    assert one.startswith("orders_as_of_offsets_")
