"""What a struct form looks at after msgspec has decoded: where msgspec takes more, or other values, than pydantic."""

import datetime
from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec
from pydantic import TypeAdapter
from pydantic_core import from_json

from libs.projection.plain_amount import is_plain_amount

_CENTS = Decimal("0.01")
_EMPTY = msgspec.Raw(b"{}")
_MOST_DIGITS = 40
_MOST_REMEMBERED = 10_000


class Maybe(NamedTuple):
    """The check of a value that may be missing."""

    check: "Check"


class Each(NamedTuple):
    """The check of a list's values."""

    check: "Check"


class Parts(NamedTuple):
    """The checks of a struct's fields, by name."""

    checks: tuple[tuple[str, "Check"], ...]


def require_utc(value: datetime.datetime) -> None:
    if value.tzinfo is not datetime.UTC:
        raise ValueError("another offset than UTC")


def require_plausible(value: Decimal) -> None:
    """As `schemas.values.DecimalString`: finite, and at most 40 digits on each side of the point."""
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int) or exponent < -_MOST_DIGITS or value.adjusted() >= _MOST_DIGITS:
        raise ValueError("an implausible decimal")


def require_plain(value: str) -> None:
    """An amount that stays a text; the others, of which some are amounts, too, are left to pydantic."""
    if not is_plain_amount(value):
        raise ValueError("an amount out of the ordinary")


def require_object(value: msgspec.Raw) -> None:
    """msgspec passes over what it does not parse (bytes that are no UTF-8, any nesting): pydantic decides."""
    if not isinstance(from_json(bytes(value)), dict):
        raise ValueError("not an object")  # noqa: TRY004  (as pydantic's own errors)


class Judged:
    """Asks pydantic about values of one constrained type. `taken`: those that it has taken unchanged, to be passed."""

    def __init__(self, hint: Any) -> None:
        self.taken: set[Any] = set()  # not a subclass of set: to look into one takes four times as long
        self._adapter = TypeAdapter(hint)

    def __call__(self, value: Any) -> None:
        if self._adapter.validate_python(value) != value:
            raise ValueError("pydantic changes this value")
        if len(self.taken) < _MOST_REMEMBERED:
            self.taken.add(value)


Check = Callable[[Any], object] | Maybe | Each | Parts
"""What raises ValueError for a value that is left to pydantic."""

_SOON_DONE = {
    require_utc: "{value}.tzinfo is not UTC",
    require_plausible: f"not ({{value}}.same_quantum(CENTS) and {{value}}.adjusted() < {_MOST_DIGITS})",
    require_plain: "not plain({value})",
    require_object: "{value} != EMPTY",
}
"""When the function must be called: nearly never. Nearly all amounts have two digits behind the point."""


def checking(parts: Parts) -> Callable[[msgspec.Struct], None]:
    """The `__post_init__` that looks at a whole fact, written out as dataclasses write their methods.

    It runs for every fact: loops over names, or a method for each part, would take longer than all the decoding.
    """
    lines = ["def check_all(self):"]
    names: dict[str, Any] = {"UTC": datetime.UTC, "CENTS": _CENTS, "EMPTY": _EMPTY, "plain": is_plain_amount}
    _write(parts, "self", 1, lines, names)
    exec("\n".join(lines), names)  # noqa: S102  (made of the field names of our own models)
    made: Callable[[msgspec.Struct], None] = names["check_all"]
    return made


def _write(check: Check, value: str, depth: int, lines: list[str], names: dict[str, Any]) -> None:
    """Append the lines that check what `value` is called."""
    indent, own = "    " * depth, f"value_{len(lines)}"
    if isinstance(check, Parts):
        for name, part in check.checks:
            lines.append(f"{indent}{own} = {value}.{name}")
            _write(part, own, depth, lines, names)
    elif isinstance(check, Maybe):
        lines.append(f"{indent}if {value} is not None:")
        _write(check.check, value, depth + 1, lines, names)
    elif isinstance(check, Each):
        lines.append(f"{indent}for {own} in {value}:")
        _write(check.check, own, depth + 1, lines, names)
    else:
        names[function := f"check_{len(lines)}"] = check
        if isinstance(check, Judged):
            names[taken := f"taken_{len(lines)}"] = check.taken
            unsure = f"{value} not in {taken}"
        else:
            unsure = _SOON_DONE[check].format(value=value)
        lines.append(f"{indent}if {unsure}:")
        lines.append(f"{indent}    {function}({value})")
