"""market_data.recorded: the market of one size of a product, as a marketplace told it at a moment."""

from typing import Annotated

from pydantic import Field

from schemas.event import EventFamily, Fact
from schemas.values import Json, Money, UtcTime

NO_SIZE = "-"


class MarketDataRecordedV1(Fact):
    """A marketplace was asked for the market of one size of a product; what it did not tell is null, never made up.

    Trigger: a synchronisation, daily or on demand. Key: `{platform}:{sku}:{size}`, `-` for what has no size.
    `updated_at` is when the marketplace was asked. `sales` are orders of our own, counted then: no marketplace tells
    its number of sales. `last_sale` at StockX is of our own newest order, at GOAT the last one that alias tells.
    """

    platform: str = Field(description="stockx or goat")
    sku: str = Field(min_length=1, max_length=100)
    size: Annotated[str, Field(max_length=20)] | None = None
    product_id: str = Field(description="The platform's own id of the product")
    variant_id: str | None = Field(default=None, description="The platform's own id of the size, where it has one")
    lowest_ask: Money | None = None
    highest_bid: Money | None = None
    last_sale: Money | None = None
    last_sale_at: UtcTime | None = None
    sales: Annotated[int, Field(ge=0)] | None = None
    updated_at: UtcTime
    raw: Json = Field(default_factory=dict, description="What the marketplace told beyond that")

    def key(self) -> str:
        return f"{self.platform}:{self.sku}:{self.size or NO_SIZE}"


EVENT = EventFamily("market_data.recorded", topic="market_data", versions={1: MarketDataRecordedV1})
