"""Retry-After in all its forms, and JSON of any kind."""

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.http.answer import MAX_RETRY_AFTER, NotJson, exact_json, retry_after

NOW = datetime(2026, 6, 5, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("7", timedelta(seconds=7)),
        ("0.5", timedelta(seconds=0.5)),
        ("-3", timedelta(0)),
        ("99999999999", MAX_RETRY_AFTER),
        ("Fri, 05 Jun 2026 12:00:30 GMT", timedelta(seconds=30)),
        ("Fri, 05 Jun 2026 11:00:00 GMT", timedelta(0)),
        ("Fri, 99 Jun 2026 11:00:00 GMT", None),
    ],
)
def test_retry_after(value, expected):
    assert retry_after(value, NOW) == expected


@given(st.binary() | st.text().map(str.encode))
def test_any_bytes_are_json_or_not_json(raw):
    with suppress(NotJson):  # anything else would be raised
        exact_json(raw)


@given(st.text())
def test_retry_after_never_breaks(text):
    told = retry_after(text, NOW)
    assert told is None or timedelta(0) <= told <= MAX_RETRY_AFTER


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=20))
def test_json_without_fractions_is_read_as_everybody_reads_it(value):
    assert exact_json(json.dumps(value).encode()) == value
