"""A product's next state: what is known of it, and what somebody tells now. Pure; None where nothing is new.

A fact carries a product's whole state, so whoever publishes one must know the row: see `libs.products.telling`.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from libs.matching.sku import normalised
from libs.read_models.products.project import ProductRow
from schemas.products.product_changed import ProductChangedV1, StockXStatus
from schemas.values import Json, Money


class NoSku(ValueError):
    """The text has no letter and no digit, or is longer than any style code: no product can be known by it."""


MOST_CHARACTERS = 100


def product_id(sku: str) -> str:
    """The identity of a style code's product: `HQ4276` for `hq-4276`. Raises NoSku."""
    told = normalised(sku)
    if not told or max(len(sku), len(told)) > MOST_CHARACTERS:
        raise NoSku(f"{sku[:40]!r} is no style code: it needs a letter or a digit, and at most {MOST_CHARACTERS}")
    return told


@dataclass(frozen=True, slots=True)
class Told:
    """What a source (`catalog`, `csv`, `notion`) tells of a product: None where it does not know."""

    sku: str
    source: str
    title: str | None = None
    brand: str | None = None
    colorway: str | None = None
    release_date: date | None = None
    retail_price: Money | None = None
    image_url: str | None = None


@dataclass(frozen=True, slots=True)
class AtStockX:
    """A product as StockX's catalog has it, and how similar its style code is to the one that was looked for."""

    product_id: str
    style_id: str | None
    similarity: Decimal
    url_key: str | None = None
    title: str | None = None
    brand: str | None = None
    colorway: str | None = None
    product_type: str | None = None
    gender: str | None = None
    season: str | None = None
    release_date: date | None = None
    retail_price: Money | None = None
    image_url: str | None = None
    raw: Json = field(default_factory=dict)


def told(row: ProductRow | None, news: Told, at: datetime) -> ProductChangedV1 | None:
    """The product after a source told of it: what is known already stays, gaps are filled."""
    known = _known(row, news.sku, at)
    gaps = {
        name: getattr(news, name)
        for name in ("title", "brand", "colorway", "release_date", "retail_price", "image_url")
        if getattr(known, name) is None
    }
    sources = known.sources if news.source in known.sources else [*known.sources, news.source]
    return _if_new(row, known.model_copy(update={**gaps, "sources": sources}), at)


def found(row: ProductRow | None, sku: str, product: AtStockX, at: datetime) -> ProductChangedV1:
    """The product after StockX's catalog was searched and has it: StockX's words count, where it says any."""
    known = _known(row, sku, at)
    said = {
        name: value
        for name in (
            "title",
            "brand",
            "colorway",
            "product_type",
            "gender",
            "season",
            "release_date",
            "retail_price",
            "image_url",
        )
        if (value := getattr(product, name)) is not None
    }
    return known.model_copy(
        update={
            **said,
            "stockx_status": StockXStatus.ON_STOCKX,
            "stockx_product_id": product.product_id,
            "stockx_style_id": product.style_id,
            "stockx_url_key": product.url_key,
            "stockx_similarity": product.similarity,
            "stockx_searched_at": at,
            "updated_at": at,
            "raw": product.raw,
        }
    )


def not_found(row: ProductRow | None, sku: str, at: datetime) -> ProductChangedV1:
    """The product after StockX's catalog was searched and does not have it. What a search found before is forgotten."""
    return _known(row, sku, at).model_copy(
        update={
            "stockx_status": StockXStatus.NOT_ON_STOCKX,
            "stockx_product_id": None,
            "stockx_style_id": None,
            "stockx_url_key": None,
            "stockx_similarity": None,
            "stockx_searched_at": at,
            "updated_at": at,
            "raw": {},
        }
    )


def _known(row: ProductRow | None, sku: str, at: datetime) -> ProductChangedV1:
    if row is None:
        return ProductChangedV1(product_id=product_id(sku), sku=sku, updated_at=at)
    price = None
    if row.retail_price is not None and row.retail_currency is not None:
        price = Money(amount=row.retail_price, currency=row.retail_currency)
    return ProductChangedV1(
        product_id=row.product_id,
        sku=row.sku,
        title=row.title,
        brand=row.brand,
        colorway=row.colorway,
        product_type=row.product_type,
        gender=row.gender,
        season=row.season,
        release_date=row.release_date,
        retail_price=price,
        image_url=row.image_url,
        sources=row.sources,
        stockx_status=StockXStatus(row.stockx_status),
        stockx_product_id=row.stockx_product_id,
        stockx_style_id=row.stockx_style_id,
        stockx_url_key=row.stockx_url_key,
        stockx_similarity=row.stockx_similarity,
        stockx_searched_at=row.stockx_searched_at,
        updated_at=row.updated_at,
        raw=row.raw,
    )


def _if_new(row: ProductRow | None, fact: ProductChangedV1, at: datetime) -> ProductChangedV1 | None:
    if row is not None and fact == _known(row, fact.sku, at):
        return None
    return fact.model_copy(update={"updated_at": at})
