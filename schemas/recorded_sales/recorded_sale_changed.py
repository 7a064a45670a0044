"""recorded_sale.changed: a sale that a person wrote down, with its real product at StockX."""

from typing import Annotated

from pydantic import Field

from schemas.event import EventFamily, Fact
from schemas.values import Money, UtcTime


class RecordedSaleChangedV1(Fact):
    """A person wrote a sale down, changed it, or took it back (`withdrawn`); this is all of it.

    Trigger: a synchronisation read it, and found its style code at StockX. Key: `{source}:{source_id}`. `updated_at` is
    when it was last edited there. Who bought is not kept.
    """

    source: str = Field(description="Where it was written down: notion")
    source_id: str
    user_id: str = Field(description="Our user, whose sale it is")
    marketplace: str = Field(description="Where it was sold: stockx")
    order_number: str | None = None
    sku: str = Field(min_length=1, max_length=100, description="The style code as StockX writes it")
    size: Annotated[str, Field(max_length=20)] | None = None
    title: str | None = None
    product_id: str = Field(description="StockX's id of the product")
    variant_id: str | None = Field(default=None, description="StockX's id of the size")
    price: Money
    payout: Money | None = None
    sold_at: UtcTime
    withdrawn: bool = False
    updated_at: UtcTime

    def key(self) -> str:
        return f"{self.source}:{self.source_id}"


EVENT = EventFamily("recorded_sale.changed", topic="recorded_sales", versions={1: RecordedSaleChangedV1})
