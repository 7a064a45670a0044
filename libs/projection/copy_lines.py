"""A row as a line of `COPY … FROM STDIN`: one expression for each table, written out from its columns' types.

The form is CSV whose delimiters are control characters, so that hardly any text needs quotes, and none is looked
through for characters to be escaped. Making a row's text here and reading it there costs less than making its binary
form: https://www.postgresql.org/docs/current/sql-copy.html
"""

import secrets
import typing
from collections.abc import Callable, Collection, Sequence
from datetime import date, datetime
from decimal import Decimal
from types import NoneType
from typing import Any

import msgspec

DELIMITER, QUOTE = "\x1f", "\x1e"
NULL = f"\x1d{secrets.token_hex(4)}"  # no text can be meant to be read as NULL

_FORMS = {
    str: "{}",
    int: "{}",
    bool: "{}",
    Decimal: "str({})",  # half of what an empty format costs
    date: "{}",
    datetime: "time({})",
    list[str]: "array({})",
}
"""How a value of each type becomes what PostgreSQL reads."""


def line_maker(hints: dict[str, Any], nested: Collection[str]) -> Callable[[Any], str]:
    """What makes the line of a row with these columns. `nested`: those that are jsonb."""
    values = [_value(name, hint, nested=name in nested) for name, hint in hints.items()]
    text = DELIMITER.join(f"{{{value}}}" for value in values)
    lines = (
        "def line(row):",
        f"    made = f'''{text}\\n'''",
        f"    if made.count(DELIMITER) == {len(values) - 1} and made.count('\\n') == 1 and not (",
        "        QUOTE in made or '\\r' in made",
        "    ):",
        "        return made",
        f"    return quoted(({', '.join(values)},))",
    )
    names: dict[str, Any] = {"DELIMITER": DELIMITER, "QUOTE": QUOTE, "NULL": NULL}
    names |= {"json": _json, "array": _array, "time": _time, "quoted": _quoted}
    exec("\n".join(lines), names)  # noqa: S102  (made of the column names of our own declarations)
    return typing.cast("Callable[[Any], str]", names["line"])


def _value(name: str, hint: Any, *, nested: bool) -> str:
    """The expression of a column's text."""
    parts = typing.get_args(hint) if NoneType in typing.get_args(hint) else (hint,)
    kinds = [part for part in parts if part is not NoneType]
    form = "json({})" if nested else _FORMS.get(kinds[0]) if len(kinds) == 1 else None
    if form is None:
        raise TypeError(f"no form for COPY is known for the column {name}: {hint}")
    if len(parts) == 1:
        return form.format(f"row.{name}")
    return f"NULL if (value := row.{name}) is None else {form.format('value')}"


_encode = msgspec.json.Encoder().encode


def _json(value: Any) -> str:
    return _encode(value).decode()


def _time(value: datetime) -> str:
    """A thirtieth of what `isoformat` takes."""
    return str(_encode(value), "ascii")[1:-1]


def _array(values: Sequence[str]) -> str:
    if not values:
        return "{}"
    escaped = (value.replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return '{"' + '","'.join(escaped) + '"}'


def _quoted(values: Sequence[Any]) -> str:
    """The line with every value in quotes."""
    texts = (value if value is NULL else f"{QUOTE}{str(value).replace(QUOTE, QUOTE * 2)}{QUOTE}" for value in values)
    return DELIMITER.join(texts) + "\n"
