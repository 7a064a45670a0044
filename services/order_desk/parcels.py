"""Parcels: a marketplace's shipment → shipments; a shipment's status, whoever reported it, → its order's."""

from collections.abc import Mapping
from typing import Any

from libs.commands.command import Command
from libs.entities.change import CREATE, UPDATE, Change
from libs.entities.finding import rows
from libs.privacy.opener import ERASED, opened
from schemas.entities import BY_COLLECTION
from schemas.envelope import Envelope
from schemas.marketplace_shipments.marketplace_shipment_changed import MarketplaceShipmentChangedV1
from schemas.marketplace_shipments.marketplace_shipment_changed import MarketplaceShipmentStatus as Parcel
from schemas.shipments.shipment_changed import Destination, ShipmentChangedV1
from schemas.values import Json
from services.order_desk import waiting
from services.order_desk.desk import Desk, is_gone, standing
from services.order_desk.orders import ORDERS, move, of_channel
from services.order_desk.steps import TROUBLE, order_of, parcel, way

SHIPMENTS = BY_COLLECTION["shipments"]
_WORKFLOW = SHIPMENTS.workflow
assert _WORKFLOW is not None

_ADDRESS = {
    "name": "receiver_name",
    "phone": "receiver_phone",
    "address1": "address",
    "city": "city",
    "state": "state",
    "postalCode": "postal_code",
    "country": "country",
}
"""The documented members of buyerAddressJson, and where a parcel tells them."""


async def on_shipment(fact: ShipmentChangedV1, desk: Desk, cause: Envelope) -> list[int]:
    """The numbers of its orders' rows; without any it waits for one."""
    orders = await _orders(fact, desk)
    if not orders:
        named = await waiting.orders_in(desk.database, fact)
        names = [waiting.order(fact.marketplace, one) for one in named]
        names.append(waiting.parcel(fact.marketplace, fact.shipment_id))
        await waiting.park(desk.database, fact, names, f"no order of {fact.marketplace} is known that it belongs to")
        orders = await _orders(fact, desk)
    if not orders:
        return []
    await waiting.unpark(desk.database, fact)
    numbers = [int(row.key) for row in orders]
    if fact.destination is not None:
        destination = await opened(fact.destination, desk.keys)
        for number in numbers:
            await _tell_address(number, destination, desk, cause)
    state = parcel(fact.status, fact.substatus)
    if state is None:
        return numbers
    if fact.tracking_number is not None:
        await _record(fact, state, numbers[0], desk, cause)
    for number in numbers:
        target = order_of(await _states(fact, state, number, desk))
        if target is not None:
            await move(desk, number, target, cause)
    return numbers


async def on_parcel(fact: MarketplaceShipmentChangedV1, desk: Desk, cause: Envelope) -> int | None:
    """Its order's number, if that was moved: all parcels of the order are looked at as they are now."""
    async with desk.database.connection() as connection:
        parcels = await rows(connection, SHIPMENTS, marketplace_order_id=fact.marketplace_order_id)
    target = order_of(row.status for row in parcels)
    return None if target is None else await move(desk, fact.marketplace_order_id, target, cause)


async def _orders(fact: ShipmentChangedV1, desk: Desk) -> list[Any]:
    named = await waiting.orders_in(desk.database, fact)
    async with desk.database.connection() as connection:
        return await of_channel(connection, fact.marketplace, named)


async def _states(fact: ShipmentChangedV1, state: Parcel, order: int, desk: Desk) -> list[str]:
    """Where an order's parcels are, this one among them: without a tracking number it has no row."""
    async with desk.database.connection() as connection:
        parcels = await rows(connection, SHIPMENTS, marketplace_order_id=order)
    known = {row.label_ref: str(row.status) for row in parcels}
    return list(({_label(fact): str(state)} | known).values())


def _label(fact: ShipmentChangedV1) -> str:
    return f"{fact.marketplace}:{fact.shipment_id}"


async def _record(fact: ShipmentChangedV1, state: Parcel, order: int, desk: Desk, cause: Envelope) -> None:
    label = _label(fact)

    async def plan(command: Command) -> Change | None:
        of_order = await rows(command.connection, SHIPMENTS, gone=True, marketplace_order_id=order)
        same = [row for row in of_order if row.label_ref == label]
        row = standing(same)
        if row is None:
            return None if is_gone(same) else Change(CREATE, None, _fields(fact, state, order, label))
        assert _WORKFLOW is not None
        path = way(_WORKFLOW, row.status, state, avoid=TROUBLE)
        if not path:
            return None
        return Change(UPDATE, int(row.key), {"status": path[0], **_moments(fact, Parcel(path[0]), row)})

    await desk.settle(SHIPMENTS, plan, cause=cause)


def _fields(fact: ShipmentChangedV1, state: Parcel, order: int, label: str) -> Mapping[str, Any]:
    return {
        "marketplace_order_id": order,
        "carrier": fact.carrier or fact.marketplace,
        "service_level": fact.service or "standard",
        "label_ref": label,
        "tracking_number": fact.tracking_number,
        "status": state,
        **_moments(fact, state, None),
    }


def _moments(fact: ShipmentChangedV1, state: Parcel, row: Any) -> dict[str, Any]:
    """What comes with a state: the times by the marketplace's own clock, and what went wrong."""
    told: dict[str, Any] = {}
    if state not in (Parcel.LABEL_CREATED, Parcel.EXCEPTION) and (row is None or row.shipped_at is None):
        told["shipped_at"] = fact.updated_at
    if state is Parcel.DELIVERED:
        told["delivered_at"] = fact.updated_at
    if state in TROUBLE:
        told["last_error"] = f"{fact.marketplace}: {fact.marketplace_status} {fact.substatus or ''}".strip()
    return told


async def _tell_address(order: int, destination: Destination, desk: Desk, cause: Envelope) -> None:
    """Give an order the members of the address that it lacks."""
    told = {name: value for name, field in _ADDRESS.items() if (value := getattr(destination, field))}
    if not told or ERASED in told.values():
        return

    async def plan(command: Command) -> Change | None:
        row = standing(await rows(command.connection, ORDERS, marketplace_order_id=order))
        if row is None:
            return None
        known: Json = await opened(row.buyer_address_json, desk.keys)
        if row.buyer_address_json and not known:
            return None  # the buyer was erased
        whole = told | known
        return None if whole == known else Change(UPDATE, order, {"buyer_address_json": whole})

    await desk.change(ORDERS, plan, cause=cause)
