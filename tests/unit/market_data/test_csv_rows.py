"""CSV files of inventory: what is taken, what is refused and why."""

import csv
import io
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.inventory.inventory_changed import Condition
from services.market_data.csv_rows import CsvRow, NotCsv, read_rows

MOST = 100


def only(text: str) -> CsvRow:
    (row,) = read_rows(text.encode(), MOST)
    return row


def test_a_row_with_everything() -> None:
    row = only(
        "SKU,Size,quantity,condition,cost,currency,acquired on,title\n"
        'HQ4276, 8.5 ,2,used excellent,40.50,eur,2026-01-10,"Slides, blue"'
    ).valid
    assert row is not None
    assert (row.sku, row.size, row.quantity, row.condition) == ("HQ4276", "8.5", 2, Condition.USED_EXCELLENT)
    assert (row.cost, row.currency, row.title) == (Decimal("40.50"), "EUR", "Slides, blue")
    assert (row.acquired_on, row.acquired_at) == (date(2026, 1, 10), datetime(2026, 1, 10, tzinfo=UTC))


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_files_of_spreadsheets_are_read(delimiter: str) -> None:
    text = delimiter.join(["sku", "size", "cost"]) + "\r\n" + delimiter.join(["HQ4276", "", "-"]) + "\r\n\r\n"
    (row,) = read_rows(b"\xef\xbb\xbf" + text.encode(), MOST)
    assert row.valid is not None
    assert (row.valid.size, row.valid.cost, row.valid.quantity, row.valid.condition) == (None, None, 1, Condition.NEW)


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        ("HQ4276,8,-1,NEW,,,", "quantity: Input should be greater than or equal to 0"),
        ("HQ4276,8,1.5,NEW,,,", "quantity"),
        ("HQ4276,8,1,shiny,,,", "condition"),
        ("HQ4276,8,1,NEW,1.005,USD,", "cost"),
        ("HQ4276,8,1,NEW,NaN,USD,", "cost"),
        ("HQ4276,8,1,NEW,1,dollars,", "currency"),
        ("HQ4276,8,1,NEW,,,yesterday", "acquired_on: a day is written 2026-01-31"),
        ("HQ4276,8,1,NEW,,,2999-01-01", "acquired_on is a day to come"),
        ("---,8,1,NEW,,,", "'---' is no style code"),
        (",8,1,NEW,,,", "sku"),
        ("HQ4276,8", "it has 2 cells, and the header 7"),
    ],
)
def test_a_wrong_row_is_told_why_and_spoils_no_other(cells: str, why: str) -> None:
    header = "sku,size,quantity,condition,cost,currency,acquired_on"
    good, bad = read_rows(f"{header}\nDD1391-100,10,1,NEW,,,\n{cells}".encode(), MOST)
    assert good.valid is not None
    assert bad.valid is None
    assert why in str(bad.wrong)


def test_one_size_in_two_rows_has_no_quantity_that_can_be_believed() -> None:
    rows = read_rows(b"sku,size,condition\nHQ4276,8,NEW\nhq-4276,8,new\nHQ4276,8,USED_GOOD\nHQ4276,9,NEW", MOST)
    assert [row.wrong for row in rows] == [None, "it is about the same as row 1", None, None]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "must name the columns"),
        (b"sku,size\n", "no rows"),
        (b"size\n8\n", "sku among them"),
        (b"sku,sku\nA1,A1\n", "each once"),
        (b"sku,colour\nA1,b\n", "unknown columns: colour"),
        (b'sku\n"A1\n', "line"),
        (b"sku\n\xff\n", "not in UTF-8"),
        (b"sku,title\nA1,b\0c\n", "NUL character"),
        (b"sku\n" + b"A1\n" * (MOST + 1), "divide it"),
    ],
)
def test_what_is_no_such_file_is_refused_whole(content: bytes, why: str) -> None:
    with pytest.raises(NotCsv, match=why):
        read_rows(content, MOST)


@given(st.lists(st.lists(st.text(max_size=12), min_size=3, max_size=3), min_size=1, max_size=8))
def test_whatever_is_in_the_cells_every_row_is_told_of_in_order(cells: list[list[str]]) -> None:
    out = io.StringIO(newline="")
    csv.writer(out).writerows([["sku", "size", "quantity"], *cells])
    try:
        rows = read_rows(out.getvalue().encode("utf-8", "surrogatepass"), MOST)
    except NotCsv:
        return
    assert [row.number for row in rows] == list(range(1, len(rows) + 1))
    assert all((row.valid is None) != (row.wrong is None) for row in rows)
