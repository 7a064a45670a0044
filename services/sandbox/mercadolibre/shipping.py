"""How shipments move."""

from datetime import datetime

from services.sandbox.mercadolibre.pool import Ids, Pool
from services.sandbox.mercadolibre.state import Change, Order, Shipment
from services.sandbox.seeded import Stream, chance

SHIPMENT_STATUSES = ("pending", "handling", "ready_to_ship", "shipped", "delivered", "not_delivered", "cancelled")
ENDED = frozenset({"delivered", "not_delivered", "cancelled"})

_NEXT: dict[tuple[str, str | None], tuple[str, str | None]] = {
    ("pending", None): ("handling", None),
    ("handling", None): ("ready_to_ship", "ready_to_print"),
    ("ready_to_ship", "ready_to_print"): ("ready_to_ship", "printed"),
    ("ready_to_ship", "printed"): ("shipped", None),
    ("shipped", None): ("shipped", "out_for_delivery"),
    ("shipped", "out_for_delivery"): ("delivered", None),
}


class Shipping:
    """All shipments. `moving` are those that will still change by themselves."""

    def __init__(self, source: Stream) -> None:
        self._source = source
        self._ids = Ids(source, 43_600_000_000, 90_000)
        self.shipments: dict[int, Shipment] = {}
        self.moving: Pool[Shipment] = Pool()

    def create(self, order: Order, now: datetime) -> Change:
        """A paid order gets a shipment."""
        shipment = Shipment(self._ids.next(), order, "pending", None, now, now)
        order.shipment = shipment
        self.shipments[shipment.id] = shipment
        self.moving.add(shipment)
        return self._changed(shipment)

    def advance(self, now: datetime) -> list[Change]:
        """The next thing happens to one of the shipments on their way."""
        shipment = self.moving.draw(self._source)
        status, substatus = _NEXT.get((shipment.status, shipment.substatus), ("delivered", None))
        if status == "delivered" and chance(self._source, 0.08):
            status, substatus = "not_delivered", "returning_to_sender"
        return self.become(shipment, status, substatus, now)

    def become(self, shipment: Shipment, status: str, substatus: str | None, now: datetime) -> list[Change]:
        """Give a shipment another status. The order changes too when the goods arrive: its tags tell it."""
        arrival = (shipment.status == "delivered") != (status == "delivered")
        shipment.status, shipment.substatus, shipment.updated = status, substatus, now
        if status == "shipped" and shipment.tracking_number is None:
            shipment.tracking_number = f"SBX{self._source.randint(10**9, 10**10 - 1)}"
        if status in ENDED:
            self.moving.discard(shipment)
        else:
            self.moving.add(shipment)
        if not arrival:
            return [self._changed(shipment)]
        order = shipment.order
        order.updated = now
        return [self._changed(shipment), Change("order", order.id, order.seller, now, ("tags",))]

    def cancel(self, order: Order, now: datetime) -> list[Change]:
        """A cancelled order's shipment is cancelled unless it has left."""
        shipment = order.shipment
        if shipment is None or shipment.status in {"shipped", *ENDED}:
            return []
        return self.become(shipment, "cancelled", None, now)

    def _changed(self, shipment: Shipment) -> Change:
        return Change("shipment", shipment.id, shipment.order.seller, shipment.updated)
