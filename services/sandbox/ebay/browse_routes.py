"""The Browse API's search, over what strangers sell: the goods of the sandbox's StockX. Base `/buy/browse/v1`."""

from typing import Any

from aiohttp import web

from services.sandbox.clock import Clock
from services.sandbox.ebay.errors import bad_token, error_answer, no_token
from services.sandbox.ebay.sellers import Sellers
from services.sandbox.stockx.catalogue import Catalogue
from services.sandbox.stockx.goods import Product
from services.sandbox.stockx.prices import Prices
from services.sandbox.wire import json_answer

LARGEST_PAGE = 200
_PATH = "/buy/browse/v1/item_summary/search"


class BrowseRoutes:
    """Any valid token may search, the application's own too."""

    def __init__(self, seed: int, clock: Clock, catalogue: Catalogue, sellers: Sellers) -> None:
        self._clock = clock
        self._catalogue = catalogue
        self._sellers = sellers
        self._prices = Prices(seed + 2)  # another market than StockX's

    def add_to(self, app: web.Application) -> None:
        app.router.add_get(_PATH, self._search)

    async def _search(self, request: web.Request) -> web.Response:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            return no_token()
        if self._sellers.tokens.holder(token) is None:
            return bad_token()
        query, limit, offset = (request.query.get(name, "") for name in ("q", "limit", "offset"))
        numbers = (limit or "50", offset or "0")
        if not query:
            return error_answer(
                400, 12001, "API_BROWSE", "The call must have a valid 'q', 'category_ids' or other query parameter."
            )
        if not all(each.isdecimal() for each in numbers) or not 1 <= int(numbers[0]) <= LARGEST_PAGE:
            return error_answer(400, 12006, "API_BROWSE", "Limit value needs to be between 1 and 200.")
        found = list(self._catalogue.search(query))
        begin, size = int(numbers[1]), int(numbers[0])
        told: dict[str, Any] = {"href": str(request.url), "total": len(found), "limit": size, "offset": begin}
        if begin + size < len(found):
            told["next"] = str(request.url.update_query(offset=str(begin + size)))
        if shown := [self._shown(each) for each in found[begin : begin + size]]:
            told["itemSummaries"] = shown  # where nothing is found, the key is absent
        return json_answer(told)

    def _shown(self, product: Product) -> dict[str, Any]:
        number = int(product.id.replace("-", "")[:11], 16) % 10**12
        variant = product.variants[0]
        ask = self._prices.quote(product, variant, self._clock.now()).ask
        told: dict[str, Any] = {
            "itemId": f"v1|{number:012d}|0",
            "legacyItemId": f"{number:012d}",
            "title": f"{product.title} {product.style_id or ''}".strip(),
            "condition": "New with box",
            "conditionId": "1000",
            "image": {"imageUrl": f"https://images.sandbox.invalid/ebay/{number:012d}.jpg"},
            "itemWebUrl": f"https://ebay.sandbox.invalid/itm/{number:012d}",
            "buyingOptions": ["FIXED_PRICE"],
            "seller": {"username": "stranger", "feedbackPercentage": "99.1", "feedbackScore": 1021},
            "leafCategoryIds": ["15709"],
            "adultOnly": False,
            "listingMarketplaceId": "EBAY_US",
        }
        return told if ask is None else told | {"price": {"value": f"{ask}.00", "currency": "USD"}}
