"""Listings Items API 2021-08-01: get, put, patch and delete a seller's item under its SKU."""

import json
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from aiohttp import web

from services.sandbox.amazon.errors import Refusal
from services.sandbox.amazon.listings import CURRENCIES, Item, Listings
from services.sandbox.amazon.tokens import Tokens
from services.sandbox.wire import json_answer

LONGEST_SKU = 40
_PARTS = {"summaries", "attributes", "issues", "offers", "fulfillmentAvailability"}
_OFFER = ("condition_type", "purchasable_offer", "fulfillment_availability")
_REQUIREMENTS = {
    "LISTING": ("item_name", "brand", *_OFFER),
    "LISTING_OFFER_ONLY": ("merchant_suggested_asin", *_OFFER),
}


class ListingRoutes:
    """/listings/2021-08-01/items/{sellerId}/{sku}"""

    def __init__(self, tokens: Tokens, listings: Listings) -> None:
        self._tokens = tokens
        self._listings = listings

    def add_to(self, app: web.Application) -> None:
        path = "/listings/2021-08-01/items/{seller}/{sku}"
        app.router.add_get(path, self._get)
        app.router.add_put(path, self._put)
        app.router.add_patch(path, self._patch)
        app.router.add_delete(path, self._delete)

    async def _get(self, request: web.Request) -> web.Response:
        item = self._item(*self._asked(request))
        wanted = {"summaries", *request.query.get("includedData", "summaries").split(",")}
        shown = self._listings.shown(item)
        return json_answer({name: value for name, value in shown.items() if name == "sku" or name in wanted & _PARTS})

    async def _put(self, request: web.Request) -> web.Response:
        seller, sku, marketplace = self._asked(request)
        body = await _body(request)
        product_type, attributes = body.get("productType"), body.get("attributes")
        needed = _REQUIREMENTS.get(str(body.get("requirements", "LISTING")))
        if not isinstance(product_type, str) or not isinstance(attributes, dict) or needed is None:
            raise Refusal(400, "InvalidInput", "productType, requirements or attributes are missing or invalid.")
        if missing := [name for name in needed if not attributes.get(name)]:
            return json_answer(_submission(sku, "INVALID", [_missing(name) for name in missing]))
        item = self._listings.put(seller, sku, marketplace, product_type, attributes)
        return json_answer(_submission(sku, "ACCEPTED", [], f"{seller}/{sku}/{item.puts}"))

    async def _patch(self, request: web.Request) -> web.Response:
        seller, sku, marketplace = self._asked(request)
        item = self._item(seller, sku, marketplace)
        patches = (await _body(request)).get("patches")
        if not isinstance(patches, list) or not patches:
            raise Refusal(400, "InvalidInput", "patches are missing.")
        for patch in patches:
            path = patch.get("path", "") if isinstance(patch, dict) else ""
            name = path.removeprefix("/attributes/")
            if patch.get("op") not in ("add", "replace", "delete") or name == path or "/" in name:
                raise Refusal(400, "InvalidInput", f"The patch {path[:80]!r} is invalid.")
            if patch["op"] == "delete":
                item.attributes.pop(name, None)
            else:
                item.attributes[name] = patch.get("value")
        self._listings.touch(item)
        return json_answer(_submission(sku, "ACCEPTED", [], f"{seller}/{sku}/{item.updated}"))

    async def _delete(self, request: web.Request) -> web.Response:
        seller, sku, marketplace = self._asked(request)
        self._item(seller, sku, marketplace)
        self._listings.delete(seller, sku, marketplace)
        return json_answer(_submission(sku, "ACCEPTED", [], f"{seller}/{sku}/deleted"))

    def _asked(self, request: web.Request) -> tuple[str, str, str]:
        """Seller, SKU and marketplace; raise Refusal."""
        caller, seller = self._tokens.calling(request), request.match_info["seller"]
        sku, marketplace = request.match_info["sku"], request.query.get("marketplaceIds", "")
        if caller != seller:
            raise Refusal(403, "AccessDenied", "The seller has not authorised the application for this.")
        if marketplace not in CURRENCIES or len(sku) > LONGEST_SKU:
            raise Refusal(400, "InvalidInput", "marketplaceIds or sku is invalid.")
        return seller, sku, marketplace

    def _item(self, seller: str, sku: str, marketplace: str) -> Item:
        item = self._listings.find(seller, sku, marketplace)
        if item is None:
            raise Refusal(404, "NotFound", f"SKU '{sku[:40]}' not found in marketplace {marketplace}")
        return item


def _submission(sku: str, status: str, issues: list[dict[str, Any]], name: str = "") -> dict[str, Any]:
    identity = uuid5(NAMESPACE_URL, f"amazon/{name or sku}").hex
    return {"sku": sku, "status": status, "submissionId": identity, "issues": issues}


def _missing(name: str) -> dict[str, Any]:
    message = f"'{name}' is required but missing."
    return {"code": "90220", "message": message, "severity": "ERROR", "attributeNames": [name]}


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.read())
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Refusal(400, "InvalidInput", "Request is not valid JSON.")
    return body
