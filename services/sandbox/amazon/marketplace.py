"""Amazon put together: sellers, their listings items, orders. It sends no notifications (Amazon's come by a queue)."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from aiohttp import web

from libs.http.server import Problem
from services.sandbox.amazon.errors import FAULT_ANSWERS, Refusal, refusals
from services.sandbox.amazon.listing_routes import ListingRoutes
from services.sandbox.amazon.listings import Listings
from services.sandbox.amazon.orders import OrderRoutes, Orders, order_body
from services.sandbox.amazon.tokens import Client, Tokens
from services.sandbox.channel import Channel
from services.sandbox.clock import Clock
from services.sandbox.notice import Notice
from services.sandbox.seeded import secret, stream
from services.sandbox.world import Marketplace, Truth


class Amazon(Marketplace):
    """The stand-in for Amazon. `settle`: sandbox time until what was put has an ASIN."""

    name = "amazon"
    share = 1
    fault_answers = FAULT_ANSWERS

    def __init__(
        self,
        seed: int,
        clock: Clock,
        client: Client,
        *,
        sellers: int = 1,
        settle: timedelta = timedelta(seconds=1),
        token_life: timedelta = timedelta(hours=1),
    ) -> None:
        self.channel: Channel | None = None
        names = tuple(f"A{secret(seed, f'amazon seller {number}', 13).upper()}" for number in range(sellers))
        self.tokens = Tokens(seed, clock, client, names, token_life)
        self.listings = Listings(clock, settle)
        self.orders = Orders(seed, clock)
        self._dice = stream(seed, "amazon life")

    def application(self) -> web.Application:
        app = web.Application(middlewares=[refusals])
        self.tokens.add_to(app)
        ListingRoutes(self.tokens, self.listings).add_to(app)
        OrderRoutes(self.tokens, self.orders).add_to(app)
        app.router.add_route("*", "/{tail:.*}", _nothing)
        return app

    def step(self) -> Sequence[Notice]:
        """Somebody buys what can be bought; an order is shipped."""
        going = [each for each in self.orders.by_id.values() if each.status == "Unshipped"]
        offered = [(seller, item) for seller, item in self.listings.every() if item.quantity]
        if going and self._dice.random() < 0.5:
            self.orders.become(self._dice.choice(going), "Shipped")
        elif offered:
            seller, item = self._dice.choice(offered)
            self.orders.place(seller, item, 1)
        return ()

    @property
    def poisons(self) -> Sequence[str]:
        return ()

    def poison(self, kind: str) -> Notice:
        raise Problem(400, f"Amazon sends no notifications, so none can be poisoned by {kind}.")

    def truth(self) -> Truth:
        return {
            "listings": lambda: (
                {"seller": seller, "puts": item.puts, **self.listings.shown(item)}
                for seller, item in self.listings.every()
            ),
            "orders": lambda: map(order_body, self.orders.by_id.values()),
        }

    def accounts(self) -> Mapping[str, Any]:
        return {
            "client_id": self.tokens.client.id,
            "client_secret": self.tokens.client.secret,
            "sellers": [
                {"seller_id": each, "refresh_token": self.tokens.refresh_token(each)} for each in self.tokens.sellers
            ],
        }


async def _nothing(_request: web.Request) -> web.Response:
    raise Refusal(404, "NotFound", "Requested resource not found.")
