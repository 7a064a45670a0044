"""What the HTTP API takes and gives, in the documents' camelCase."""

from datetime import date, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from libs.marketplaces.stockx.catalog import LARGEST_SEARCH_PAGE, LONGEST_QUERY
from libs.marketplaces.stockx.market_data import known_currency

LAST_PAGE = 1_000_000
"""Nothing is found so far behind; StockX would refuse the number, and whoever asked be told that StockX fails."""

Query = Annotated[str, Field(min_length=1, max_length=LONGEST_QUERY, description="SKU, GTIN, style id or keyword")]
PageSize = Annotated[int, Field(ge=1, le=LARGEST_SEARCH_PAGE, description="Results per page")]


class Told(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)


class SearchQuery(BaseModel):
    """`page` and `pageNumber` are two names of one thing: the document has both."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    query: Query
    page: int | None = Field(default=None, ge=1, le=LAST_PAGE, description="Page number, from 1")
    page_number: int | None = Field(default=None, ge=1, le=LAST_PAGE, description="The same as `page`")
    page_size: PageSize = 10

    @model_validator(mode="after")
    def _one_page(self) -> Self:
        if self.page is not None and self.page_number not in (None, self.page):
            raise ValueError("page and pageNumber are the same: they contradict each other")
        return self

    @property
    def number(self) -> int:
        return self.page or self.page_number or 1


class EverywhereQuery(BaseModel):
    """A search at all marketplaces."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    query: Query
    page_size: PageSize = 10


class ProductPath(BaseModel):
    """A product by StockX's id."""

    product_id: str = Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9-]+$")


class MarketQuery(BaseModel):
    """The currency of prices."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    currency_code: Annotated[str, AfterValidator(known_currency)] = Field(default="USD", pattern=r"^[A-Z]{3}$")


class SkuPath(BaseModel):
    """A style code, however it is written."""

    sku: str = Field(min_length=1, max_length=LONGEST_QUERY)


class PendingQuery(BaseModel):
    """Which products are still to be looked for. `again`: also those that StockX did not have."""

    again: bool = False
    after: str = Field(default="", max_length=100, description="Where the previous page ended")
    limit: int = Field(default=500, ge=1, le=1000)


class Media(Told):
    """Pictures, where the marketplace tells any."""

    image_url: str | None = None
    thumb_url: str | None = None


class ProductTold(Told):
    """A product, as the document shows it."""

    id: str
    brand: str | None
    name: str | None
    model: str | None = Field(description="The style code")
    colorway: str | None
    release_date: date | None
    retail_price: float | None
    url_key: str | None
    media: Media


class Pagination(Told):
    """`total` is of the whole search."""

    total: int
    page: int
    page_size: int


class SearchTold(Told):
    """A page of StockX's catalog."""

    products: list[ProductTold]
    pagination: Pagination


class OnSale(ProductTold):
    """A product at a marketplace, with the lowest price, where the search tells one."""

    price: float | None = None
    currency: str | None = None
    url: str | None = None


class MarketplaceTold(Told):
    """What one marketplace found; `total` None where it does not tell."""

    products: list[OnSale]
    total: int | None


class EverywhereTold(Told):
    """What each marketplace found: null where it failed, was too slow or is not configured; `errors` tells why."""

    query: str
    stockx: MarketplaceTold | None
    goat: MarketplaceTold | None
    klekt: MarketplaceTold | None
    ebay: MarketplaceTold | None
    errors: dict[str, str]


class SizeTold(Told):
    """A size with its prices, None where nobody asks or bids. `sizes`: the size in every way to tell it."""

    variant_id: str
    size: str | None
    sizes: dict[str, str]
    gtins: list[str]
    lowest_ask: float | None
    highest_bid: float | None
    sell_faster: float | None
    earn_more: float | None
    flex_lowest_ask: float | None


class DetailsTold(ProductTold):
    """All that StockX tells of a product. It tells no sales: `historicalSales` is null, never invented."""

    product_type: str | None
    gender: str | None
    season: str | None
    color: str | None
    currency_code: str
    sizes: list[SizeTold]
    historical_sales: None = None
    specifications: dict[str, Any]


class FoundTold(Told):
    """A style code's product. `similarity` 1: the same code but for separators. `cached`: StockX was not asked."""

    sku: str
    stockx_product_id: str
    similarity: float
    cached: bool
    found_at: datetime
    product: ProductTold


class PendingTold(Told):
    """Products without a StockX id: how many in all, some of their style codes, and where the next page begins."""

    total: int
    skus: list[str]
    after: str | None


class EnrichedTold(Told):
    """What became of one product."""

    sku: str
    outcome: Literal["enriched", "not_on_stockx"]
    stockx_product_id: str | None
