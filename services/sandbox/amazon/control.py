"""What a person may let happen at Amazon: a sale, and what becomes of it."""

from aiohttp import web
from pydantic import Field

from libs.http.server import Problem
from services.sandbox.amazon.marketplace import Amazon
from services.sandbox.amazon.orders import STATUSES, order_body
from services.sandbox.control_requests import Change, ControlRequest, read
from services.sandbox.wire import json_answer


class Sale(ControlRequest):
    """Somebody buys so many of an item."""

    sku: str
    quantity: int = Field(default=1, ge=1, le=1000)


class AmazonControl:
    """/_amazon"""

    def __init__(self, amazon: Amazon) -> None:
        self._amazon = amazon

    def add_to(self, app: web.Application) -> None:
        app.router.add_post("/_amazon/orders", self._sell)
        app.router.add_post("/_amazon/orders/unreadable", self._unreadable)
        app.router.add_patch("/_amazon/orders/{id}", self._change)

    async def _sell(self, request: web.Request) -> web.Response:
        wanted = await read(request, Sale)
        found = next((each for each in self._amazon.listings.every() if each[1].sku == wanted.sku), None)
        if found is None:
            raise Problem(404, f"Nobody sells an item under the SKU {wanted.sku[:40]!r}.")
        order = self._amazon.orders.place(*found, wanted.quantity)
        if order is None:
            raise Problem(409, "The item cannot be bought so often.")
        return json_answer(order_body(order), 201)

    async def _unreadable(self, _request: web.Request) -> web.Response:
        return json_answer(self._amazon.orders.place_unreadable(), 201)

    async def _change(self, request: web.Request) -> web.Response:
        order, wanted = self._amazon.orders.by_id.get(request.match_info["id"]), await read(request, Change)
        if order is None:
            raise Problem(404, "There is no order with this id.")
        if wanted.status not in STATUSES:
            raise Problem(400, f"An order can be: {', '.join(STATUSES)}.")
        self._amazon.orders.become(order, wanted.status)
        return json_answer(order_body(order))
