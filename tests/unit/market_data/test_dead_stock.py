"""The dead-stock report from stock, markets and sales; and how it is written."""

import csv
import io
import re
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree

import msgspec

from libs.read_models.market_data.project import READ_MODEL, MarketDataRow
from schemas.values import Money
from services.market_data.available import StockLine, wanted
from services.market_data.charts import bars, sparkline
from services.market_data.dead_stock import Report, report
from services.market_data.own_sales import Sale
from services.market_data.report_csv import COLUMNS, as_csv
from services.market_data.report_page import as_page
from tests.facts import NOON, market
from tests.logs import position

NOW = NOON


def line(days: int, **changes: Any) -> StockLine:
    told: dict[str, Any] = {
        "user_id": "7",
        "sku": "DD1391-1",
        "size": "10.5",
        "title": "Dunk",
        "condition": "NEW",
        "quantity": 2,
        "cost_amount": Decimal("89.90"),
        "cost_currency": "USD",
        "since": NOW - timedelta(days=days),
        "source": "import",
    }
    return StockLine(**(told | changes))


def quotes(*asks: str | None, days: int = 10, platform: str = "stockx") -> MarketDataRow:
    """A row whose last ask was told just now, each other one `days` before the next."""
    row: MarketDataRow | None = None
    for number, ask in enumerate(asks):
        at = NOW - timedelta(days=days * (len(asks) - 1 - number))
        fact = market(1, ask=ask, platform=platform).model_copy(update={"updated_at": at, "variant_id": "v1"})
        row = READ_MODEL.evolve(row, fact, position(number, str(number)))
    assert row is not None
    return row


def sale(at: datetime, **changes: Any) -> Sale:
    told: dict[str, Any] = {"marketplace": "stockx", "number": "1", "sku": "DD1391-1", "size": None, "variant_id": "v1"}
    return Sale(**(told | {"user_id": None, "amount": Decimal(140), "currency": "USD", "sold_at": at} | changes))


def made(*stock: StockLine, markets: tuple[MarketDataRow, ...] = (), sales: tuple[Sale, ...] = ()) -> Report:
    return report("7", stock, markets, sales, NOW, 90)


def test_dead_is_what_has_been_there_for_long_and_of_which_none_was_sold() -> None:
    assert not made(line(89)).lines[0].dead
    assert made(line(90)).lines[0].dead
    recently, long_ago = sale(NOW - timedelta(days=89)), sale(NOW - timedelta(days=90))
    assert not made(line(200), markets=(quotes("150"),), sales=(recently,)).lines[0].dead
    assert made(line(200), markets=(quotes("150"),), sales=(long_ago,)).lines[0].dead
    written_down = sale(NOW, variant_id=None, size="10.5", sku="dd1391 1")
    assert not made(line(200), sales=(written_down,)).lines[0].dead
    another_size = sale(NOW, variant_id=None, size="11")
    assert made(line(200), markets=(quotes("150"),), sales=(another_size,)).lines[0].dead


def test_a_size_and_a_style_code_are_the_same_however_they_are_written() -> None:
    for size, told in (("10.5", "US 10.5"), ("XL", " xl"), (None, "")):
        sold = sale(NOW, variant_id=None, size=told)
        assert not made(line(200, size=size), sales=(sold,)).lines[0].dead, told
    by_variant = sale(NOW, size="42 EU")
    assert not made(line(200), markets=(quotes("150"),), sales=(by_variant,)).lines[0].dead
    twofold = quotes("150")
    twofold = msgspec.structs.replace(twofold, sku="DD1391-1/315122-111")
    for code in ("DD1391-1", "315122 111", "DD1391-1/315122-111"):
        (only,) = made(line(200, sku=code), markets=(twofold,), sales=(sale(NOW, sku=twofold.sku),)).lines
        assert only.stockx is not None, code
        assert not only.dead


def test_another_user_s_sale_says_nothing_of_mine() -> None:
    (told,) = made(line(200), markets=(quotes("150"),), sales=(sale(NOW, user_id="8"),)).lines
    assert (told.dead, told.last_sold_at) == (True, None)
    assert not made(line(200), markets=(quotes("150"),), sales=(sale(NOW, user_id="7"),)).lines[0].dead


