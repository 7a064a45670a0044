"""alias' catalog: the goods of the sandbox's StockX, as GOAT has them. `/api/v1/catalog`, `/api/v1/catalog/{id}`.

Shapes: a transcript of alias' documentation and captured answers. SKUs have a space, amounts are cents as text.
"""

from typing import Any

from aiohttp import web

from services.sandbox.faults import FaultAnswers, FaultKind
from services.sandbox.seeded import chance, secret, stream
from services.sandbox.stockx.catalogue import Catalogue
from services.sandbox.stockx.goods import Product
from services.sandbox.wire import json_answer

NAME = "goat"
LARGEST_PAGE = 100
_SOLD_HERE = 0.8
"""GOAT's catalog lacks some of StockX's products."""


def error_answer(status: int, code: int, message: str, retry_after: int | None = None) -> web.Response:
    """alias' errors, in gRPC's form."""
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return json_answer({"code": code, "message": message, "details": []}, status, headers)


FAULT_ANSWERS: FaultAnswers = {
    FaultKind.OUTAGE: lambda fault: error_answer(fault.status, 14, "service unavailable", fault.retry_after),
    FaultKind.BLOCKED: lambda _fault: error_answer(403, 7, "permission denied"),
    FaultKind.RATE_LIMITED: lambda fault: error_answer(429, 8, "resource exhausted", fault.retry_after),
    FaultKind.UNAUTHORIZED: lambda _fault: error_answer(401, 16, "unauthenticated"),
    FaultKind.NOT_FOUND: lambda _fault: error_answer(404, 5, "not found"),
}


class Goat:
    """The stand-in for alias."""

    def __init__(self, seed: int, catalogue: Catalogue) -> None:
        self._seed = seed
        self._catalogue = catalogue
        self.token = secret(seed, "goat personal access token", 48)

    def accounts(self) -> dict[str, Any]:
        """What a client must be configured with."""
        return {"token": self.token}

    def application(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/api/v1/catalog", self._search)
        app.router.add_get("/api/v1/catalog/{catalog_id}", self._item)
        return app

    async def _search(self, request: web.Request) -> web.Response:
        if not self._allowed(request):
            return error_answer(401, 16, "unauthenticated")
        query, limit = request.query.get("query", ""), request.query.get("limit", "10")
        start = request.query.get("pagination_token", "0")
        if not query:
            return error_answer(400, 3, "Missing parameter: query")
        if not (limit.isdecimal() and 1 <= int(limit) <= LARGEST_PAGE and start.isdecimal()):
            return error_answer(400, 3, "Invalid parameter: limit or pagination_token")
        found = [each for each in self._catalogue.search(query) if self._has(each)]
        end = int(start) + int(limit)
        more = end < len(found)
        told: dict[str, Any] = {"catalog_items": [self._shown(each) for each in found[int(start) : end]]}
        return json_answer(told | ({"next_pagination_token": str(end)} if more else {}) | {"has_more": more})

    async def _item(self, request: web.Request) -> web.Response:
        if not self._allowed(request):
            return error_answer(401, 16, "unauthenticated")
        wanted = request.match_info["catalog_id"]
        found = [each for each in self._catalogue.products.values() if each.url_key == wanted and self._has(each)]
        return json_answer({"catalog_item": self._shown(found[0])}) if found else error_answer(404, 5, "not found")

    def _allowed(self, request: web.Request) -> bool:
        return request.headers.get("Authorization") == f"Bearer {self.token}"

    def _has(self, product: Product) -> bool:
        documented = product.style_id in ("HQ4276", "DD1391-100")
        return documented or chance(stream(self._seed, f"goat has {product.id}"), _SOLD_HERE)

    def _shown(self, product: Product) -> dict[str, Any]:
        return {
            "catalog_id": product.url_key,
            "name": product.title.removeprefix(f"{product.brand} "),
            "sku": (product.style_id or "").replace("-", " "),
            "brand": product.brand,
            "gender": product.gender or "",
            "release_date": f"{product.release_date}T00:00:00.000Z" if product.release_date else "",
            "product_category": "PRODUCT_CATEGORY_SHOES",
            "product_type": product.kind,
            "size_unit": "SIZE_UNIT_US",
            "allowed_sizes": [
                {"display_name": each.size, "value": each.size, "us_size_equivalent": each.size}
                for each in product.variants
                if each.size
            ],
            "minimum_listing_price_cents": "2500",
            "maximum_listing_price_cents": "200000",
            "main_picture_url": f"https://images.sandbox.invalid/goat/{product.url_key}.png",
            "retail_price_cents": str(100 * (product.retail or 0)),
            "colorway": product.colorway or "",
            "nickname": "",
            "requires_listing_pictures": False,
            "resellable": True,
            "requested_pictures": [],
        }
