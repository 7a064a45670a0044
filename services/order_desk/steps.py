"""From state to state of a workflow as documented, and what each marketplace's state means in the catalog's words."""

from collections import deque
from collections.abc import Collection, Iterable, Mapping

from schemas.entity import Workflow
from schemas.marketplace_orders.marketplace_order_changed import MarketplaceOrderStatus as Order
from schemas.marketplace_shipments.marketplace_shipment_changed import MarketplaceShipmentStatus as Parcel
from schemas.orders.order_changed import OrderStatus
from schemas.shipments.shipment_changed import ShipmentStatus

ORDER: Mapping[OrderStatus, Order | None] = {
    OrderStatus.PLACED: Order.NEW,
    OrderStatus.PAYMENT_PENDING: Order.NEW,
    OrderStatus.PAID: Order.CONFIRMED,
    OrderStatus.SHIPPED: Order.SHIPPED,
    OrderStatus.DELIVERED: Order.DELIVERED,
    OrderStatus.CANCELLED: Order.CANCELLED,
    OrderStatus.RETURNED: Order.RETURNED,
    OrderStatus.REFUNDED: Order.REFUNDED,
    OrderStatus.UNKNOWN: None,
}

PARCEL: Mapping[ShipmentStatus, Parcel | None] = {
    ShipmentStatus.PENDING: None,
    ShipmentStatus.READY_TO_SHIP: Parcel.LABEL_CREATED,
    ShipmentStatus.SHIPPED: Parcel.IN_TRANSIT,
    ShipmentStatus.DELIVERED: Parcel.DELIVERED,
    ShipmentStatus.NOT_DELIVERED: Parcel.DELIVERY_FAILED,
    ShipmentStatus.CANCELLED: Parcel.EXCEPTION,
    ShipmentStatus.UNKNOWN: None,
}

PARCEL_BY_SUBSTATUS: Mapping[str, Parcel] = {
    "picked_up": Parcel.PICKED_UP,
    "out_for_delivery": Parcel.OUT_FOR_DELIVERY,
    "returning_to_sender": Parcel.RETURNED_TO_SENDER,
    "returned": Parcel.RETURNED_TO_SENDER,
}
"""Words of a marketplace that tell more than its status; they count for a parcel on its way or not delivered."""

TROUBLE = frozenset({Parcel.EXCEPTION, Parcel.DELIVERY_FAILED, Parcel.RETURNED_TO_SENDER})

_TOLD_ALONE = frozenset({Order.DELIVERED, Order.RETURNED})

_ON_ITS_WAY = frozenset({Parcel.PICKED_UP, Parcel.IN_TRANSIT, Parcel.OUT_FOR_DELIVERY})


def parcel(status: ShipmentStatus, substatus: str | None) -> Parcel | None:
    """Where a marketplace's parcel is; None: there is none yet."""
    told = PARCEL_BY_SUBSTATUS.get(substatus or "")
    if told is not None and status in (ShipmentStatus.SHIPPED, ShipmentStatus.NOT_DELIVERED):
        return told
    return PARCEL[status]


def order_of(parcels: Iterable[str]) -> Order | None:
    """What an order's parcels, all of them, make of it; None: nothing.

    It is delivered when all are, and returned when nothing is on its way any more and one came back.
    """
    states = {Parcel(one) for one in parcels}
    if not states:
        return None
    if states == {Parcel.DELIVERED}:
        return Order.DELIVERED
    if Parcel.RETURNED_TO_SENDER in states and states <= {Parcel.RETURNED_TO_SENDER, Parcel.DELIVERED}:
        return Order.RETURNED
    if states & (_ON_ITS_WAY | {Parcel.DELIVERED, Parcel.DELIVERY_FAILED, Parcel.RETURNED_TO_SENDER}):
        return Order.SHIPPED
    return Order.PROCESSING if Parcel.LABEL_CREATED in states else None


def way(workflow: Workflow, old: str, new: str, avoid: Collection[str] = ()) -> tuple[str, ...] | None:
    """The shortest way by documented steps: the states behind `old`, up to `new`. None: it cannot be reached.

    Through a state of `avoid` it goes only where no other way leads.
    """
    return _way(workflow, old, new, frozenset(avoid)) or _way(workflow, old, new, frozenset())


def order_way(workflow: Workflow, old: str, new: str) -> tuple[str, ...] | None:
    """As `way`, but None where it would say on its way that an order arrived or came back, which nobody told.

    So a shipped order that is refunded stays shipped: its parcel or a person tells whether it is delivered or returned.
    """
    path = way(workflow, old, new)
    return None if path is not None and _TOLD_ALONE.intersection(path[:-1]) else path


def conflict(old: str, told: Order | None) -> str | None:
    """What a person is to do about a marketplace's word that is no step from where an order is; None: nothing.

    It is settled when the order is refunded, or, for a cancelled one, on its way back.
    """
    if told is Order.CANCELLED and old in (Order.SHIPPED, Order.DELIVERED):
        kept = f"; where the buyer keeps it and is paid back, to {Order.REFUNDED}" if old == Order.DELIVERED else ""
        return (
            f"it is {old} here, and no step leads from there to {told}. Have the parcel stopped or sent back, and set "
            f"the order's status to {Order.RETURNED}{kept}"
        )
    if told is Order.REFUNDED and old == Order.SHIPPED:
        return (
            f"it is {old} here, and nobody told whether it arrived. See where the parcel is, and set the order's "
            f"status to {Order.DELIVERED} or {Order.RETURNED}: it then becomes {told} by itself"
        )
    return None


def _way(workflow: Workflow, old: str, new: str, closed: frozenset[str]) -> tuple[str, ...] | None:
    waiting: deque[tuple[str, ...]] = deque([(old,)])
    seen = {old}
    while waiting:
        path = waiting.popleft()
        if path[-1] == new:
            return path[1:]
        if path[-1] in closed and len(path) > 1:
            continue
        for state in workflow.steps[path[-1]]:
            if state not in seen:
                seen.add(state)
                waiting.append((*path, state))
    return None
