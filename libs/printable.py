"""Telling printable text, at half the price for what is nearly always there: ASCII.

`str.isprintable` looks up each character's properties; compiled (`libs/compiled.py`), two comparisons do for a byte.
"""

from mypy_extensions import i64


def is_printable(text: str) -> bool:
    """The same as `text.isprintable()`."""
    try:
        raw = text.encode()
    except UnicodeEncodeError:
        return False  # no lone surrogate is printable
    return is_visible(raw) or text.isprintable()


def is_visible(raw: bytes) -> bool:
    """Whether all is printable ASCII, spaces included."""
    at: i64 = 0
    length: i64 = len(raw)
    while at < length:
        byte: i64 = raw[at]
        if byte < 0x20 or byte > 0x7E:
            return False
        at += 1
    return True
