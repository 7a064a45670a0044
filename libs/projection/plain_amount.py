"""Whether a text is an ordinary amount: sooner known than the Decimal is made of it. Compiled (`libs/compiled.py`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mypy_extensions import i64

_MOST_DIGITS: Final = 40
_MINUS: Final = 0x2D
_POINT: Final = 0x2E
_ZERO: Final = 0x30
_NINE: Final = 0x39


def is_plain_amount(text: str) -> bool:
    """Whether it is digits, perhaps a minus before them, perhaps a point and digits behind them.

    `schemas.values.DecimalString` takes every such text, and others.
    """
    size: i64 = len(text)
    begin: i64 = 1 if size > 0 and ord(text[0]) == _MINUS else 0
    at = _behind_digits(text, begin, size)
    if at == begin or at - begin > _MOST_DIGITS:
        return False
    if at == size:
        return True
    if ord(text[at]) != _POINT:
        return False
    begin = at + 1
    return begin < size <= begin + _MOST_DIGITS and _behind_digits(text, begin, size) == size


def _behind_digits(text: str, at: i64, size: i64) -> i64:
    while at < size and _ZERO <= ord(text[at]) <= _NINE:
        at += 1
    return at
