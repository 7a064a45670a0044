"""What a struct form looks at after msgspec has decoded: where msgspec takes more, or other values, than pydantic."""

import datetime
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
from pydantic import TypeAdapter
from pydantic_core import from_json

Check = Callable[[Any], object]
"""Raises ValueError for a value that is left to pydantic."""

_CENTS = Decimal("0.01")
_MOST_DIGITS = 40
_MOST_REMEMBERED = 10_000


def unless_none(check: Check) -> Check:
    return lambda value: None if value is None else check(value)


def each(check: Check) -> Check:
    def check_each(values: list[Any]) -> None:
        for value in values:
            check(value)

    return check_each


def require_utc(value: datetime.datetime) -> None:
    if value.tzinfo is not datetime.UTC:
        raise ValueError("another offset than UTC")


def require_plausible(value: Decimal) -> None:
    if value.same_quantum(_CENTS) and value.adjusted() < _MOST_DIGITS:
        return  # nearly all: finite, with two digits behind the point
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int) or exponent < -_MOST_DIGITS or value.adjusted() >= _MOST_DIGITS:
        raise ValueError("an implausible decimal")


def require_object(value: msgspec.Raw) -> None:
    """msgspec passes over what it does not parse (bytes that are no UTF-8, any nesting): pydantic decides."""
    text = bytes(value)
    if text != b"{}" and not isinstance(from_json(text), dict):
        raise ValueError("not an object")


class Judged(dict[Any, None]):
    """The values of one constrained type that pydantic has taken unchanged; asks it for those not seen yet."""

    def __init__(self, hint: Any) -> None:
        super().__init__()
        self._adapter = TypeAdapter(hint)

    def __missing__(self, value: Any) -> None:
        if self._adapter.validate_python(value) != value:
            raise ValueError("pydantic changes this value")
        if len(self) >= _MOST_REMEMBERED:
            self.clear()
        self[value] = None
