"""shipment.changed: a shipment's whole state, as its marketplace tells it now."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from schemas.event import EventFamily, Fact
from schemas.values import PERSONAL, Json, Money, UtcTime, Value


class ShipmentStatus(StrEnum):
    """Our words for a parcel's way; the marketplace's own word stands beside it in `marketplace_status`."""

    PENDING = "pending"
    READY_TO_SHIP = "ready_to_ship"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    NOT_DELIVERED = "not_delivered"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


class Destination(Value):
    """Where a parcel goes; a marketplace may hide it until the order is paid."""

    receiver_name: Annotated[str | None, PERSONAL] = None
    receiver_phone: Annotated[str | None, PERSONAL] = None
    address: Annotated[str | None, PERSONAL] = None
    postal_code: Annotated[str | None, PERSONAL] = None
    city: str | None = None
    state: str | None = None
    country: str | None = None


class ShipmentChangedV1(Fact):
    """A shipment is new or has changed; this is all of it.

    Trigger: a notification led to a fetch of the shipment. Key: `{marketplace}:{shipment_id}`. `updated_at` is the
    marketplace's own time of the change: an older state never replaces a newer one.
    """

    marketplace: str
    account: str
    shipment_id: str
    order_ids: list[str] = Field(default_factory=list)
    status: ShipmentStatus
    marketplace_status: str
    substatus: str | None = None
    tracking_number: str | None = None
    carrier: str | None = None
    service: str | None = None
    cost: Money | None = None
    declared_value: Money | None = None
    estimated_delivery_at: UtcTime | None = None
    destination: Destination | None = None
    created_at: UtcTime
    updated_at: UtcTime
    raw: Json = Field(default_factory=dict, json_schema_extra={"x-personal-data": True})

    def key(self) -> str:
        return f"{self.marketplace}:{self.shipment_id}"

    def person(self) -> str:
        return f"{self.marketplace}:shipment/{self.shipment_id}"

    def ties(self) -> list[tuple[str, str]]:
        return [(self.person(), f"{self.marketplace}:order/{order_id}") for order_id in self.order_ids]


EVENT = EventFamily("shipment.changed", topic="shipments", versions={1: ShipmentChangedV1})
