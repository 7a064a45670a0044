"""shipments: one row per shipment."""

from datetime import datetime
from decimal import Decimal

import msgspec

from libs.projection.model import ReadModel
from libs.read_models.history import EntityColumns, EntityRow, OfLatest
from schemas.shipments.shipment_changed import Destination, ShipmentChangedV1


class Address(msgspec.Struct, frozen=True):
    """Where a parcel goes; all above `city` is personal data."""

    receiver_name: str | None
    receiver_phone: str | None
    address: str | None
    postal_code: str | None
    city: str | None
    state: str | None
    country: str | None


class ShipmentRow(EntityRow, frozen=True, kw_only=True):
    shipment_id: str
    substatus: str | None
    order_ids: list[str]
    tracking_number: str | None
    carrier: str | None
    service: str | None
    cost_amount: Decimal | None
    cost_currency: str | None
    declared_amount: Decimal | None
    declared_currency: str | None
    estimated_at: datetime | None
    destination: Address | None
    created_at: datetime


def shipment_row(fact: ShipmentChangedV1, columns: EntityColumns) -> ShipmentRow:
    """The fact's own state."""
    return ShipmentRow(
        *columns,
        shipment_id=fact.shipment_id,
        substatus=fact.substatus,
        order_ids=list(fact.order_ids),
        tracking_number=fact.tracking_number,
        carrier=fact.carrier,
        service=fact.service,
        cost_amount=None if fact.cost is None else fact.cost.amount,
        cost_currency=None if fact.cost is None else fact.cost.currency,
        declared_amount=None if fact.declared_value is None else fact.declared_value.amount,
        declared_currency=None if fact.declared_value is None else fact.declared_value.currency,
        estimated_at=fact.estimated_delivery_at,
        destination=_address(fact.destination),
        created_at=fact.created_at,
    )


def _address(to: Destination | None) -> Address | None:
    if to is None:
        return None
    return Address(to.receiver_name, to.receiver_phone, to.address, to.postal_code, to.city, to.state, to.country)


READ_MODEL = ReadModel("shipments", version=1, fact=ShipmentChangedV1, row=ShipmentRow, evolve=OfLatest(shipment_row))
