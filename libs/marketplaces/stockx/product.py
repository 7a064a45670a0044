"""Products and their variants (sizes), as the catalog tells them. Keys of the contract that may be null are None."""

from typing import Annotated

from pydantic import Field

from libs.marketplaces.payload import EmptyIfNone, Id
from libs.marketplaces.stockx.values import OptionalAmount, StockXPayload


class ProductAttributes(StockXPayload):
    """`retail_price` is in USD; `release_date` is a day (`2021-03-10`), but catalogs hold blanks and words, too."""

    gender: str | None = None
    season: str | None = None
    release_date: str | None = None
    retail_price: OptionalAmount = None
    colorway: str | None = None
    color: str | None = None


class SizeName(StockXPayload):
    """A way to tell sizes: `{"name": "US M", "type": "us m"}`."""

    name: str | None = None
    type: str | None = None


class ProductSizes(StockXPayload):
    """Which ways to tell sizes a product has."""

    available_conversions: Annotated[list[SizeName], EmptyIfNone] = Field(default_factory=list)
    default_conversion: SizeName | None = None


class Product(StockXPayload):
    """A product. In search results the last three are absent. There are no images, prices or sales at StockX v2."""

    product_id: Id
    url_key: str | None = None
    style_id: str | None = None
    product_type: str | None = None
    title: str | None = None
    brand: str | None = None
    product_attributes: ProductAttributes | None = None
    size_chart: ProductSizes | None = None
    is_flex_eligible: bool | None = None
    is_direct_eligible: bool | None = None


class Size(StockXPayload):
    """`{"size": "US M 3.5", "type": "us m"}`; the default one has no prefix: `3.5`."""

    size: str | None = None
    type: str | None = None


class VariantSizes(StockXPayload):
    """A variant's size in each way to tell it."""

    default_conversion: Size | None = None
    available_conversions: Annotated[list[Size], EmptyIfNone] = Field(default_factory=list)


class Gtin(StockXPayload):
    """`{"identifier": "194817794556", "type": "UPC"}`"""

    identifier: str | None = None
    type: str | None = None


class Variant(StockXPayload):
    """A size of a product. `variant_value` is the size in the default way; None for what has no sizes."""

    product_id: Id
    variant_id: Id
    variant_name: str | None = None
    variant_value: str | None = None
    size_chart: VariantSizes | None = None
    gtins: Annotated[list[Gtin], EmptyIfNone] = Field(default_factory=list)
    is_flex_eligible: bool | None = None
    is_direct_eligible: bool | None = None
