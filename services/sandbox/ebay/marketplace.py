"""eBay put together: tokens, keys, signed notifications."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import aiohttp
from aiohttp import web

from services.sandbox.channel import Channel, minutes
from services.sandbox.clock import Clock
from services.sandbox.delivery import Delivery
from services.sandbox.ebay.challenge import validate
from services.sandbox.ebay.errors import FAULT_ANSWERS
from services.sandbox.ebay.keys import Keys
from services.sandbox.ebay.life import Life
from services.sandbox.ebay.notices import SIGNATURE, signature
from services.sandbox.ebay.routes import Api, Client
from services.sandbox.notice import JSON, Notice, Raw
from services.sandbox.seeded import stream
from services.sandbox.times import zulu
from services.sandbox.world import Marketplace, Truth

RETRIES = minutes(1, 2, 4, 8, 16, 32, 60, 120, 240, 480, 480)
"""Until 24 hours without an acknowledgement. The single waits are not documented."""


@dataclass(frozen=True, slots=True)
class Destination:
    """The registered endpoint: where it really listens, as which URL it is registered, and its verification token."""

    target: str
    endpoint: str
    verification_token: str


class Ebay(Marketplace):
    """The stand-in for eBay."""

    name = "ebay"
    share = 1
    fault_answers = FAULT_ANSWERS

    def __init__(
        self,
        seed: int,
        start: datetime,
        clock: Clock,
        client: Client,
        *,
        destination: Destination | None,
        verification_token: str,
        ack_seconds: float,
    ) -> None:
        self.keys = Keys(seed)
        self._client = client
        self._destination = destination
        self._verification_token = verification_token
        self._life = Life(seed, start, self.keys)
        self._api = Api(seed, clock, client, self.keys)
        self._codes = stream(seed, "ebay challenges")
        self.marked_down = False
        self.channel = (
            Channel(
                url=destination.target,
                success=frozenset({200, 201, 202, 204}),
                ack_seconds=ack_seconds,
                give_up_seconds=ack_seconds,
                waits=RETRIES,
                on_lost=self._mark_down,
                down=lambda _delivery: self.marked_down,
            )
            if destination
            else None
        )

    def application(self) -> web.Application:
        return self._api.application()

    async def validate(self, http: aiohttp.ClientSession) -> dict[str, Any]:
        """Challenge the endpoint. An endpoint that passes is sent to again if it was given up."""
        if self._destination is None:
            return {"passed": False, "reason": "no endpoint is configured: set SANDBOX_EBAY_TARGET", "status": None}
        code = self._codes.randbytes(16).hex()
        to = self._destination
        verdict = await validate(http, to.target, to.endpoint, to.verification_token, code)
        self.marked_down = self.marked_down and not verdict.passed
        return {**asdict(verdict), "endpoint": to.endpoint}

    def _mark_down(self, _delivery: Delivery) -> None:
        """24 hours without an acknowledgement: the endpoint gets nothing more until it passes a challenge."""
        self.marked_down = True

    def step(self) -> Sequence[Notice]:
        return self._life.step()

    @property
    def poisons(self) -> Sequence[str]:
        return ("bad_signature", "unknown_key", "no_signature", "signed_garbage")

    def poison(self, kind: str) -> Notice:
        if kind == "no_signature":
            return Raw(kind, b'{"metadata":{"topic":"MARKETPLACE_ACCOUNT_DELETION"}}')
        if kind == "signed_garbage":
            body = b'{"metadata":{"topic":"MARKETPL'
            return Raw(kind, body, {**JSON, SIGNATURE: signature(self.keys, self.keys.current, body)})
        return self._life.step(poison=kind)[0]

    def truth(self) -> Truth:
        life = self._life
        return {
            "items": life.items.values,
            "orders": lambda: ({**order, "creationDate": zulu(order["creationDate"])} for order in life.orders),
        }

    def accounts(self) -> Mapping[str, Any]:
        return {
            "client_id": self._client.id,
            "client_secret": self._client.secret,
            "verification_token": self._verification_token,
            "key_id": self.keys.current,
            "marked_down": self.marked_down,
        }
