"""The Fulfillment API's orders. Source: Fulfillment API, base `/sell/fulfillment/v1`; here `offset` counts records."""

import re
from datetime import UTC, datetime

from aiohttp import web

from services.sandbox.ebay.errors import error_answer
from services.sandbox.ebay.orders import Sales, body
from services.sandbox.ebay.paging import asked, envelope
from services.sandbox.ebay.refusal import Refusal
from services.sandbox.ebay.sellers import Seller, Sellers
from services.sandbox.ebay.switches import Shape
from services.sandbox.wire import json_answer

LARGEST_PAGE = 1000
_WINDOW = re.compile(r"(lastmodifieddate|creationdate):\[([^.\]]+(?:\.\d+)?Z)\.\.([^\]]*)\]")
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = datetime(9999, 1, 1, tzinfo=UTC)


class OrderRoutes:
    """/sell/fulfillment/v1/order"""

    def __init__(self, sellers: Sellers, sales: Sales) -> None:
        self._sellers = sellers
        self._sales = sales

    def add_to(self, app: web.Application) -> None:
        app.router.add_get("/sell/fulfillment/v1/order", self._orders)
        app.router.add_get("/sell/fulfillment/v1/order/{order_id}", self._order)

    async def _orders(self, request: web.Request) -> web.Response:
        seller = self._sellers.calling(request)
        page = asked(request, default=50, most=LARGEST_PAGE, counts_pages=False)
        by, since, until = _window(request.query.get("filter"))
        sales = [
            each
            for each in self._of(seller)
            if since <= (each.modified if by == "lastmodifieddate" else each.created) <= until
        ]
        more = {"filter": request.query["filter"]} if "filter" in request.query else {}
        told = envelope(request, page, len(sales), Shape.DOCUMENTED, more)
        told["orders"] = [body(each, seller.username, seller.catalogue) for each in sales[page.start : page.stop]]
        return json_answer(told)

    async def _order(self, request: web.Request) -> web.Response:
        seller = self._sellers.calling(request)
        sale = self._of(seller).with_id(request.match_info["order_id"])
        if sale is None:
            raise _refused(404, 32100, "Invalid order ID: ")
        return json_answer(body(sale, seller.username, seller.catalogue))

    def _of(self, seller: Seller) -> Sales:
        """Only the first seller has orders: the living world is about that one."""
        if seller.username == self._sales.seller:
            return self._sales
        return Sales(seller.seed, seller.username, self._sales.start, 0)


def _window(told: str | None) -> tuple[str, datetime, datetime]:
    """What a `filter` narrows by, from when, and to when; raise Refusal."""
    if told is None:
        return "creationdate", _EARLIEST, _LATEST
    found = _WINDOW.fullmatch(told)
    if found is None:
        raise _refused(400, 30700, "Invalid filter.")
    try:
        since = datetime.fromisoformat(found[2])
        until = datetime.fromisoformat(found[3]) if found[3] else _LATEST
    except ValueError:
        raise _refused(400, 30700, "Invalid filter.") from None
    return found[1], since, until


def _refused(status: int, error_id: int, message: str) -> Refusal:
    return Refusal(error_answer(status, error_id, "API_FULFILLMENT", message))
