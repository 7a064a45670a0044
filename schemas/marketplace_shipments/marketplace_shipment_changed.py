"""marketplace_shipment.changed: a parcel to a buyer as the catalog's people follow it.

(shipment.changed is the marketplace's own word.)
"""

from enum import StrEnum

from pydantic import Field

from schemas.entity import Entity, EntityFact, Reference, Workflow
from schemas.values import UtcTime


class MarketplaceShipmentStatus(StrEnum):
    """Where a parcel is."""

    LABEL_CREATED = "LABEL_CREATED"
    PICKED_UP = "PICKED_UP"
    IN_TRANSIT = "IN_TRANSIT"
    OUT_FOR_DELIVERY = "OUT_FOR_DELIVERY"
    DELIVERED = "DELIVERED"
    DELIVERY_FAILED = "DELIVERY_FAILED"
    RETURNED_TO_SENDER = "RETURNED_TO_SENDER"
    EXCEPTION = "EXCEPTION"


class MarketplaceShipmentChangedV1(EntityFact):
    """A parcel was labelled, went a step on, or its record was deleted; this is all of it.

    Trigger: POST /shipments. Key: `{shipment_id}`.
    """

    shipment_id: int
    marketplace_order_id: int = Field(description="Linked order ID")
    carrier: str = Field(description='Shipping carrier: "UPS", "FedEx", "DHL", etc.')
    service_level: str = Field(description='Service type: "Ground", "Express", "2-Day"')
    label_ref: str = Field(description="Shipping label reference")
    tracking_number: str = Field(description="Carrier tracking number")
    status: MarketplaceShipmentStatus = Field(description="Shipment status")
    shipped_at: UtcTime | None = Field(default=None, description="Actual ship timestamp")
    delivered_at: UtcTime | None = Field(default=None, description="Delivery timestamp")
    last_error: str | None = Field(default=None, description="Last error message")

    def key(self) -> str:
        return str(self.shipment_id)


def _check(fact: MarketplaceShipmentChangedV1) -> None:
    if fact.shipped_at is not None and fact.delivered_at is not None and fact.delivered_at < fact.shipped_at:
        raise ValueError(f"deliveredAt {fact.delivered_at} is before shippedAt {fact.shipped_at}")


ENTITY = Entity(
    "shipments",
    noun="marketplace_shipment",
    topic="marketplace_shipments",
    id_field="shipment_id",
    fact=MarketplaceShipmentChangedV1,
    producers=("catalog", "order_desk"),
    consumers=("projector", "order_desk"),
    summary="Parcels to buyers, from the label to the door",
    unique=(("carrier", "tracking_number"),),
    references=(Reference("marketplace_order_id", "marketplaceOrders"),),
    workflow=Workflow(
        "status",
        starts=tuple(MarketplaceShipmentStatus),  # a parcel may be on its way before we hear of it
        steps={
            "LABEL_CREATED": ("PICKED_UP", "EXCEPTION"),
            "PICKED_UP": ("IN_TRANSIT", "EXCEPTION"),
            "IN_TRANSIT": ("OUT_FOR_DELIVERY", "RETURNED_TO_SENDER", "EXCEPTION"),
            "OUT_FOR_DELIVERY": ("DELIVERED", "DELIVERY_FAILED", "EXCEPTION"),
            "DELIVERY_FAILED": ("OUT_FOR_DELIVERY", "RETURNED_TO_SENDER", "EXCEPTION"),
            "EXCEPTION": ("IN_TRANSIT", "OUT_FOR_DELIVERY", "DELIVERY_FAILED", "RETURNED_TO_SENDER"),
            "DELIVERED": (),
            "RETURNED_TO_SENDER": (),
        },
    ),
    check=_check,
    example={
        "marketplaceOrderId": 1,
        "carrier": "UPS",
        "serviceLevel": "Ground",
        "labelRef": "LBL-UPS-000001",
        "trackingNumber": "1Z999AA10123456784",
        "status": "LABEL_CREATED",
        "shippedAt": None,
        "deliveredAt": None,
        "lastError": None,
        "action": "1",
    },
)
EVENT = ENTITY.event
