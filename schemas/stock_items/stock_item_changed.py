"""stock_item.changed: how many of one size of a product a user has in stock, as he imported it."""

from typing import Annotated

from pydantic import Field

from schemas.event import EventFamily, Fact
from schemas.inventory.inventory_changed import Condition
from schemas.values import Money, UtcTime

NO_SIZE = "-"


class StockItemChangedV1(Fact):
    """A user has so many of one size of a product; none are left where `quantity` is 0. This is all that is known.

    Trigger: an import was accepted whole. Key: `{user_id}:{sku}:{size}:{condition}`, `-` for what has no size. `sku` is
    the style code as StockX writes it; `told_sku` as the import had it. `updated_at` is when the import was accepted.
    """

    user_id: str = Field(min_length=1, description="Our user, whose goods these are")
    sku: str = Field(min_length=1, max_length=100)
    told_sku: str
    size: Annotated[str, Field(max_length=20)] | None = Field(default=None, description="As StockX tells it: 10.5")
    condition: Condition
    title: str | None = None
    quantity: int = Field(ge=0)
    cost: Money | None = Field(default=None, description="What one of them was bought for")
    acquired_at: UtcTime | None = None
    stockx_product_id: str
    stockx_variant_id: str | None = None
    import_id: str
    updated_at: UtcTime

    def key(self) -> str:
        return f"{self.user_id}:{self.sku}:{self.size or NO_SIZE}:{self.condition}"


EVENT = EventFamily("stock_item.changed", topic="stock_items", versions={1: StockItemChangedV1})
