"""The Inventory API: items, one or many, and offers. Source: Inventory API 1.18, base `/sell/inventory/v1`."""

import json
from itertools import count
from typing import Any

from aiohttp import web

from services.sandbox.ebay import documented
from services.sandbox.ebay.errors import error_body
from services.sandbox.ebay.paging import asked, envelope
from services.sandbox.ebay.refusal import inventory_refusal
from services.sandbox.ebay.sellers import Seller, Sellers
from services.sandbox.ebay.switches import Shape
from services.sandbox.wire import json_answer

LARGEST_PAGE = 200
LARGEST_BULK = 25
LONGEST_SKU = 50
_FORMATS = ("FIXED_PRICE", "AUCTION")


class InventoryRoutes:
    """/sell/inventory/v1"""

    def __init__(self, sellers: Sellers) -> None:
        self._sellers = sellers
        self._pages = count(1)

    def add_to(self, app: web.Application) -> None:
        base = "/sell/inventory/v1"
        app.router.add_get(f"{base}/inventory_item", self._items)
        app.router.add_get(f"{base}/inventory_item/{{sku}}", self._item)
        app.router.add_post(f"{base}/bulk_get_inventory_item", self._bulk)
        app.router.add_get(f"{base}/offer", self._offers)
        app.router.add_get(f"{base}/offer/{{offer_id}}", self._offer)

    @property
    def _shape(self) -> Shape:
        return self._sellers.switches.shape

    async def _items(self, request: web.Request) -> web.Response:
        seller = self._sellers.calling(request)
        page = asked(request, default=25, most=LARGEST_PAGE, counts_pages=self._shape is Shape.OFFICIAL)
        told = envelope(request, page, len(seller), self._shape)
        told["inventoryItems"] = [self._shown(seller, each) for each in seller.items(page.start, page.stop)]
        self._drift(seller)
        return json_answer(told)

    def _drift(self, seller: Seller) -> None:
        """Between two pages the world goes on: in turn a new item comes, one changes, one is taken away."""
        drift, number = self._sellers.switches.drift, next(self._pages)
        if not drift or number % drift:
            return
        turn = number // drift
        catalogue = seller.catalogue
        if turn % 3 == 1:
            catalogue.add()
        elif len(catalogue):
            place = turn * 7 % len(catalogue)
            good = catalogue.slice(place, place + 1)[0]
            if turn % 3 == 2:
                catalogue.change(good)
            else:
                catalogue.remove(good)

    async def _item(self, request: web.Request) -> web.Response:
        seller = self._sellers.calling(request)
        return json_answer(self._shown(seller, _known(seller, request.match_info["sku"])))

    async def _bulk(self, request: web.Request) -> web.Response:
        seller = self._sellers.calling(request)
        skus = _requested(await request.read())
        responses = [self._response(seller, sku) for sku in skus]
        mixed = any(each["statusCode"] != 200 for each in responses)
        return json_answer({"responses": responses}, 207 if mixed else 200)

    def _response(self, seller: Seller, sku: str) -> dict[str, Any]:
        item = seller.item(sku)
        if item is None:
            message = f"{sku} could not be found or is not available in the system."
            errors = error_body(404, 25702, "API_INVENTORY", message)["errors"]
            return {"statusCode": 404, "sku": sku, "errors": errors, "warnings": []}
        return {"statusCode": 200, "sku": sku, "inventoryItem": self._shown(seller, item), "errors": [], "warnings": []}

    async def _offers(self, request: web.Request) -> web.Response:
        seller = self._sellers.calling(request)
        sku = request.query.get("sku", "")
        if not sku or len(sku) > LONGEST_SKU or not sku.isprintable():
            raise inventory_refusal(400, 25707, "Invalid sku. sku has to be alphanumeric with upto 50 characters")
        page = asked(request, default=100, most=LARGEST_PAGE, counts_pages=self._shape is Shape.OFFICIAL)
        if page.limit > (most := self._sellers.switches.largest_offer_page):
            page = type(page)(most, page.offset, page.offset * most if self._shape is Shape.OFFICIAL else page.offset)
        narrowed = {name: request.query[name] for name in ("format", "marketplace_id") if name in request.query}
        if narrowed.get("format", "AUCTION") not in _FORMATS:
            raise inventory_refusal(400, 25709, "Invalid value for format.")
        found = [
            each
            for each in seller.offers(sku)
            if each["format"] == narrowed.get("format", each["format"])
            and each["marketplaceId"] == narrowed.get("marketplace_id", each["marketplaceId"])
        ]
        if not found and self._shape is Shape.OFFICIAL:
            raise inventory_refusal(404, 25713, "This Offer is not available.")
        told = envelope(request, page, len(found), self._shape, {"sku": sku, **narrowed})
        told["offers"] = [self._shown_offer(each) for each in found[page.start : page.stop]]
        return json_answer(told)

    async def _offer(self, request: web.Request) -> web.Response:
        seller = self._sellers.calling(request)
        offer_id = request.match_info["offer_id"]
        sku = seller.sku_of_offer(offer_id)
        found = [each for each in (seller.offers(sku) if sku else []) if each["offerId"] == offer_id]
        if not found:
            raise inventory_refusal(404, 25713, "This Offer is not available.")
        return json_answer(self._shown_offer(found[0]))

    def _shown(self, seller: Seller, official: dict[str, Any]) -> dict[str, Any]:
        if self._shape is Shape.OFFICIAL:
            return official
        return documented.item(official, seller.offers(official["sku"]))

    def _shown_offer(self, official: dict[str, Any]) -> dict[str, Any]:
        return official if self._shape is Shape.OFFICIAL else documented.offer(official)


def _known(seller: Seller, sku: str) -> dict[str, Any]:
    item = seller.item(sku)
    if item is None:
        raise inventory_refusal(404, 25702, f"{sku} could not be found or is not available in the system.")
    return item


def _requested(body: bytes) -> list[str]:
    """The SKUs of a bulk request; raise Refusal."""
    try:
        skus = [each["sku"] for each in json.loads(body)["requests"]]
    except (ValueError, TypeError, KeyError):
        skus = []
    if not skus or not all(isinstance(sku, str) and sku for sku in skus):
        raise inventory_refusal(400, 25709, "Invalid request. Invalid value for field requests")
    if len(skus) > LARGEST_BULK:
        raise inventory_refusal(400, 25727, f"The number of InventoryItems in the request cannot exceed {LARGEST_BULK}")
    if len({*skus}) != len(skus):
        raise inventory_refusal(400, 25734, "SKU should be unique in the request.")
    return skus
