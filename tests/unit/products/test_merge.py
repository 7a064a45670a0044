"""What several services tell of one product is put together, and nothing known is lost."""

from datetime import date
from decimal import Decimal

import pytest

from libs.products.merge import AtStockX, NoSku, Told, found, not_found, product_id, told
from libs.read_models.products.project import READ_MODEL, ProductRow
from schemas.products.product_changed import ProductChangedV1, StockXStatus
from schemas.values import Money
from tests.facts import at
from tests.logs import position

SLIDES = AtStockX(
    product_id="fa671f11",
    style_id="HQ4276",
    similarity=Decimal(1),
    title="adidas Reptossage Slides",
    release_date=date(2023, 4, 1),
    retail_price=Money(amount=Decimal(55), currency="USD"),
    raw={"styleId": "HQ4276"},
)


def row(fact: ProductChangedV1 | None, offset: int = 0) -> ProductRow:
    assert fact is not None
    made = READ_MODEL.evolve(None, fact, position(offset))
    assert made is not None
    return made


@pytest.mark.parametrize("sku", ["HQ4276", "hq-4276", "HQ 4276", "ＨＱ４２７６"])
def test_one_product_however_its_code_is_written(sku: str) -> None:
    assert product_id(sku) == "HQ4276"


@pytest.mark.parametrize("sku", ["", "---", " ", "x" * 101])
def test_what_is_no_style_code(sku: str) -> None:
    with pytest.raises(NoSku, match="is no style code"):
        product_id(sku)


def test_a_product_begins_with_what_is_told() -> None:
    fact = told(None, Told("HQ-4276", "csv", title="Slides"), at(1))
    assert fact is not None
    assert (fact.product_id, fact.sku, fact.title, fact.sources) == ("HQ4276", "HQ-4276", "Slides", ["csv"])
    assert fact.stockx_status is StockXStatus.UNKNOWN


def test_another_source_fills_gaps_and_takes_nothing_away() -> None:
    known = row(told(None, Told("HQ-4276", "csv", title="Slides"), at(1)))
    fact = told(known, Told("hq4276", "catalog", title="Other", brand="adidas"), at(2))
    assert fact is not None
    assert (fact.sku, fact.title, fact.brand) == ("HQ-4276", "Slides", "adidas")
    assert fact.sources == ["csv", "catalog"]
    assert fact.updated_at == at(2)


def test_what_is_known_already_is_no_news() -> None:
    known = row(told(None, Told("HQ4276", "csv", title="Slides"), at(1)))
    assert told(known, Told("HQ-4276", "csv", title="Slides"), at(2)) is None


def test_stockx_s_words_count_and_an_import_keeps_them() -> None:
    known = row(told(None, Told("HQ4276", "csv", title="Slides"), at(1)))
    enriched = found(known, "HQ4276", SLIDES, at(2))
    assert enriched.stockx_product_id == "fa671f11"
    assert enriched.title == "adidas Reptossage Slides"
    assert enriched.sources == ["csv"]
    again = told(row(enriched), Told("HQ4276", "notion", title="mine"), at(3))
    assert again is not None
    assert (again.stockx_product_id, again.title) == ("fa671f11", "adidas Reptossage Slides")
    assert again.retail_price == Money(amount=Decimal(55), currency="USD")
    assert again.raw == {"styleId": "HQ4276"}


def test_what_stockx_does_not_have_is_marked() -> None:
    known = row(told(None, Told("CUSTOM-001", "csv"), at(1)))
    fact = not_found(known, "CUSTOM-001", at(2))
    assert fact.stockx_status is StockXStatus.NOT_ON_STOCKX
    assert fact.stockx_product_id is None
    assert fact.stockx_searched_at == at(2)
