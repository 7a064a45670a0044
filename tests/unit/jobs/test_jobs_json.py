"""Payloads and errors as PostgreSQL's jsonb takes them: what it cannot keep is refused, or told otherwise."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.jobs import NewJob, Unstorable
from libs.jobs.json_text import error_text, payload_text

words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(words, values, max_size=4))
def test_what_can_be_kept_is_kept(payload: dict[str, Any]) -> None:
    assert json.loads(payload_text(NewJob("search", payload))) == payload


@given(st.dictionaries(st.text(), values | st.text() | st.just(object()), max_size=4))
def test_an_error_can_always_be_written(error: dict[str, object]) -> None:
    written = error_text(error)
    written.encode()
    assert isinstance(json.loads(written), dict)
    assert "\0" not in str(json.loads(written))


def test_what_jsonb_does_not_know_is_refused() -> None:
    for broken in ("a\0", r"\\" + "\0", "\ud800", object()):
        with pytest.raises(Unstorable, match="the payload of a 'search' job cannot be stored"):
            payload_text(NewJob("search", {"q": broken}))
    assert json.loads(payload_text(NewJob("search", {"q": r"\u0000"}))) == {"q": r"\u0000"}


def test_amounts_stay_numbers() -> None:
    assert payload_text(NewJob("score", {"price": Decimal("12.50")})) == '{"price":12.50}'
