"""What a struct form looks at after msgspec has decoded: where msgspec takes more, or other values, than pydantic."""

import datetime
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import msgspec
from pydantic import TypeAdapter
from pydantic_core import from_json

Check = Callable[[Any], object]
"""Raises ValueError for a value that is left to pydantic."""

_CENTS = Decimal("0.01")
_EMPTY = b"{}"
_MOST_DIGITS = 40
_MOST_REMEMBERED = 10_000


def unless_none(check: Check) -> Check:
    """The check of a value that may be missing."""
    if check in (require_utc, require_plausible) or isinstance(check, Judged):
        return check  # these take None
    return lambda value: None if value is None else check(value)


def each(check: Check) -> Check:
    """The check of a list."""

    def check_each(values: list[Any]) -> None:
        for value in values:
            check(value)

    return check_each


def require_utc(value: datetime.datetime | None) -> None:
    if value is not None and value.tzinfo is not datetime.UTC:
        raise ValueError("another offset than UTC")


def require_plausible(value: Decimal | None) -> None:
    """As `schemas.values.DecimalString`: finite, and at most 40 digits on each side of the point."""
    if value is None:
        return
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int) or exponent < -_MOST_DIGITS or value.adjusted() >= _MOST_DIGITS:
        raise ValueError("an implausible decimal")


def require_object(value: msgspec.Raw) -> None:
    """msgspec passes over what it does not parse (bytes that are no UTF-8, any nesting): pydantic decides."""
    text = bytes(value)
    if text != _EMPTY and not isinstance(from_json(text), dict):
        raise ValueError("not an object")


class Judged(dict[Any, None]):
    """The values of one constrained type that pydantic has taken unchanged; asks it for those not seen yet."""

    def __init__(self, hint: Any) -> None:
        super().__init__({None: None})
        self._adapter = TypeAdapter(hint)

    def __missing__(self, value: Any) -> None:
        if self._adapter.validate_python(value) != value:
            raise ValueError("pydantic changes this value")
        if len(self) < _MOST_REMEMBERED:
            self[value] = None

    def __call__(self, value: Any) -> None:
        return self[value]


def checking(checks: Sequence[tuple[str, Check]]) -> Callable[[msgspec.Struct], None]:
    """The `__post_init__` that looks at these fields, written out as dataclasses write their methods.

    It runs for every part of every fact; as loops over names it would take longer than all the decoding.
    """
    lines = ["def check_all(self):"]
    names: dict[str, Any] = {"UTC": datetime.UTC, "CENTS": _CENTS, "EMPTY": _EMPTY}
    for number, (name, check) in enumerate(checks):
        names[f"check_{number}"] = check
        lines.append(f"    value = self.{name}")
        if check is require_utc:
            lines.append("    if value is not None and value.tzinfo is not UTC:")
        elif check is require_plausible:  # nearly all have two digits behind the point
            lines.append(
                f"    if value is not None and not (value.same_quantum(CENTS) and value.adjusted() < {_MOST_DIGITS}):"
            )
        elif check is require_object:
            lines.append("    if bytes(value) != EMPTY:")
        elif isinstance(check, Judged):
            lines.append(f"    if value not in check_{number}:")
        else:
            lines.append("    if True:")
        lines.append(f"        check_{number}(value)")
    exec("\n".join(lines), names)  # noqa: S102  (made of the field names of our own models)
    made: Callable[[msgspec.Struct], None] = names["check_all"]
    return made
