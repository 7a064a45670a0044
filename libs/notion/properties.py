"""The typed values of a page's properties, as text, numbers and moments. None is an empty cell, or one of another type.

Source: developers.notion.com, "Page property values": `{"id": …, "type": "number", "number": 55}`.
"""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

_NAMED = frozenset({"select", "status"})
_PLAIN = frozenset({"url", "email", "phone_number", "string"})
_RICH = frozenset({"title", "rich_text"})
_NUMBER = re.compile(r"[-+]?([0-9]+|[0-9]{1,3}(,[0-9]{3})+)(\.[0-9]+)?")
"""Commas divide thousands; in `12,50` nobody can tell what they do."""


def text_of(value: object) -> str | None:
    """A title, text, choice, number, link or formula as text without blanks around it."""
    kind, told = _typed(value)
    if kind in _RICH and isinstance(told, list):
        parts = [each.get("plain_text", "") for each in told if isinstance(each, Mapping)]
        return "".join(str(part) for part in parts).strip() or None
    if kind in _NAMED and isinstance(told, Mapping):
        return str(told.get("name") or "").strip() or None
    if kind in _PLAIN and isinstance(told, str):
        return told.strip() or None
    if kind == "number" and isinstance(told, int | Decimal) and not isinstance(told, bool):
        return f"{Decimal(told).normalize():f}"
    if kind == "unique_id" and isinstance(told, Mapping) and told.get("number") is not None:
        return f"{told['prefix']}-{told['number']}" if told.get("prefix") else str(told["number"])
    return None


def number_of(value: object) -> Decimal | None:
    """A number, or a text that is one beyond doubt (`$ 1,250.50`)."""
    text = (text_of(value) or "").strip("$€£ ")
    return Decimal(text.replace(",", "")) if _NUMBER.fullmatch(text) else None


def moment_of(value: object) -> datetime | None:
    """The beginning of a date; a day without a time is its midnight in UTC."""
    kind, told = _typed(value)
    told = told.get("start") if kind == "date" and isinstance(told, Mapping) else told
    if kind not in {"date", "created_time", "last_edited_time"} or not isinstance(told, str):
        return None
    try:
        if len(told) == len("2026-03-12"):
            return datetime.combine(date.fromisoformat(told), time(), UTC)
        moment = datetime.fromisoformat(told)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _typed(value: object) -> tuple[str, Any]:
    """Type and value; a formula's and a rollup's own; of an array the one value that it holds."""
    if not isinstance(value, Mapping):
        return "", None
    kind = str(value.get("type", ""))
    told = value.get(kind)
    if kind == "array":
        return _typed(told[0]) if isinstance(told, list) and len(told) == 1 else ("", None)
    return _typed(told) if kind in {"formula", "rollup"} else (kind, told)
