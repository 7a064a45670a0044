"""Notion's typed values."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from libs.notion.properties import moment_of, number_of, text_of


def cell(kind: str, value: Any) -> dict[str, Any]:
    return {"id": "a", "type": kind, kind: value}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (cell("title", [{"plain_text": "HQ"}, {"plain_text": "4276 "}]), "HQ4276"),
        (cell("rich_text", []), None),
        (cell("select", {"name": "StockX"}), "StockX"),
        (cell("select", None), None),
        (cell("status", {"name": "Sold"}), "Sold"),
        (cell("number", 55), "55"),
        (cell("number", Decimal("8.50")), "8.5"),
        (cell("formula", {"type": "string", "string": "x"}), "x"),
        (cell("rollup", {"type": "number", "number": 3}), "3"),
        (cell("rollup", {"type": "array", "array": [cell("rich_text", [{"plain_text": "HQ4276"}])]}), "HQ4276"),
        (cell("rollup", {"type": "array", "array": [cell("number", 1), cell("number", 2)]}), None),
        (cell("rollup", {"type": "array", "array": None}), None),
        (cell("unique_id", {"prefix": "SALE", "number": 7}), "SALE-7"),
        (cell("url", "https://x"), "https://x"),
        (cell("checkbox", True), None),
        (cell("number", True), None),
        (None, None),
        ({}, None),
        ("HQ4276", None),
    ],
)
def test_text(value: Any, text: str | None) -> None:
    assert text_of(value) == text


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (cell("number", Decimal("52.10")), Decimal("52.10")),
        (cell("rich_text", [{"plain_text": "$ 1,250.50"}]), Decimal("1250.50")),
        (cell("rich_text", [{"plain_text": "€ -1,250,000"}]), Decimal(-1250000)),
        (cell("rich_text", [{"plain_text": "12,50"}]), None),
        (cell("rich_text", [{"plain_text": "1.250,50"}]), None),
        (cell("rich_text", [{"plain_text": "1e9"}]), None),
        (cell("rich_text", [{"plain_text": "soon"}]), None),
        (cell("rich_text", [{"plain_text": "NaN"}]), None),
        (cell("formula", {"type": "number", "number": None}), None),
    ],
)
def test_number(value: Any, number: Decimal | None) -> None:
    assert number_of(value) == number


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        (cell("date", {"start": "2026-03-12", "end": None}), datetime(2026, 3, 12, tzinfo=UTC)),
        (cell("date", {"start": "2026-03-12T10:00:00.000+01:00"}), datetime(2026, 3, 12, 9, tzinfo=UTC)),
        (cell("date", {"start": "2026-03-12T10:00"}), datetime(2026, 3, 12, 10, tzinfo=UTC)),
        (cell("created_time", "2026-03-12T10:00:00.000Z"), datetime(2026, 3, 12, 10, tzinfo=UTC)),
        (cell("date", None), None),
        (cell("date", {"start": "someday"}), None),
        (cell("rich_text", [{"plain_text": "2026-03-12"}]), None),
    ],
)
def test_moment(value: Any, moment: datetime | None) -> None:
    assert moment_of(value) == moment
