"""The sandbox's own API for eBay's sellers: `/_ebay/…`."""

from typing import Any

from aiohttp import web
from pydantic import Field, ValidationError

from libs.http.server import Problem
from services.sandbox.control_requests import ControlRequest, read, whole_number
from services.sandbox.ebay.marketplace import Ebay
from services.sandbox.ebay.sellers import Seller
from services.sandbox.notifier import Notifier
from services.sandbox.times import zulu
from services.sandbox.wire import json_answer


class Resize(ControlRequest):
    """PUT /_ebay/inventory"""

    seller: str | None = None
    items: int = Field(ge=0, le=1_000_000)


class Edits(ControlRequest):
    """POST /_ebay/inventory/changes: how many items change, come, and go."""

    seller: str | None = None
    change: int = Field(default=0, ge=0, le=100_000)
    add: int = Field(default=0, ge=0, le=100_000)
    remove: int = Field(default=0, ge=0, le=100_000)


class Named(ControlRequest):
    """POST /_ebay/revoke"""

    seller: str | None = None


class Deletion(ControlRequest):
    """POST /_ebay/account_deletion"""

    username: str = Field(min_length=1, max_length=200)


class EbayControl:
    """/_ebay/inventory, /_ebay/switches, /_ebay/calls, /_ebay/revoke, /_ebay/orders, /_ebay/account_deletion"""

    def __init__(self, ebay: Ebay, notifier: Notifier) -> None:
        self._ebay = ebay
        self._notifier = notifier
        self._sellers = ebay.sellers

    def add_to(self, app: web.Application) -> None:
        app.router.add_get("/_ebay/inventory", self._show)
        app.router.add_put("/_ebay/inventory", self._resize)
        app.router.add_post("/_ebay/inventory/changes", self._edit)
        app.router.add_get("/_ebay/switches", self._switches)
        app.router.add_patch("/_ebay/switches", self._switch)
        app.router.add_get("/_ebay/calls", self._calls)
        app.router.add_delete("/_ebay/calls", self._forget_calls)
        app.router.add_post("/_ebay/revoke", self._revoke)
        app.router.add_post("/_ebay/orders/{order_id}/fulfil", self._fulfil)
        app.router.add_post("/_ebay/account_deletion", self._delete_account)

    async def _show(self, request: web.Request) -> web.Response:
        """The truth, in the official shape, whatever the switches say."""
        seller = self._seller(request.query.get("seller"))
        offset, limit = whole_number(request, "offset", 0), whole_number(request, "limit", 1000)
        items = seller.items(offset, offset + limit)
        found = [{"item": item, "offers": seller.offers(item["sku"])} for item in items]
        return json_answer({"total": len(seller), "inventory": found})

    async def _resize(self, request: web.Request) -> web.Response:
        order = await read(request, Resize)
        seller = self._seller(order.seller)
        seller.resize(order.items)
        return json_answer({"seller": seller.username, "total": len(seller.catalogue)})

    async def _edit(self, request: web.Request) -> web.Response:
        order = await read(request, Edits)
        catalogue = self._seller(order.seller).catalogue
        if order.change + order.remove > len(catalogue):
            raise Problem(400, f"There are only {len(catalogue)} items.")
        spread = max(1, len(catalogue) // max(1, order.change + order.remove))
        places = range(0, spread * (order.change + order.remove), spread)
        chosen = [catalogue.slice(place, place + 1)[0] for place in places]
        told: dict[str, Any] = {
            "changed": [catalogue.change(good).sku for good in chosen[: order.change]],
            "removed": [good.sku for good in chosen[order.change :]],
            "added": [catalogue.add().sku for _ in range(order.add)],
        }
        for good in chosen[order.change :]:
            catalogue.remove(good)
        return json_answer({**told, "total": len(catalogue)}, 201)

    async def _switches(self, _request: web.Request) -> web.Response:
        return json_answer(self._sellers.switches.model_dump(mode="json"))

    async def _switch(self, request: web.Request) -> web.Response:
        told = await request.json()
        switches = self._sellers.switches
        try:
            wanted = type(switches).model_validate({**switches.model_dump(), **told})
        except (ValidationError, TypeError) as error:
            raise Problem(400, f"The switches cannot be set so: {error}") from None
        self._sellers.switches = wanted
        return json_answer(wanted.model_dump(mode="json"))

    async def _calls(self, _request: web.Request) -> web.Response:
        calls = self._sellers.calls
        return json_answer({"total": calls.total(), "calls": dict(sorted(calls.items()))})

    async def _forget_calls(self, _request: web.Request) -> web.Response:
        self._sellers.calls.clear()
        return json_answer({"total": 0, "calls": {}})

    async def _revoke(self, request: web.Request) -> web.Response:
        seller = self._seller((await read(request, Named)).seller)
        self._sellers.tokens.revoke(seller.username)
        return json_answer({"revoked": seller.username})

    async def _fulfil(self, request: web.Request) -> web.Response:
        sale = self._ebay.fulfil(request.match_info["order_id"])
        if sale is None:
            raise Problem(404, "No order of the living world has this id: only those can change.")
        return json_answer({"orderId": sale.order_id, "lastModifiedDate": zulu(sale.modified)})

    async def _delete_account(self, request: web.Request) -> web.Response:
        notice = self._ebay.deletion((await read(request, Deletion)).username)
        return json_answer({"deliveries": self._notifier.send_now("ebay", [notice])}, 201)

    def _seller(self, name: str | None) -> Seller:
        if name is None:
            return self._sellers.first
        if name not in self._sellers.by_name:
            raise Problem(404, f"There is no seller {name[:80]!r}. There are: {', '.join(self._sellers.by_name)}.")
        return self._sellers.by_name[name]
