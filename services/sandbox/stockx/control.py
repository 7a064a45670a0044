"""/_stockx: the truth about listings, operations and prices, calls and limits, and making things happen."""

from datetime import datetime, timedelta
from typing import Any, Literal

from aiohttp import web
from pydantic import AwareDatetime, Field, ValidationError

from libs.http.server import Problem
from services.sandbox.control_requests import ControlRequest, read, whole_number
from services.sandbox.stockx.goods import Product, Variant
from services.sandbox.stockx.marketplace import StockX
from services.sandbox.stockx.prices import RATES
from services.sandbox.stockx.records import Listing, Operation
from services.sandbox.stockx.sales import STATUSES, listed
from services.sandbox.times import zulu
from services.sandbox.wire import json_answer

_HOUR = timedelta(hours=1)
_MOST_HOURS = 24 * 366


class Named(ControlRequest):
    """POST /_stockx/revoke"""

    seller: str


class Chosen(ControlRequest):
    """POST /_stockx/sales: these listings, or the first `count` active ones."""

    listing_ids: tuple[str, ...] = ()
    count: int = Field(default=1, ge=1, le=10_000)


class Intervention(Chosen):
    """POST /_stockx/system: what StockX does to the chosen listings."""

    kind: Literal["DEACTIVATE", "ACTIVATE", "UPDATE", "DELETE"] = "DEACTIVATE"


class Advance(ControlRequest):
    """POST /_stockx/orders/{number}/advance; no status: the next one."""

    status: str | None = None


class Use(ControlRequest):
    """POST /_stockx/limits: as if so many had been used today."""

    requests: int | None = Field(default=None, ge=0)
    items: int | None = Field(default=None, ge=0)


class Span(ControlRequest):
    """POST /_stockx/prices: what a variant was asked and bid for at each hour."""

    variant_id: str
    begin: AwareDatetime
    end: AwareDatetime
    currency: str = "USD"


