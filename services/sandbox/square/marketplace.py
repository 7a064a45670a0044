"""Square put together: signed notifications. Its HTTP API is not there yet: every path is answered 404."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from aiohttp import web

from services.sandbox.channel import Channel, minutes
from services.sandbox.notice import JSON, Notice, Raw
from services.sandbox.square.errors import FAULT_ANSWERS, not_found
from services.sandbox.square.life import Life
from services.sandbox.square.notices import SIGNATURE, Subscription, signature
from services.sandbox.world import Marketplace, Truth

RETRIES = minutes(1, 2, 4, 8, 16, 32, 60, 120, 240, 480, 480)
"""Eleven retries over 24 hours, as documented; then the event is discarded."""


class Square(Marketplace):
    """The stand-in for Square."""

    name = "square"
    share = 1
    fault_answers = FAULT_ANSWERS

    def __init__(
        self, seed: int, start: datetime, subscription: Subscription, *, target: str | None, ack_seconds: float
    ) -> None:
        self._subscription = subscription
        self._life = Life(seed, start, subscription)
        self.channel = (
            Channel(
                url=target,
                success=frozenset(range(200, 300)),
                ack_seconds=ack_seconds,
                give_up_seconds=ack_seconds,
                waits=RETRIES,
            )
            if target
            else None
        )

    def application(self) -> web.Application:
        app = web.Application()

        async def nothing(_request: web.Request) -> web.Response:
            return not_found()

        app.router.add_route("*", "/{tail:.*}", nothing)
        return app

    def step(self) -> Sequence[Notice]:
        return self._life.step()

    @property
    def poisons(self) -> Sequence[str]:
        return ("bad_signature", "no_signature", "signed_garbage")

    def poison(self, kind: str) -> Notice:
        body = b'{"merchant_id":"6SSW7HV8K2ST5","type":"order.cr'
        if kind == "no_signature":
            return Raw(kind, body)
        if kind == "signed_garbage":
            return Raw(kind, body, {**JSON, SIGNATURE: signature(self._subscription, body)})
        return self._life.step(poison=kind)[0]

    def truth(self) -> Truth:
        life = self._life
        return {
            "orders": life.orders.values,
            "payments": life.payments.values,
            "counts": lambda: ({"catalog_object_id": key, "quantity": str(left)} for key, left in life.counts.items()),
        }

    def accounts(self) -> Mapping[str, Any]:
        return {
            "merchant_id": self._life.merchant_id,
            "signature_key": self._subscription.signature_key,
            "notification_url": self._subscription.notification_url,
        }
