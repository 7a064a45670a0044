"""StockX put together: goods and prices, sellers with their listings and orders, limits. It sends no notifications."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from libs.http.server import Problem
from services.sandbox.channel import Channel
from services.sandbox.clock import Clock
from services.sandbox.notice import Notice
from services.sandbox.seeded import stream
from services.sandbox.stockx.batch_routes import BatchRoutes
from services.sandbox.stockx.batches import Batches
from services.sandbox.stockx.book import Book
from services.sandbox.stockx.caller import Gate
from services.sandbox.stockx.catalogue import Catalogue
from services.sandbox.stockx.catalogue_routes import CatalogueRoutes
from services.sandbox.stockx.errors import FAULT_ANSWERS, error_answer, refusals
from services.sandbox.stockx.limits import Meter
from services.sandbox.stockx.listing_routes import ListingRoutes
from services.sandbox.stockx.oauth_routes import Client, OAuthRoutes
from services.sandbox.stockx.order_routes import OrderRoutes
from services.sandbox.stockx.prices import Prices
from services.sandbox.stockx.sales import PAST, Sales, listed
from services.sandbox.stockx.switches import Switches
from services.sandbox.stockx.tokens import Tokens
from services.sandbox.stockx.views import one
from services.sandbox.world import Marketplace, Truth


@dataclass(frozen=True, slots=True)
class Size:
    """How many sellers and products there are, and how many orders the first seller has had."""

    sellers: int = 2
    products: int = 500
    orders: int = 40


class StockX(Marketplace):
    """The stand-in for StockX."""

    name = "stockx"
    share = 1
    fault_answers = FAULT_ANSWERS

    def __init__(
        self,
        seed: int,
        start: datetime,
        clock: Clock,
        client: Client,
        *,
        size: Size = Size(),
        token_life: timedelta = timedelta(hours=12),
        switches: Switches | None = None,
    ) -> None:
        self.channel: Channel | None = None
        self.switches = switches or Switches()
        self.sellers = tuple(f"stockx-seller{number}" for number in range(size.sellers))
        self.client = client
        self.tokens = Tokens(seed, clock, self.sellers, token_life)
        self.meter = Meter(clock)
        self.catalogue = Catalogue(seed, size.products)
        self.prices = Prices(seed)
        self.book = Book(seed, clock, self._behaviour)
        self.batches = Batches(self.book, self.catalogue.variant)
        self.sales = Sales(seed, self.book, self.catalogue, self.sellers[0], start, size.orders)
        self.gate = Gate(client.api_key, self.tokens, self.meter, self._behaviour)
        self._dice = stream(seed, "stockx life")

    def _behaviour(self) -> Switches:
        return self.switches

    def application(self) -> web.Application:
        app = web.Application(middlewares=[refusals, self.gate.middleware])
        OAuthRoutes(self.client, self.tokens, self.sellers, self._behaviour).add_to(app)
        CatalogueRoutes(self.catalogue, self.prices, self.book).add_to(app)
        ListingRoutes(self.catalogue, self.book).add_to(app)
        BatchRoutes(self.batches, self.book, self.meter, self._behaviour).add_to(app)
        OrderRoutes(self.sales, self.book).add_to(app)
        app.router.add_route("*", "/{tail:.*}", _nothing)
        return app

    def step(self) -> Sequence[Notice]:
        """Something happens to the sellers: an order goes on, a listing is sold, StockX takes an ask down."""
        now = self.book.settle()
        active = [each for each in self.book.listings.values() if each.status == "ACTIVE"]
        going = [each for each in self.sales.orders.values() if each.status not in PAST]
        kind = self._dice.choices(("order", "sale", "system"), (6, 3, 1))[0]
        if kind == "order" and going:
            self.sales.advance(self._dice.choice(going), now)
        elif kind == "sale" and active:
            self.sales.sell(self._dice.choice(active), now)
        elif kind == "system" and active:
            self.book.begin(self._dice.choice(active), "DEACTIVATE", {}, now, by="SYSTEM")
        return ()

    @property
    def poisons(self) -> Sequence[str]:
        return ()

    def poison(self, kind: str) -> Notice:
        raise Problem(400, f"StockX sends no notifications, so none can be poisoned by {kind}.")

    def truth(self) -> Truth:
        self.book.settle()
        return {
            "listings": lambda: (one(each) for each in self.book.listings.values()),
            "orders": lambda: (listed(each) for each in self.sales.orders.values()),
        }

    def accounts(self) -> Mapping[str, Any]:
        return {
            "api_key": self.client.api_key,
            "client_id": self.client.id,
            "client_secret": self.client.secret,
            "redirect_uri": self.client.redirect_uri,
            "sellers": [{"name": each, "refresh_token": self.tokens.refresh_token(each)} for each in self.sellers],
        }


async def _nothing(_request: web.Request) -> web.Response:
    return error_answer(404, "Resource not found")
