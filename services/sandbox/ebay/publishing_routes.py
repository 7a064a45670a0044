"""The Inventory API's writes: items, offers, publishing, withdrawing. Source: Inventory API 1.18.

A SKU has one offer per marketplace and format: a second one is refused with the id of the first.
"""

import json
from typing import Any

from aiohttp import web

from services.sandbox.ebay.errors import error_body
from services.sandbox.ebay.refusal import Refusal, inventory_refusal
from services.sandbox.ebay.sellers import Seller, Sellers
from services.sandbox.wire import json_answer

LONGEST_SKU = 50
LONGEST_TITLE = 80
_POLICIES = ("fulfillmentPolicyId", "paymentPolicyId", "returnPolicyId")


class PublishingRoutes:
    """/sell/inventory/v1, what changes something."""

    def __init__(self, sellers: Sellers) -> None:
        self._sellers = sellers

    def add_to(self, app: web.Application) -> None:
        base = "/sell/inventory/v1"
        app.router.add_put(f"{base}/inventory_item/{{sku}}", self._put_item)
        app.router.add_post(f"{base}/offer", self._create)
        app.router.add_put(f"{base}/offer/{{offer_id}}", self._update)
        app.router.add_post(f"{base}/offer/{{offer_id}}/publish", self._publish)
        app.router.add_post(f"{base}/offer/{{offer_id}}/withdraw", self._withdraw)

    async def _put_item(self, request: web.Request) -> web.Response:
        seller = self._sellers.calling(request)
        _require_language(request)
        sku = request.match_info["sku"]
        if not sku.isprintable() or len(sku) > LONGEST_SKU:
            raise inventory_refusal(400, 25707, "Invalid sku. sku has to be alphanumeric with upto 50 characters")
        body = await _body(request)
        seller.own.take_over(seller.catalogue, sku)
        new = seller.own.put_item(sku, body)
        return web.Response(status=201 if new else 204)

    async def _create(self, request: web.Request) -> web.Response:
        seller = self._sellers.calling(request)
        _require_language(request)
        body = await _body(request)
        sku = body.get("sku")
        if not isinstance(sku, str) or not sku:
            raise inventory_refusal(400, 25707, "Invalid sku. sku has to be alphanumeric with upto 50 characters")
        seller.own.take_over(seller.catalogue, sku)
        if sku not in seller.own.items:
            raise inventory_refusal(404, 25702, f"{sku} could not be found or is not available in the system.")
        if body.get("format") not in ("FIXED_PRICE", "AUCTION") or not isinstance(body.get("marketplaceId"), str):
            raise inventory_refusal(400, 25709, "Invalid value for format or marketplaceId.")
        same = (body["marketplaceId"], body["format"])
        existing = next((one for one in seller.own.of_sku(sku) if (one["marketplaceId"], one["format"]) == same), None)
        if existing is not None:
            raise _exists(existing["offerId"])
        return json_answer({"offerId": seller.own.add_offer(body)}, 201)

    async def _update(self, request: web.Request) -> web.Response:
        seller = self._sellers.calling(request)
        _require_language(request)
        offer = _offer(seller, request)
        seller.own.revise(offer, await _body(request))
        return web.Response(status=204)

    async def _publish(self, request: web.Request) -> web.Response:
        seller = self._sellers.calling(request)
        offer = _offer(seller, request)
        _require_complete(seller, offer)
        return json_answer({"listingId": seller.own.publish(offer)})

    async def _withdraw(self, request: web.Request) -> web.Response:
        seller = self._sellers.calling(request)
        offer = _offer(seller, request)
        if offer["status"] != "PUBLISHED":
            raise inventory_refusal(409, 25002, "A user error has occurred. The offer is not published.")
        return json_answer({"listingId": seller.own.withdraw(offer)})


def _offer(seller: Seller, request: web.Request) -> dict[str, Any]:
    offer_id = request.match_info["offer_id"]
    if (sku := seller.sku_of_offer(offer_id)) is not None:
        seller.own.take_over(seller.catalogue, sku)
    offer = seller.own.offers.get(offer_id)
    if offer is None:
        raise inventory_refusal(404, 25713, "This Offer is not available.")
    return offer


def _require_language(request: web.Request) -> None:
    if not request.headers.get("Content-Language"):
        raise inventory_refusal(400, 25709, "Invalid value for header Content-Language.")


def _require_complete(seller: Seller, offer: dict[str, Any]) -> None:
    """What a live listing needs."""
    item, policies = seller.own.items[offer["sku"]], offer.get("listingPolicies") or {}
    product = item.get("product") or {}
    price = ((offer.get("pricingSummary") or {}).get("price") or {}).get("value")
    wrong = {
        "product.title": not isinstance(product.get("title"), str) or not 0 < len(product["title"]) <= LONGEST_TITLE,
        "condition": not item.get("condition"),
        "categoryId": not offer.get("categoryId"),
        "merchantLocationKey": not offer.get("merchantLocationKey"),
        "price": not isinstance(price, str),
        "availableQuantity": not offer.get("availableQuantity"),
        **{name: not policies.get(name) for name in _POLICIES},
    }
    if missing := [name for name, is_wrong in wrong.items() if is_wrong]:
        raise inventory_refusal(400, 25002, f"A user error has occurred. Missing or invalid: {', '.join(missing)}.")


def _exists(offer_id: str) -> Refusal:
    body = error_body(400, 25002, "API_INVENTORY", "A user error has occurred. Offer entity already exists.")
    body["errors"][0]["parameters"] = [{"name": "offerId", "value": offer_id}]
    return Refusal(json_answer(body, 400))


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.read())
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise inventory_refusal(400, 25709, "Invalid request. The body is no JSON object.")
    return body
