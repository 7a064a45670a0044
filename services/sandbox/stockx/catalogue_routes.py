"""/v2/catalog: search, products, variants, GTINs, market data."""

from decimal import Decimal
from typing import Any

from aiohttp import web

from services.sandbox.stockx.book import Book
from services.sandbox.stockx.caller import SELLER
from services.sandbox.stockx.catalogue import Catalogue
from services.sandbox.stockx.errors import Refusal, not_found
from services.sandbox.stockx.goods import Product, Variant
from services.sandbox.stockx.paging import page_of
from services.sandbox.stockx.prices import RATES, Prices
from services.sandbox.wire import json_answer

_UNITED = "us m"


class CatalogueRoutes:
    """What StockX knows of goods."""

    def __init__(self, catalogue: Catalogue, prices: Prices, book: Book) -> None:
        self._catalogue = catalogue
        self._prices = prices
        self._book = book

    def add_to(self, app: web.Application) -> None:
        router = app.router
        router.add_get("/v2/catalog/search", self._search)
        router.add_get("/v2/catalog/products/variants/gtins/{gtin}", self._by_gtin)
        router.add_get("/v2/catalog/products/{productId}", self._product)
        router.add_get("/v2/catalog/products/{productId}/variants", self._variants)
        router.add_get("/v2/catalog/products/{productId}/market-data", self._markets)
        router.add_get("/v2/catalog/products/{productId}/variants/{variantId}", self._variant)
        router.add_get("/v2/catalog/products/{productId}/variants/{variantId}/market-data", self._market)

    async def _search(self, request: web.Request) -> web.Response:
        query = request.query.get("query", "")
        if not 1 <= len(query) <= 100:
            raise Refusal(400, "query must have 1 to 100 characters")
        found = self._catalogue.search(query)
        return json_answer(page_of(request, "products", found, _brief, most=50))

    async def _product(self, request: web.Request) -> web.Response:
        return json_answer(_full(self._known(request)))

    async def _variants(self, request: web.Request) -> web.Response:
        product = self._known(request)
        return json_answer([_variant(product, each) for each in product.variants])

    async def _variant(self, request: web.Request) -> web.Response:
        return json_answer(_variant(*self._known_variant(request)))

    async def _by_gtin(self, request: web.Request) -> web.Response:
        gtin = request.match_info["gtin"]
        if not (gtin.isascii() and gtin.isdigit() and 8 <= len(gtin) <= 14):
            raise Refusal(400, "Invalid GTIN")
        found = self._catalogue.by_gtin.get(gtin)
        if found is None:
            raise not_found()
        return json_answer(_variant(*found))

    async def _markets(self, request: web.Request) -> web.Response:
        product, currency = self._known(request), _currency(request)
        return json_answer([self._told(product, each, currency, None) for each in product.variants])

    async def _market(self, request: web.Request) -> web.Response:
        if "country" in request.query:
            raise Refusal(400, "country is not supported any more")
        product, variant = self._known_variant(request)
        return json_answer(self._told(product, variant, _currency(request), request[SELLER]))

    def _told(self, product: Product, variant: Variant, currency: str, seller: str | None) -> dict[str, Any]:
        """A market; with `seller`, that seller's own live asks are in it."""
        quote = self._prices.quote(product, variant, self._book.settle(), currency)
        own = [
            Decimal(each.amount)
            for each in self._book.listings.values()
            if each.variant is variant and each.seller == seller and each.ask and each.currency == currency
        ]
        asks = [*own, *([Decimal(quote.ask)] if quote.ask is not None else [])]
        ask, bid = _text(min(asks, default=None)), _text(quote.bid)
        faster = _text(None if not asks or quote.bid is None else round((min(asks) + quote.bid) / 2))
        more = _text(None if not asks else round(min(asks) * Decimal("1.1")))
        standard = {
            "lowestAsk": ask,
            "highestBidAmount": bid,
            "sellFaster": faster,
            "earnMore": more,
            "beatUS": None,
        }
        other = {**standard, "lowestAsk": None, "sellFaster": None, "earnMore": None}
        return {
            "productId": product.id,
            "variantId": variant.id,
            "currencyCode": currency,
            "lowestAskAmount": ask,
            "highestBidAmount": bid,
            "sellFasterAmount": faster,
            "earnMoreAmount": more,
            "flexLowestAskAmount": None,
            "standardMarketData": standard,
            "flexMarketData": other,
            "directMarketData": other,
        }

    def _known(self, request: web.Request) -> Product:
        found = self._catalogue.products.get(request.match_info["productId"])
        if found is None:
            raise not_found()
        return found

    def _known_variant(self, request: web.Request) -> tuple[Product, Variant]:
        product = self._known(request)
        found = self._catalogue.variants.get(request.match_info["variantId"])
        if found is None:
            raise not_found()
        if found[0] is not product:
            raise Refusal(400, "The variant is not of this product")
        return found


def _currency(request: web.Request) -> str:
    currency = request.query.get("currencyCode", "USD")
    if currency not in RATES:
        raise Refusal(400, "Invalid currencyCode")
    return currency


def _text(amount: Decimal | int | None) -> str | None:
    """Without decimals where it is whole."""
    return None if amount is None else f"{Decimal(amount).normalize():f}"


def _brief(product: Product) -> dict[str, Any]:
    """A product in search results."""
    return {
        "productId": product.id,
        "urlKey": product.url_key,
        "styleId": product.style_id,
        "productType": product.kind,
        "title": product.title,
        "brand": product.brand,
        "productAttributes": {
            "gender": product.gender,
            "season": None,
            "releaseDate": product.release_date,
            "retailPrice": product.retail,
            "colorway": product.colorway,
            "color": None,
        },
    }


def _full(product: Product) -> dict[str, Any]:
    names = [{"name": "US M", "type": _UNITED}, {"name": "UK", "type": "uk"}, {"name": "EU", "type": "eu"}]
    sized = product.kind == "sneakers"
    return {
        **_brief(product),
        "sizeChart": {"availableConversions": names if sized else [], "defaultConversion": names[0] if sized else None},
        "isFlexEligible": True,
        "isDirectEligible": sized,
    }


def _variant(product: Product, variant: Variant) -> dict[str, Any]:
    """A variant. The sizes of `availableConversions` have a prefix, the default one has none."""
    sized = product.kind == "sneakers" and variant.size is not None
    american = float(variant.size) if sized and variant.size else 0.0
    conversions = [
        {"size": f"US M {american:g}", "type": _UNITED},
        {"size": f"UK {american - 0.5:g}", "type": "uk"},
        {"size": f"EU {american + 32.5:g}", "type": "eu"},
    ]
    return {
        "productId": product.id,
        "variantId": variant.id,
        "variantName": variant.name,
        "variantValue": variant.size,
        "sizeChart": {
            "defaultConversion": {"size": variant.size, "type": _UNITED} if sized else None,
            "availableConversions": conversions if sized else [],
        },
        "gtins": [{"identifier": variant.gtin, "type": "UPC"}] if variant.gtin else [],
        "isFlexEligible": True,
        "isDirectEligible": sized,
    }
