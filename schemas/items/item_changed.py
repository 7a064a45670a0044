"""item.changed: an item on sale at a marketplace, whoever sells it."""

from typing import Annotated

from pydantic import Field

from schemas.event import EventFamily, Fact
from schemas.values import PERSONAL, Basis, DecimalString, Json, Money, UtcTime, Value


class ItemSeller(Value):
    """Who sells it, and what the marketplace says of him."""

    id: str | None = None
    nickname: Annotated[str | None, PERSONAL] = None
    reputation_level: str | None = Field(default=None, description="The marketplace's word, for example `5_green`")
    power_seller_status: str | None = None
    transactions_total: int | None = None
    transactions_completed: int | None = None
    ratings_positive: DecimalString | None = Field(default=None, description="A share, 0 to 1")


class ItemChangedV1(Fact):
    """An item was looked at; this is all that was seen. It may be anybody's: our own listings are in `listings`.

    Trigger: an enrich job has fetched the item. Key: `{marketplace}:{item_id}`. `updated_at` is when we looked.
    """

    marketplace: str
    item_id: str
    site_id: str | None = None
    title: str
    subtitle: str | None = None
    status: str | None = Field(default=None, description="The marketplace's word")
    price: Money | None = None
    base_price: DecimalString | None = Field(default=None, description="Before a reduction, in the price's currency")
    original_price: DecimalString | None = None
    condition: str | None = None
    listing_type_id: str | None = None
    category_id: str | None = None
    domain_id: str | None = None
    product_id: str | None = Field(default=None, description="The marketplace's catalog product, where it has one")
    seller: ItemSeller | None = None
    quantity_available: int | None = Field(default=None, description="Of a foreign item often a rounded figure")
    quantity_sold: int | None = None
    free_shipping: bool | None = None
    shipping_mode: str | None = None
    logistic_type: str | None = None
    accepts_mercadopago: bool | None = None
    pictures_count: int = 0
    attributes: dict[str, str] = Field(default_factory=dict)
    attributes_missing: int = Field(default=0, description="Attributes that are told without a value")
    url: str | None = None
    thumbnail: str | None = None
    created_at: UtcTime | None = None
    changed_at: UtcTime | None = Field(default=None, description="The marketplace's own time of the last change")
    updated_at: UtcTime
    basis: Basis = None
    source: str = Field(description="What led to the item: search, orders_v2, questions, items, import, api")
    raw: Annotated[Json, PERSONAL] = Field(default_factory=dict)

    def key(self) -> str:
        return f"{self.marketplace}:{self.item_id}"


EVENT = EventFamily("item.changed", topic="items", versions={1: ItemChangedV1})
