"""buy_offer.changed: where a product can be bought, and for how much."""

from pydantic import Field

from schemas.entity import NOT_NEGATIVE, POSITIVE, Entity, EntityFact
from schemas.values import DecimalString


class BuyOfferChangedV1(EntityFact):
    """A supplier's offer was created, changed or deleted; this is all of it.

    Trigger: POST /buyOffers. Key: `{buy_offer_id}`. `buy_cost_usd` is in US dollars whatever `currency` says.
    """

    buy_offer_id: int
    supplier_name: str = Field(description="Supplier/retailer name")
    product_url: str = Field(description="URL to purchase product")
    buy_cost_usd: DecimalString = Field(description="Cost in USD")
    stock_level: int | None = Field(default=None, description="Available stock quantity")
    lead_time_days: int | None = Field(default=None, description="Delivery time in days")
    min_quantity: int | None = Field(default=None, description="Minimum purchase quantity")
    max_quantity: int | None = Field(default=None, description="Maximum purchase quantity")
    currency: str = Field(default="USD", description="Currency code")
    is_active: bool = Field(default=True, description="Whether offer is active")

    def key(self) -> str:
        return str(self.buy_offer_id)


def _check(fact: BuyOfferChangedV1) -> None:
    if fact.min_quantity is not None and fact.max_quantity is not None and fact.min_quantity > fact.max_quantity:
        raise ValueError(f"minQuantity {fact.min_quantity} is above maxQuantity {fact.max_quantity}")


ENTITY = Entity(
    "buyOffers",
    noun="buy_offer",
    topic="buy_offers",
    fact=BuyOfferChangedV1,
    consumers=("projector", "pricing", "matcher"),
    summary="Where products can be bought: suppliers and their offers",
    unique=(("supplier_name", "product_url"),),
    bounds={
        "buy_cost_usd": NOT_NEGATIVE,
        "stock_level": NOT_NEGATIVE,
        "lead_time_days": NOT_NEGATIVE,
        "min_quantity": POSITIVE,
        "max_quantity": POSITIVE,
    },
    check=_check,
    example={
        "buyOfferId": 1,
        "supplierName": "Walmart",
        "productUrl": "https://www.walmart.com/ip/product/123",
        "buyCostUsd": 650.00,
        "stockLevel": 100,
        "leadTimeDays": 3,
        "minQuantity": 1,
        "maxQuantity": 50,
        "currency": "USD",
        "isActive": True,
        "action": "1",
    },
)
EVENT = ENTITY.event
