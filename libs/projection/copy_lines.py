"""A row as a line of `COPY … FROM STDIN`: one expression for each table, written out from its columns' types.

The form is CSV, and a JSON array without its brackets is nearly that: every text is in quotes, and null in none. An
encoder of JSON makes it in less than half the time that writing the values one by one takes. Only a text with a
character that JSON escapes needs another way. https://www.postgresql.org/docs/current/sql-copy.html

What has quotes within its text (jsonb, text[]) comes last in a line. In tables with such columns the quote is a control
character, which JSON never has in its text, so that nothing in them is to be escaped, either.
"""

import typing
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from types import NoneType
from typing import Any, NamedTuple

import msgspec

DELIMITER = ","
NULL = "null"  # out of quotes, where no text is
_JSON_QUOTE, _CONTROL_QUOTE = '"', "\x1e"

_PLAIN = (str, int, bool, Decimal, date, datetime)
"""The types whose JSON is, but for its quotes, what PostgreSQL reads."""
_BACKSLASH = 0x5C  # bytes are looked for in bytes by their numbers: five times as fast as `b"\\" in value`
_encode = msgspec.json.Encoder().encode


class LineForm(NamedTuple):
    """How a table's rows are written: the columns as they stand in a line, the quote, and what makes a row's line."""

    columns: tuple[str, ...]
    quote: str
    line: Callable[[Any], bytes]


def line_form(hints: Mapping[str, Any], nested: Collection[str]) -> LineForm:
    """The form for rows with these columns. `nested`: those that are jsonb."""
    plain = [name for name, hint in hints.items() if _is_plain(name, hint, nested)]
    others = [name for name in hints if name not in plain]
    arrays = [name for name in others if name not in nested]
    columns, quote = (*plain, *others), _CONTROL_QUOTE if others else _JSON_QUOTE
    forms = [_other(name, hints[name], nested=name in nested) for name in others]
    end = "".join(f"{DELIMITER}{form}" for form, _ in forms) + "\\n"
    lines = (
        "def line(row):",
        f"    plain = encode(({''.join(f'row.{name}, ' for name in plain)}))",
        "    if BACKSLASH in plain" + "".join(f" or BACKSLASH in encode(row.{name})" for name in arrays) + ":",
        "        return escaped(row)",
        f"    return b'%b{end}' % (plain[1:-1].translate(QUOTES), {', '.join(value for _, value in forms)})"
        if others
        else "    return plain[1:-1] + b'\\n'",
    )
    names: dict[str, Any] = {"BACKSLASH": _BACKSLASH, "encode": _encode}
    names |= {"QUOTES": bytes.maketrans(_JSON_QUOTE.encode(), _CONTROL_QUOTE.encode()), "NULL": NULL.encode()}
    names["escaped"] = partial(_escaped, columns=columns, nested=nested, quote=quote)
    exec("\n".join(lines), names)  # noqa: S102  (made of the column names of our own declarations)
    return LineForm(columns, quote, names["line"])


def _is_plain(name: str, hint: Any, nested: Collection[str]) -> bool:
    kinds = [kind for kind in _parts(hint) if kind is not NoneType]
    if name in nested or kinds == [list[str]]:
        return False
    if len(kinds) != 1 or kinds[0] not in _PLAIN:
        raise TypeError(f"no form for COPY is known for the column {name}: {hint}")
    return True


def _other(name: str, hint: Any, *, nested: bool) -> tuple[str, str]:
    """Of a column that is jsonb or text[]: what stands for it in the line's form, and the expression of its value."""
    form = f"{_CONTROL_QUOTE}{'%b' if nested else '{%b}'}{_CONTROL_QUOTE}"
    value = f"encode(row.{name})" + ("" if nested else "[1:-1]")
    if NoneType not in _parts(hint):
        return form, value
    return "%b", f"NULL if row.{name} is None else b'{form}' % {value}"


def _parts(hint: Any) -> Sequence[Any]:
    return typing.get_args(hint) if NoneType in typing.get_args(hint) else (hint,)


def _escaped(row: Any, *, columns: Sequence[str], nested: Collection[str], quote: str) -> bytes:
    """The line of any row: every value is in quotes."""
    texts = (_text(getattr(row, name), nested=name in nested) for name in columns)
    quoted = (NULL if text is None else f"{quote}{text.replace(quote, quote * 2)}{quote}" for text in texts)
    return f"{DELIMITER.join(quoted)}\n".encode()


def _text(value: Any, *, nested: bool) -> str | None:
    """What PostgreSQL reads as the value."""
    if value is None:
        return None
    if nested:
        return _encode(value).decode()
    if isinstance(value, list):
        return "{" + ",".join(map(_element, value)) + "}"
    return value if isinstance(value, str) else _encode(value).decode().strip(_JSON_QUOTE)


def _element(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
