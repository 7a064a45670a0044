"""marketplace_order.changed: a sale as the catalog's people work on it.

(order.changed is the marketplace's own word.)
"""

from enum import StrEnum
from typing import Annotated

from annotated_types import Ge, Gt, Le
from pydantic import Field

from schemas.channels import Channel
from schemas.entity import Entity, EntityFact, Reference, Workflow
from schemas.values import PERSONAL, DecimalString, Json


class MarketplaceOrderStatus(StrEnum):
    """How far an order is."""

    NEW = "ORDER_NEW"
    CONFIRMED = "ORDER_CONFIRMED"
    PROCESSING = "ORDER_PROCESSING"
    SHIPPED = "ORDER_SHIPPED"
    DELIVERED = "ORDER_DELIVERED"
    CANCELLED = "ORDER_CANCELLED"
    RETURNED = "ORDER_RETURNED"
    REFUNDED = "ORDER_REFUNDED"


class MarketplaceOrderChangedV1(EntityFact):
    """An order was imported, went a step on, or was deleted; this is all of it.

    Trigger: POST /marketplaceOrders. Key: `{marketplace_order_id}`. A deleted one has no address any more.
    """

    marketplace_order_id: int
    channel: Channel = Field(description="Marketplace")
    market: str = Field(description="Country code")
    channel_order_id: str = Field(description="Original marketplace order ID")
    unified_product_id: int = Field(description="Ordered product ID")
    quantity: int = Field(description="Items ordered")
    sold_price_usd: DecimalString = Field(description="Sale price in USD")
    buyer_address_json: Annotated[Json, PERSONAL] = Field(description="Buyer shipping information")
    status: MarketplaceOrderStatus = Field(description="Order status")

    def key(self) -> str:
        return str(self.marketplace_order_id)

    def person(self) -> str:
        """A buyer's, whom the marketplace's own order names."""
        return f"catalog:marketplace_order/{self.marketplace_order_id}"

    def ties(self) -> list[tuple[str, str]]:
        return [(self.person(), f"{self.channel}:order/{self.channel_order_id}")]


ENTITY = Entity(
    "marketplaceOrders",
    noun="marketplace_order",
    topic="marketplace_orders",
    fact=MarketplaceOrderChangedV1,
    producers=("catalog", "order_desk"),
    consumers=("projector", "order_desk", "interlock"),
    summary="Orders from the marketplaces, from new to delivered or refunded",
    unique=(("channel", "channel_order_id", "unified_product_id"),),
    references=(Reference("unified_product_id", "unifiedProducts"),),
    workflow=Workflow(
        "status",
        starts=tuple(MarketplaceOrderStatus),  # an order is imported as it is at its marketplace
        steps={
            "ORDER_NEW": ("ORDER_CONFIRMED", "ORDER_CANCELLED"),
            "ORDER_CONFIRMED": ("ORDER_PROCESSING", "ORDER_CANCELLED"),
            "ORDER_PROCESSING": ("ORDER_SHIPPED", "ORDER_CANCELLED"),
            "ORDER_SHIPPED": ("ORDER_DELIVERED", "ORDER_RETURNED"),
            "ORDER_DELIVERED": ("ORDER_RETURNED", "ORDER_REFUNDED"),
            "ORDER_CANCELLED": ("ORDER_REFUNDED",),
            "ORDER_RETURNED": ("ORDER_REFUNDED",),
            "ORDER_REFUNDED": (),
        },
    ),
    # Purchases and reservations are computed from them: what is larger is no order, and would keep others waiting.
    bounds={"quantity": (Gt(0), Le(2**31 - 1)), "sold_price_usd": (Ge(0), Le(10**10))},
    example={
        "channel": "amazon",
        "market": "US",
        "channelOrderId": "AMZ-ORDER-000001",
        "unifiedProductId": 1,
        "quantity": 1,
        "soldPriceUsd": 799.99,
        "buyerAddressJson": {
            "name": "John Doe",
            "email": "john@example.com",
            "phone": "+1-555-0100",
            "address1": "123 Main St",
            "address2": "Apt 5",
            "city": "Phoenix",
            "state": "AZ",
            "postalCode": "85001",
            "country": "US",
        },
        "status": "ORDER_NEW",
        "action": "1",
    },
)
EVENT = ENTITY.event
