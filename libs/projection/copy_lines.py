"""A row as a line of `COPY … FROM STDIN`: one expression for each table, written out from its columns' types.

The form is CSV whose delimiters are control characters, so that hardly any text needs quotes, and none is looked
through for characters to be escaped. Making a row's text here and reading it there costs less than making its binary
form: https://www.postgresql.org/docs/current/sql-copy.html

A line begins with the columns whose texts may hold anything: only they are looked through. Numbers and times hold no
control characters, and JSON has none that is not escaped.
"""

import secrets
import typing
from collections.abc import Callable, Collection, Mapping, Sequence
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
    datetime: "encode({})[1:-1].decode()",  # a thirtieth of what `isoformat` takes
    list[str]: "array({})",
}
"""How a value of each type becomes what PostgreSQL reads."""


def line_columns(hints: Mapping[str, Any], nested: Collection[str]) -> tuple[str, ...]:
    """The columns in the order in which they stand in a line."""
    texts = [name for name, hint in hints.items() if _is_text(hint, nested=name in nested)]
    return (*texts, *(name for name in hints if name not in texts))


def line_maker(hints: Mapping[str, Any], nested: Collection[str]) -> Callable[[Any], str]:
    """What makes the line of a row with these columns. `nested`: those that are jsonb."""
    columns = line_columns(hints, nested)
    values = [_value(name, hints[name], nested=name in nested) for name in columns]
    count = sum(_is_text(hints[name], nested=name in nested) for name in columns)
    texts = DELIMITER.join(f"{{{value}}}" for value in values[:count])
    others = "".join(f"{DELIMITER}{{{value}}}" for value in values[count:])
    lines = (
        "def line(row):",
        f"    texts = f'''{texts}'''",
        f"    if texts.count(DELIMITER) == {count - 1} and not (",
        "        QUOTE in texts or '\\n' in texts or '\\r' in texts",
        "    ):",
        f"        return f'''{{texts}}{others}\\n'''",
        f"    return quoted(({', '.join(values)},))",
    )
    names: dict[str, Any] = {"DELIMITER": DELIMITER, "QUOTE": QUOTE, "NULL": NULL}
    names |= {"encode": msgspec.json.Encoder().encode, "array": _array, "quoted": _quoted}
    exec("\n".join(lines), names)  # noqa: S102  (made of the column names of our own declarations)
    return typing.cast("Callable[[Any], str]", names["line"])


def _value(name: str, hint: Any, *, nested: bool) -> str:
    """The expression of a column's text."""
    kinds = _kinds(hint)
    form = "encode({}).decode()" if nested else _FORMS.get(kinds[0]) if len(kinds) == 1 else None
    if form is None:
        raise TypeError(f"no form for COPY is known for the column {name}: {hint}")
    if NoneType not in typing.get_args(hint):
        return form.format(f"row.{name}")
    return f"NULL if (value := row.{name}) is None else {form.format('value')}"


def _is_text(hint: Any, *, nested: bool) -> bool:
    """Whether a column's text may hold any character."""
    return not nested and bool({str, list[str]}.intersection(_kinds(hint)))


def _kinds(hint: Any) -> list[Any]:
    parts = typing.get_args(hint) if NoneType in typing.get_args(hint) else (hint,)
    return [part for part in parts if part is not NoneType]


def _array(values: Sequence[str]) -> str:
    if not values:
        return "{}"
    escaped = (value.replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return '{"' + '","'.join(escaped) + '"}'


def _quoted(values: Sequence[Any]) -> str:
    """The line with every value in quotes."""
    texts = (value if value is NULL else f"{QUOTE}{str(value).replace(QUOTE, QUOTE * 2)}{QUOTE}" for value in values)
    return DELIMITER.join(texts) + "\n"
