"""Klekt in the wire format of libs/marketplaces/klekt/README.md, which is ours: as invented as this Klekt is."""

from typing import Any

from aiohttp import web

from services.sandbox.clock import Clock
from services.sandbox.faults import FaultAnswers, FaultKind
from services.sandbox.seeded import chance, stream
from services.sandbox.stockx.catalogue import Catalogue
from services.sandbox.stockx.goods import Product
from services.sandbox.stockx.prices import Prices
from services.sandbox.wire import json_answer

NAME = "klekt"
LARGEST_PAGE = 50
_SOLD_HERE = 0.6


def error_answer(status: int, message: str, retry_after: int | None = None) -> web.Response:
    """`{"error": "…"}`"""
    return json_answer({"error": message}, status, {} if retry_after is None else {"Retry-After": str(retry_after)})


FAULT_ANSWERS: FaultAnswers = {
    FaultKind.OUTAGE: lambda fault: error_answer(fault.status, "unavailable", fault.retry_after),
    FaultKind.BLOCKED: lambda _fault: error_answer(403, "forbidden"),
    FaultKind.RATE_LIMITED: lambda fault: error_answer(429, "too many requests", fault.retry_after),
    FaultKind.UNAUTHORIZED: lambda _fault: error_answer(401, "unauthorized"),
    FaultKind.NOT_FOUND: lambda _fault: error_answer(404, "not found"),
}


class Klekt:
    """The stand-in: it sells some of what StockX sells, in EUR."""

    def __init__(self, seed: int, clock: Clock, catalogue: Catalogue) -> None:
        self._seed = seed
        self._clock = clock
        self._catalogue = catalogue
        self._prices = Prices(seed + 1)  # another market than StockX's

    def application(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/products", self._search)
        return app

    async def _search(self, request: web.Request) -> web.Response:
        query, page, size = (request.query.get(name, "") for name in ("query", "page", "pageSize"))
        numbers = (page or "1", size or "10")
        if (
            not query
            or not all(each.isdecimal() and int(each) >= 1 for each in numbers)
            or int(numbers[1]) > LARGEST_PAGE
        ):
            return error_answer(400, f"query is needed; page begins at 1, and pageSize is 1 to {LARGEST_PAGE}")
        found = [each for each in self._catalogue.search(query) if self._sells(each)]
        begin = (int(numbers[0]) - 1) * int(numbers[1])
        shown = [self._shown(each) for each in found[begin : begin + int(numbers[1])]]
        return json_answer({"products": shown, "total": len(found)})

    def _sells(self, product: Product) -> bool:
        return product.style_id == "HQ4276" or chance(stream(self._seed, f"klekt has {product.id}"), _SOLD_HERE)

    def _shown(self, product: Product) -> dict[str, Any]:
        now = self._clock.now()
        asks = [self._prices.quote(product, each, now, "EUR").ask for each in product.variants]
        lowest = min((ask for ask in asks if ask is not None), default=None)
        return {
            "id": f"klekt-{product.id[:8]}",
            "sku": product.style_id,
            "name": product.title,
            "brand": product.brand,
            "colorway": product.colorway,
            "releaseDate": product.release_date,
            "retailPrice": None,
            "price": None if lowest is None else str(lowest),
            "currency": "EUR",
            "url": f"https://klekt.sandbox.invalid/{product.url_key}",
            "imageUrl": f"https://images.sandbox.invalid/klekt/{product.url_key}.png",
        }
