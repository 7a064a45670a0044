"""alias' pricing insights: `/api/v1/pricing_insights/availabilities/{catalog_id}`, of the prices that StockX moves by.

Shapes: captured answers. Sizes are numbers, amounts are cents as text, `"0"` is none; used goods stand beside new ones.
"""

from typing import Any

from aiohttp import web

from services.sandbox.clock import Clock
from services.sandbox.goat.routes import Goat, error_answer
from services.sandbox.stockx.catalogue import Catalogue
from services.sandbox.stockx.goods import Product, Variant
from services.sandbox.stockx.prices import Prices
from services.sandbox.wire import json_answer

_NEW, _USED = "PRODUCT_CONDITION_NEW", "PRODUCT_CONDITION_USED"
_BOX = "PACKAGING_CONDITION_GOOD_CONDITION"


class GoatPricing:
    """Beside the catalog of the same shop."""

    def __init__(self, goat: Goat, catalogue: Catalogue, prices: Prices, clock: Clock) -> None:
        self._goat = goat
        self._catalogue = catalogue
        self._prices = prices
        self._clock = clock

    def application(self) -> web.Application:
        """The shop's application, with this."""
        app = self._goat.application()
        app.router.add_get("/api/v1/pricing_insights/availabilities/{catalog_id}", self._availabilities)
        return app

    async def _availabilities(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {self._goat.token}":
            return error_answer(401, 16, "unauthenticated")
        wanted = request.match_info["catalog_id"]
        found = next((each for each in self._catalogue.products.values() if each.url_key == wanted), None)
        if found is None:
            return error_answer(404, 5, "not found")
        sized = [(each, size) for each in found.variants if (size := _number(each)) is not None]
        return json_answer({"variants": [told for each, size in sized for told in self._told(found, each, size)]})

    def _told(self, product: Product, variant: Variant, size: float) -> list[dict[str, Any]]:
        quote = self._prices.quote(product, variant, self._clock.now())
        ask = None if quote.ask is None else round(quote.ask * 1.04)
        bid = None if quote.bid is None else round(quote.bid * 0.97)
        sold = None if quote.ask is None or quote.bid is None else round((quote.ask + quote.bid) / 2)
        return [_variant(size, _NEW, ask, bid, sold), _variant(size, _USED, None, None, None)]


def _variant(size: float, condition: str, ask: int | None, bid: int | None, sold: int | None) -> dict[str, Any]:
    return {
        "size": int(size) if size == int(size) else size,
        "product_condition": condition,
        "packaging_condition": _BOX,
        "availability": {
            "lowest_listing_price_cents": _cents(ask),
            "highest_offer_price_cents": _cents(bid),
            "last_sold_listing_price_cents": _cents(sold),
            "global_indicator_price_cents": "0",
        },
    }


def _number(variant: Variant) -> float | None:
    """Shoe sizes alone: letters are not alias' sizes."""
    return float(variant.size) if variant.size and variant.size[0].isdigit() else None


def _cents(amount: int | None) -> str:
    return str(100 * (amount or 0))