def test_sums_hold_only_what_is_known_and_currencies_stand_apart() -> None:
    told = made(
        line(200),
        line(200, sku="A-1", cost_currency="EUR"),
        line(200, sku="B-1", cost_amount=None, cost_currency=None, quantity=5),
        line(3, sku="C-1"),
        line(200, sku="D-1", user_id="8"),
        markets=(quotes("150"),),
    )
    assert (told.pairs, told.dead_pairs, told.without_cost) == (11, 9, 5)
    assert told.bound == {"EUR": Decimal("179.80"), "USD": Decimal("179.80")}
    assert told.worth == {"USD": Decimal("242.00")}, "of one product only somebody told a bid"
    assert [(age.name, age.pairs, age.dead) for age in told.ages][::4] == [("0–30", 2, 0), ("> 180", 9, 9)]
    assert sum(age.pairs for age in told.ages) == told.pairs
    assert [each.sku for each in told.lines][-1] == "C-1", "what is not dead comes last"


def test_the_trend_is_that_of_the_last_ninety_days() -> None:
    (told,) = made(
        line(200), markets=(quotes("999", "200", None, "150", days=45), quotes("160", platform="goat"))
    ).lines
    assert told.stockx is not None
    assert told.stockx.change == Decimal("-0.2500"), "999 is too old, and nothing is no price"
    assert [point.ask for point in told.trend] == [200, 150]
    assert told.goat is not None
    assert told.goat.change is None, "one moment is no trend"
    assert told.margin == Decimal("31.10")


def test_without_a_market_nothing_is_made_up() -> None:
    (told,) = made(line(200, cost_amount=None)).lines
    assert (told.prices, told.trend, told.margin, told.last_sold_at) == ([], [], None, None)
    (row,) = list(csv.DictReader(io.StringIO(as_csv(made(line(200))).decode("utf-8-sig"))))
    assert tuple(row) == COLUMNS
    assert row["stockx_lowest_ask"] == row["goat_last_sale"] == row["margin_at_bid"] == ""
    assert (row["dead"], row["days_in_stock"], row["cost"]) == ("yes", "200", "89.90")


def test_spreadsheets_take_nothing_for_a_formula() -> None:
    (row,) = list(csv.DictReader(io.StringIO(as_csv(made(line(1, title="=HYPERLINK(1)"))).decode("utf-8-sig"))))
    assert row["title"] == "'=HYPERLINK(1)"


def test_the_page_is_whole_and_runs_nothing() -> None:
    text = as_page(made(line(200, title="<script>alert(1)</script>"), markets=(quotes("200", "150"),)))
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert not re.search(r"(src|href)=", text), "it needs nothing else"
    assert text.count("<svg") == 2
    assert "-25.0 %" in text
    empty = as_page(made())
    assert "no stock" in empty
    assert empty.count("None.") == 2


def test_charts_are_well_formed_and_say_what_they_show() -> None:
    chart = ElementTree.fromstring(bars('a "<b>"', ["x", "<y>"], [4, 0], [1, 0]))
    assert chart.findtext("title") == 'a "<b>"'
    heights = [float(rect.attrib["height"]) for rect in chart.iter("rect")]
    assert heights[0] == 4 * heights[1] > 0
    assert heights[2:] == [0, 0]
    spark = ElementTree.fromstring(sparkline("t", [Decimal(1), Decimal(3), Decimal(2)]))
    (points,) = spark.iter("polyline")
    heights = [float(point.split(",")[1]) for point in points.attrib["points"].split()]
    assert heights[1] < heights[2] < heights[0], "SVG counts from above"
    assert sparkline("t", [Decimal(1)]) == ""


def test_each_product_is_asked_for_once_and_those_with_sizes_first() -> None:
    found = wanted([line(1, sku="zz-1", size=None), line(1), line(1, sku="dd1391 1", size="9"), line(1, sku="--")])
    assert [(each.sku, each.sizes) for each in found] == [("DD1391-1", ("10.5", "9")), ("zz-1", None)]


def test_a_row_keeps_one_currency_and_its_newest_moments() -> None:
    row = quotes(*(["150"] * 600), days=1)
    assert len(row.history) == 500
    assert row.history[-1].at == NOW
    mixed = market(1).model_copy(update={"last_sale": Money(amount=Decimal(9), currency="EUR"), "last_sale_at": NOW})
    told = READ_MODEL.evolve(None, mixed, position())
    assert told is not None
    assert (told.currency, told.last_sale, told.last_sale_at) == ("USD", None, None)
