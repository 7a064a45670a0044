"""The dead-stock report as CSV: a row per line of stock, empty where nothing is known."""

import csv
import io

from services.market_data.dead_stock import Line, Report

COLUMNS = (
    "sku",
    "size",
    "title",
    "condition",
    "quantity",
    "days_in_stock",
    "dead",
    "last_sold_at",
    "cost",
    "cost_currency",
    "stockx_lowest_ask",
    "stockx_highest_bid",
    "stockx_currency",
    "stockx_change_90_days",
    "goat_lowest_ask",
    "goat_highest_bid",
    "goat_last_sale",
    "goat_currency",
    "margin_at_bid",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_csv(report: Report) -> bytes:
    """UTF-8 with a byte order mark (spreadsheets need it), lines end as RFC 4180 says."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    writer.writerows(_cells(line) for line in report.lines)
    return out.getvalue().encode("utf-8-sig")


def _cells(line: Line) -> list[object]:
    stockx, goat = line.stockx, line.goat
    return [
        _text(line.sku),
        _text(line.size),
        _text(line.title),
        line.condition,
        line.quantity,
        line.days,
        "yes" if line.dead else "no",
        None if line.last_sold_at is None else f"{line.last_sold_at:%Y-%m-%d}",
        line.cost,
        line.cost_currency,
        stockx and stockx.lowest_ask,
        stockx and stockx.highest_bid,
        stockx and stockx.currency,
        stockx and stockx.change,
        goat and goat.lowest_ask,
        goat and goat.highest_bid,
        goat and goat.last_sale,
        goat and goat.currency,
        line.margin,
    ]


def _text(told: str | None) -> str | None:
    """A text that a spreadsheet does not take for a formula (OWASP, CSV injection)."""
    return f"'{told}" if told and told.startswith(_FORMULA) else told
