"""products: one row per style code, with its place in StockX's catalog."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from libs.projection.model import Position, ReadModel, Row
from libs.read_models.commanded import is_later
from libs.read_models.history import row_columns
from schemas.products.product_changed import ProductChangedV1


class ProductRow(Row, frozen=True, kw_only=True):
    product_id: str
    sku: str
    title: str | None
    brand: str | None
    colorway: str | None
    product_type: str | None
    gender: str | None
    season: str | None
    release_date: date | None
    retail_price: Decimal | None
    retail_currency: str | None
    image_url: str | None
    sources: list[str]
    stockx_status: str
    stockx_product_id: str | None
    stockx_style_id: str | None
    stockx_url_key: str | None
    stockx_similarity: Decimal | None
    stockx_searched_at: datetime | None
    raw: dict[str, Any]


def evolve(row: ProductRow | None, fact: ProductChangedV1, position: Position) -> ProductRow | None:
    """The row after a fact: the fact's own state, if it is later and valid."""
    if not is_later(row, fact, position):
        return row
    return ProductRow(
        *row_columns(fact, position),
        product_id=fact.product_id,
        sku=fact.sku,
        title=fact.title,
        brand=fact.brand,
        colorway=fact.colorway,
        product_type=fact.product_type,
        gender=fact.gender,
        season=fact.season,
        release_date=fact.release_date,
        retail_price=None if fact.retail_price is None else fact.retail_price.amount,
        retail_currency=None if fact.retail_price is None else fact.retail_price.currency,
        image_url=fact.image_url,
        sources=list(fact.sources),
        stockx_status=str(fact.stockx_status),
        stockx_product_id=fact.stockx_product_id,
        stockx_style_id=fact.stockx_style_id,
        stockx_url_key=fact.stockx_url_key,
        stockx_similarity=fact.stockx_similarity,
        stockx_searched_at=fact.stockx_searched_at,
        raw=dict(fact.raw),
    )


READ_MODEL = ReadModel("products", version=1, fact=ProductChangedV1, row=ProductRow, evolve=evolve)
