"""eBay put together: sellers and their goods, tokens, keys, signed notifications."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import aiohttp
from aiohttp import web

from services.sandbox.channel import Channel, minutes
from services.sandbox.clock import Clock
from services.sandbox.delivery import Delivery
from services.sandbox.ebay.browse_routes import BrowseRoutes
from services.sandbox.ebay.catalogue import Catalogue
from services.sandbox.ebay.challenge import validate
from services.sandbox.ebay.errors import FAULT_ANSWERS
from services.sandbox.ebay.keys import Keys
from services.sandbox.ebay.life import Life
from services.sandbox.ebay.notices import SIGNATURE, EbayNotice, signature
from services.sandbox.ebay.oauth_routes import Client
from services.sandbox.ebay.orders import Sale, Sales
from services.sandbox.ebay.routes import Api
from services.sandbox.ebay.sellers import Seller, Sellers
from services.sandbox.ebay.switches import Switches
from services.sandbox.ebay.tokens import Tokens
from services.sandbox.notice import JSON, Notice, Raw
from services.sandbox.seeded import stream
from services.sandbox.stockx.catalogue import Catalogue as Goods
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


@dataclass(frozen=True, slots=True)
class Size:
    """How many sellers there are, how many items each has, and how many orders the first has had."""

    sellers: int = 2
    items: int = 2000
    orders: int = 300


class Ebay(Marketplace):
    """The stand-in for eBay. `strangers` is what others sell, to be found by the Browse API."""

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
        size: Size = Size(),
        token_life: timedelta = timedelta(seconds=7200),
        switches: Switches | None = None,
        strangers: Goods | None = None,
    ) -> None:
        self.keys = Keys(seed)
        self._client = client
        self._destination = destination
        self._verification_token = verification_token
        self._life = Life(seed, start, self.keys)
        names = [self._life.seller, *(f"seller{number}" for number in range(1, size.sellers))]
        seeds = [f"{seed}/ebay/{name}" for name in names]
        self.sellers = Sellers(
            {name: Seller(name, each, Catalogue(each, size.items)) for name, each in zip(names, seeds, strict=True)},
            Tokens(seed, clock, names, token_life),
            switches or Switches(),
        )
        self._sales = Sales(seeds[0], names[0], start, size.orders)
        browse = None if strangers is None else BrowseRoutes(seed, clock, strangers, self.sellers)
        self._api = Api(clock, client, self.keys, self.sellers, self._sales, browse)
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
        return self._happened(self._life.step())

    def fulfil(self, order_id: str) -> Sale | None:
        """The seller ships an order of the living world; None if there is no such one."""
        return self._sales.fulfil(order_id, self._life.now)

    def deletion(self, username: str) -> EbayNotice:
        """The notice that a user, such as an order's buyer, has closed their account."""
        return self._life.deletion(username)

    def _happened(self, notices: Sequence[EbayNotice]) -> Sequence[EbayNotice]:
        """What is notified is so in the API, too: orders are there, and goods are sold or sold out."""
        catalogue = self.sellers.first.catalogue
        for notice in notices:
            good = catalogue.with_listing(str(notice.data.get("itemId", "")))
            if good is not None:
                catalogue.change(good, sold_out=notice.data.get("availability") == "UNAVAILABLE")
        if notices and notices[0].topic == "ORDER_CONFIRMATION":
            self._sales.happened(self._life.orders[-1])
        return notices

    @property
    def poisons(self) -> Sequence[str]:
        return ("bad_signature", "unknown_key", "no_signature", "signed_garbage")

    def poison(self, kind: str) -> Notice:
        if kind == "no_signature":
            return Raw(kind, b'{"metadata":{"topic":"MARKETPLACE_ACCOUNT_DELETION"}}')
        if kind == "signed_garbage":
            body = b'{"metadata":{"topic":"MARKETPL'
            return Raw(kind, body, {**JSON, SIGNATURE: signature(self.keys, self.keys.current, body)})
        return self._happened(self._life.step(poison=kind))[0]

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
            "ru_name": self._client.ru_name,
            "redirect_url": self._client.redirect_url,
            "sellers": [
                {
                    "username": each.username,
                    "refresh_token": self.sellers.tokens.refresh_token(each.username),
                    "items": len(each.catalogue),
                }
                for each in self.sellers.by_name.values()
            ],
            "verification_token": self._verification_token,
            "key_id": self.keys.current,
            "marked_down": self.marked_down,
        }