class StockXControl:
    """The sandbox's own API for StockX."""

    def __init__(self, stockx: StockX) -> None:
        self._stockx = stockx

    def add_to(self, app: web.Application) -> None:
        router = app.router
        router.add_get("/_stockx/listings", self._listings)
        router.add_get("/_stockx/operations", self._operations)
        router.add_get("/_stockx/variants", self._variants)
        router.add_get("/_stockx/calls", self._calls)
        router.add_delete("/_stockx/calls", self._forget_calls)
        router.add_get("/_stockx/switches", self._switches)
        router.add_patch("/_stockx/switches", self._switch)
        router.add_post("/_stockx/limits", self._use)
        router.add_post("/_stockx/system", self._system)
        router.add_post("/_stockx/sales", self._sell)
        router.add_post("/_stockx/orders/{number}/advance", self._advance)
        router.add_post("/_stockx/prices", self._prices)
        router.add_post("/_stockx/revoke", self._revoke)

    async def _listings(self, request: web.Request) -> web.Response:
        """In which state each listing really is."""
        self._stockx.book.settle()
        everything = list(self._stockx.book.listings.values())
        return _page(request, "listings", everything, _listing)

    async def _operations(self, request: web.Request) -> web.Response:
        """When each operation ended or will end, and how."""
        self._stockx.book.settle()
        everything = [(each, done) for each in self._stockx.book.listings.values() for done in each.operations]
        return _page(request, "operations", everything, lambda pair: _operation(*pair))

    async def _variants(self, request: web.Request) -> web.Response:
        """Which sizes of which products there are."""
        everything = list(self._stockx.catalogue.variants.values())
        return _page(request, "variants", everything, lambda pair: {"variant_id": pair[1].id, "product_id": pair[0].id})

    async def _calls(self, _request: web.Request) -> web.Response:
        """How often what was asked for, and when that is told by the sandbox's clock."""
        calls, now = self._stockx.gate.calls, self._stockx.book.settle()
        told = {"now": zulu(now), "total": calls.total(), "calls": dict(sorted(calls.items()))}
        return json_answer({**told, **self._stockx.meter.shown()})

    async def _forget_calls(self, _request: web.Request) -> web.Response:
        """Forget the calls and the refusals; the day's counts stay, for they are StockX's."""
        self._stockx.gate.calls.clear()
        self._stockx.meter.refused.clear()
        return json_answer({"total": 0, "calls": {}})

    async def _switches(self, _request: web.Request) -> web.Response:
        return json_answer(self._stockx.switches.model_dump(mode="json"))

    async def _switch(self, request: web.Request) -> web.Response:
        told, switches = await request.json(), self._stockx.switches
        try:
            self._stockx.switches = type(switches).model_validate({**switches.model_dump(), **told})
        except (ValidationError, TypeError) as error:
            raise Problem(400, f"The switches cannot be set so: {error}") from None
        return json_answer(self._stockx.switches.model_dump(mode="json"))

    async def _use(self, request: web.Request) -> web.Response:
        order = await read(request, Use)
        self._stockx.meter.use(order.requests, order.items)
        return json_answer(self._stockx.meter.shown())

    async def _system(self, request: web.Request) -> web.Response:
        """StockX changes listings by itself: it deactivates them, if nothing else is asked for."""
        book = self._stockx.book
        now = book.settle()
        order = await read(request, Intervention)
        begun = [(each, book.begin(each, order.kind, {}, now, by="SYSTEM")) for each in self._chosen(order)]
        return json_answer({"operations": [_operation(listing, each) for listing, each in begun]}, 201)

    async def _sell(self, request: web.Request) -> web.Response:
        """Buyers take listings; those that are not active are left as they are."""
        now = self._stockx.book.settle()
        sold = [self._stockx.sales.sell(each, now) for each in self._chosen(await read(request, Chosen))]
        return json_answer({"orders": [{**listed(each), "document": each.document} for each in sold if each]}, 201)

    async def _advance(self, request: web.Request) -> web.Response:
        order, wanted = self._stockx.sales.orders.get(request.match_info["number"]), await read(request, Advance)
        if order is None:
            raise Problem(404, "There is no order with this number.")
        if wanted.status is not None and wanted.status not in STATUSES:
            raise Problem(400, f"An order can be: {', '.join(sorted(STATUSES))}.")
        self._stockx.sales.advance(order, self._stockx.book.settle(), wanted.status)
        return json_answer(listed(order))

    async def _prices(self, request: web.Request) -> web.Response:
        order = await read(request, Span)
        goods = self._stockx.catalogue.variant(order.variant_id)
        hours = int((order.end - order.begin) / _HOUR)
        if goods is None or not 0 <= hours <= _MOST_HOURS or order.currency not in RATES:
            raise Problem(400, "There is no such variant or currency, or the span is not within a year.")
        moments = [order.begin + number * _HOUR for number in range(hours + 1)]
        return json_answer({"prices": [self._price(goods, each, order.currency) for each in moments]})

    def _price(self, goods: tuple[Product, Variant], moment: datetime, currency: str) -> dict[str, Any]:
        quote = self._stockx.prices.quote(goods[0], goods[1], moment, currency)
        return {"at": zulu(moment), "lowest_ask": quote.ask, "highest_bid": quote.bid}

    async def _revoke(self, request: web.Request) -> web.Response:
        seller = (await read(request, Named)).seller
        if seller not in self._stockx.sellers:
            raise Problem(404, f"There is no seller {seller[:80]!r}. There are: {', '.join(self._stockx.sellers)}.")
        self._stockx.tokens.revoke(seller)
        return json_answer({"revoked": seller})

    def _chosen(self, order: Chosen) -> list[Listing]:
        known = self._stockx.book.listings
        if unknown := [each for each in order.listing_ids if each not in known]:
            raise Problem(404, f"There is no listing {unknown[0][:80]!r}.")
        if order.listing_ids:
            return [known[each] for each in order.listing_ids]
        return [each for each in known.values() if each.status == "ACTIVE"][: order.count]


def _listing(listing: Listing) -> dict[str, Any]:
    return {
        "listing_id": listing.id,
        "seller": listing.seller,
        "variant_id": listing.variant.id,
        "status": listing.status,
        "amount": listing.amount,
        "currency": listing.currency,
        "ask_id": listing.ask.id if listing.ask else None,
        "batch_id": listing.batch[0] if listing.batch else None,
        "order_number": listing.match.number if listing.match else None,
        "operations": len(listing.operations),
        "pending": sum(not each.ended for each in listing.operations),
        "updated_at": zulu(listing.updated),
    }


def _operation(listing: Listing, operation: Operation) -> dict[str, Any]:
    return {
        "operation_id": operation.id,
        "listing_id": listing.id,
        "type": operation.kind,
        "initiated_by": operation.by,
        "status": operation.status,
        "created_at": zulu(operation.created),
        "ends_at": zulu(operation.ends) if operation.ends else None,
        "error": operation.error,
    }


def _page(request: web.Request, name: str, everything: list[Any], shown: Any) -> web.Response:
    offset, limit = whole_number(request, "offset", 0), whole_number(request, "limit", 10_000)
    return json_answer({"total": len(everything), name: [shown(each) for each in everything[offset : offset + limit]]})
