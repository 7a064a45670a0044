"""eBay's HTTP API as far as it is stood in for: OAuth, public keys, items, offers, reports, orders, search."""

from aiohttp import web

from services.sandbox.clock import Clock
from services.sandbox.ebay.browse_routes import BrowseRoutes
from services.sandbox.ebay.errors import bad_token, error_answer, no_token
from services.sandbox.ebay.feed_routes import FeedRoutes
from services.sandbox.ebay.inventory_routes import InventoryRoutes
from services.sandbox.ebay.keys import Keys
from services.sandbox.ebay.oauth_routes import Client, OAuthRoutes
from services.sandbox.ebay.order_routes import OrderRoutes
from services.sandbox.ebay.orders import Sales
from services.sandbox.ebay.publishing_routes import PublishingRoutes
from services.sandbox.ebay.refusal import refusals
from services.sandbox.ebay.sellers import Sellers
from services.sandbox.wire import json_answer


class Api:
    """The routes."""

    def __init__(
        self,
        clock: Clock,
        client: Client,
        keys: Keys,
        sellers: Sellers,
        sales: Sales,
        browse: BrowseRoutes | None = None,
    ) -> None:
        self._clock = clock
        self._client = client
        self._keys = keys
        self._sellers = sellers
        self._sales = sales
        self._browse = browse

    def application(self) -> web.Application:
        app = web.Application(middlewares=[self._sellers.at_work, refusals])
        OAuthRoutes(self._client, self._sellers).add_to(app)
        InventoryRoutes(self._sellers).add_to(app)
        PublishingRoutes(self._sellers).add_to(app)
        FeedRoutes(self._sellers, self._clock).add_to(app)
        OrderRoutes(self._sellers, self._sales).add_to(app)
        if self._browse is not None:
            self._browse.add_to(app)
        app.router.add_get("/commerce/notification/v1/public_key/{kid}", self._public_key)
        app.router.add_route("*", "/{tail:.*}", self._nothing)
        return app

    async def _public_key(self, request: web.Request) -> web.Response:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            return no_token()
        if self._sellers.tokens.holder(token) is None:
            return bad_token()
        pem = self._keys.public_pem(request.match_info["kid"])
        if pem is None:
            return error_answer(404, 195001, "API_NOTIFICATION", "The requested key was not found.")
        return json_answer({"algorithm": "ECDSA", "digest": "SHA1", "key": pem})

    async def _nothing(self, _request: web.Request) -> web.Response:
        return error_answer(404, 2002, "ACCESS", "Resource not found")
