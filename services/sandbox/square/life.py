"""What happens at Square: orders, their payments, inventory counts."""

import base64
from datetime import datetime, timedelta
from typing import Any

from services.sandbox.seeded import Stream, chance, stream, uuid
from services.sandbox.square.notices import SquareNotice, Subscription
from services.sandbox.times import zulu


def _token(source: Stream, size: int = 20) -> str:
    """An identifier as Square writes it: letters and digits."""
    return base64.b32encode(source.randbytes(size)).decode().rstrip("=")[:size]


class Life:
    """The seeded world of one Square merchant."""

    def __init__(self, seed: int, start: datetime, subscription: Subscription) -> None:
        self._source = stream(seed, "square")
        self._subscription = subscription
        self.now = start
        self.merchant_id = _token(self._source, 13)
        self._location = _token(self._source, 13)
        self.counts = {_token(self._source): self._source.randint(1, 40) for _ in range(20)}
        self.orders: dict[str, dict[str, Any]] = {}
        self.payments: dict[str, dict[str, Any]] = {}
        self._open: list[str] = []

    def step(self, poison: str | None = None) -> list[SquareNotice]:
        """The next change."""
        source = self._source
        self.now += timedelta(milliseconds=source.randint(1_000, 45_000))
        luck = source.random()
        if luck < 0.35 and self._open:
            return self._complete(poison)
        if luck < 0.65:
            variation = source.choice(list(self.counts))
            self.counts[variation] = source.randint(0, 40)
            return [self._counted(variation, poison)]
        return [self._create(poison)]

    def _create(self, poison: str | None) -> SquareNotice:
        number = _token(self._source)
        order = {
            "order_id": number,
            "version": 1,
            "location_id": self._location,
            "state": "OPEN",
            "created_at": zulu(self.now),
        }
        self.orders[number] = order
        self._open.append(number)
        return self._notice("order.created", "order_created", number, {"order_created": dict(order)}, poison)

    def _complete(self, poison: str | None) -> list[SquareNotice]:
        """An order is paid, or cancelled."""
        order = self.orders[self._open.pop(self._source.randrange(len(self._open)))]
        cancelled = chance(self._source, 0.1)
        order.update(state="CANCELED" if cancelled else "COMPLETED", version=order["version"] + 1)
        order["updated_at"] = zulu(self.now)
        number = order["order_id"]
        updated = self._notice("order.updated", "order_updated", number, {"order_updated": dict(order)}, poison)
        if cancelled:
            return [updated]
        payment = self._payment(number)
        paid = self._notice("payment.updated", "payment", payment["id"], {"payment": payment}, poison)
        variation = self._source.choice(list(self.counts))
        self.counts[variation] = max(0, self.counts[variation] - 1)
        return [updated, paid, self._counted(variation, poison)]

    def _payment(self, order_id: str) -> dict[str, Any]:
        money = {"amount": self._source.randint(500, 90_000), "currency": "USD"}
        payment = {
            "id": _token(self._source, 29),
            "created_at": zulu(self.now),
            "updated_at": zulu(self.now),
            "amount_money": money,
            "total_money": money,
            "approved_money": money,
            "status": "COMPLETED",
            "delay_duration": "PT168H",
            "source_type": "CARD",
            "card_details": {
                "status": "CAPTURED",
                "card": {"card_brand": "VISA", "last_4": f"{self._source.randrange(10_000):04d}"},
                "entry_method": "KEYED",
            },
            "location_id": self._location,
            "order_id": order_id,
            "version": 2,
        }
        self.payments[str(payment["id"])] = payment
        return payment

    def _counted(self, variation: str, poison: str | None) -> SquareNotice:
        count = {
            "calculated_at": zulu(self.now),
            "catalog_object_id": variation,
            "catalog_object_type": "ITEM_VARIATION",
            "location_id": self._location,
            "quantity": str(self.counts[variation]),
            "state": "IN_STOCK",
        }
        number = uuid(self._source)
        return self._notice(
            "inventory.count.updated", "inventory_counts", number, {"inventory_counts": [count]}, poison
        )

    def _notice(self, topic: str, kind: str, number: str, thing: dict[str, Any], poison: str | None) -> SquareNotice:
        return SquareNotice(
            subscription=self._subscription,
            merchant_id=self.merchant_id,
            topic=topic,
            resource=number,
            id=uuid(self._source),
            created=self.now + timedelta(milliseconds=self._source.randint(50, 900)),
            data={"type": kind, "id": number, "object": thing},
            poison=poison,
        )
