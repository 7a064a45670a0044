"""Single values against an alternative: for `enum` and `const`, where all data are known."""

import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from schemas.json_schema_subset import ANNOTATIONS, Alternative, canonical

_ARRAY_AND_OBJECT_RULES = frozenset({"type", "$defs"})


def accepts(new: Alternative, old: Alternative) -> str | None:
    """Why `new` (no single value) may refuse the one value of `old`; None if it takes it."""
    rules, value = new.rules, old.value
    if new.type in ("array", "object"):
        rest = [name for name in rules if name not in ANNOTATIONS | _ARRAY_AND_OBJECT_RULES and name[:2] != "x-"]
        return f"{describe(old)} was allowed; it cannot be proven to satisfy {rest[0]!r}" if rest else None
    refusing = _refusing_number(rules, value) if new.type in ("integer", "number") else None
    if new.type == "string":
        refusing = _refusing_string(rules, old)
    return f"{describe(old)} was allowed; {refusing!r} now refuses it" if refusing else None


def _refusing_number(rules: Mapping[str, Any], value: float) -> str | None:
    given = Fraction(str(value))
    tests: dict[str, Callable[[Fraction], bool]] = {
        "minimum": lambda edge: given >= edge,
        "exclusiveMinimum": lambda edge: given > edge,
        "maximum": lambda edge: given <= edge,
        "exclusiveMaximum": lambda edge: given < edge,
        "multipleOf": lambda step: given % step == 0,
    }
    return next(
        (name for name, holds in tests.items() if name in rules and not holds(Fraction(str(rules[name])))), None
    )


def _refusing_string(rules: Mapping[str, Any], old: Alternative) -> str | None:
    value: str = old.value
    if len(value) < rules.get("minLength", 0):
        return "minLength"
    if len(value) > rules.get("maxLength", len(value)):
        return "maxLength"
    if "pattern" in rules and old.rules.get("pattern") != rules["pattern"] and not _matches(rules["pattern"], value):
        return "pattern"
    return "format" if rules.get("format", old.rules.get("format")) != old.rules.get("format") else None


def _matches(pattern: str, value: str) -> bool:
    try:
        return re.search(pattern, value) is not None
    except re.error:
        return False  # an expression of another dialect: not proven, so refused


def describe(alternative: Alternative) -> str:
    """An alternative in words: `the value "paid"`, `a string`, `an object`."""
    if alternative.type == "null":
        return "null"
    if alternative.is_value:
        text = canonical(alternative.value)
        return f"the value {text[:60]}"
    article = "an" if alternative.type[0] in "aio" else "a"
    return f"{article} {alternative.type}"
