"""product.changed: the whole state of a product, known by its style code, with its place in StockX's catalog."""

from datetime import date
from enum import StrEnum

from pydantic import Field

from schemas.event import EventFamily, Fact
from schemas.values import Basis, DecimalString, Json, Money, UtcTime


class StockXStatus(StrEnum):
    """Whether StockX has the product: nobody has looked yet, it has, or it was looked for and not found."""

    UNKNOWN = "unknown"
    ON_STOCKX = "on_stockx"
    NOT_ON_STOCKX = "not_on_stockx"


class ProductChangedV1(Fact):
    """A product was imported, or found (or not found) at StockX; this is all of it.

    Trigger: an import, or a search of StockX's catalog. Key: `{product_id}`, the SKU's capital letters and digits:
    `HQ4276` for `HQ-4276`, so that both ways to write it are one product.
    """

    product_id: str = Field(min_length=1, max_length=100)
    sku: str = Field(min_length=1, max_length=100, description="The style code as it was told first, such as HQ-4276")
    title: str | None = None
    brand: str | None = None
    colorway: str | None = None
    product_type: str | None = Field(default=None, description="StockX's word, such as sneakers")
    gender: str | None = None
    season: str | None = None
    release_date: date | None = None
    retail_price: Money | None = None
    image_url: str | None = None
    sources: list[str] = Field(default_factory=list, description="Who told of it, in their order: catalog, csv, notion")
    stockx_status: StockXStatus = StockXStatus.UNKNOWN
    stockx_product_id: str | None = None
    stockx_style_id: str | None = Field(default=None, description="The style code as StockX writes it")
    stockx_url_key: str | None = None
    stockx_similarity: DecimalString | None = Field(
        default=None, description="Of the two style codes, 0 to 1: 1 is the same but for separators"
    )
    stockx_searched_at: UtcTime | None = Field(default=None, description="When it was last looked for at StockX")
    basis: Basis = None
    updated_at: UtcTime
    raw: Json = Field(default_factory=dict, description="The product as StockX told it, whole; empty if it did not")

    def key(self) -> str:
        return self.product_id


EVENT = EventFamily("product.changed", topic="products", versions={1: ProductChangedV1})
