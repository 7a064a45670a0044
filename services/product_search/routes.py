"""The HTTP API under /api/v1/products."""

from typing import TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError

from libs.db.errors import DatabaseAway
from libs.http.errors import ApiError, NotFound
from libs.http.openapi import Operation, Reply, Route, problems
from libs.http.server import Problem
from libs.marketplaces.stockx.client import StockX
from libs.marketplaces.stockx.routes import PRODUCT_MARKET
from libs.products.lookup import ProductLookup
from libs.products.merge import NoSku
from libs.products.unreadable import KeptCatalog, UnreadableOf
from libs.telemetry.log import get_logger
from schemas.registry import summary
from services.product_search.everywhere import Everywhere
from services.product_search.fates import FAILED, away, upstream
from services.product_search.messages import (
    DetailsTold,
    EverywhereQuery,
    EverywhereTold,
    FoundTold,
    MarketQuery,
    Pagination,
    ProductPath,
    SearchQuery,
    SearchTold,
    SkuPath,
)
from services.product_search.reserve import Reserve
from services.product_search.searching import Search
from services.product_search.telling import details_told, product_told
from services.product_search.users import Users

log = get_logger()

BEARER = "bearer"
PATH = "/api/v1/products"
NO_ACCOUNT = "No StockX account is configured: see PRODUCT_SEARCH_STOCKX."
STALE = {"Cache-Status": 'sellstream; hit; detail="StockX does not answer"'}
"""RFC 9211: told with what the cache gives in StockX's place."""

M = TypeVar("M", bound=BaseModel)


class SearchApi:
    """The handlers of searches."""

    def __init__(
        self,
        users: Users,
        everywhere: Everywhere,
        *,
        stockx: StockX | None,
        unreadable: UnreadableOf | None,
        search: Search | None,
        lookup: ProductLookup | None,
        reserve: Reserve,
        leaves: int,
    ) -> None:
        """Of StockX's day, `leaves` requests are left to commands."""
        self._users = users
        self._everywhere = everywhere
        self._stockx = stockx
        self._unreadable = unreadable
        self._search = search
        self._lookup = lookup
        self._reserve = reserve
        self._leaves = leaves

    def routes(self) -> tuple[Route, ...]:
        return (
            Route("GET", f"{PATH}/search-stockx", self.search_stockx, _SEARCH),
            Route("GET", f"{PATH}/search", self.search, _EVERYWHERE),
            Route("GET", f"{PATH}/stockx/{{product_id}}", self.details, _DETAILS),
            Route("GET", f"{PATH}/skus/{{sku}}", self.sku, _SKU),
        )

    async def search_stockx(self, request: web.Request) -> web.Response:
        headers = await self._admitted(request)
        asked = checked(SearchQuery, dict(request.query))
        told_to = {"query": asked.query, "page": asked.number, "page_size": asked.page_size}
        log.info("Received request to search StockX catalog", **told_to)
        if self._search is None:
            raise Problem(502, FAILED, reason=NO_ACCOUNT)
        try:
            found = await self._search.page(asked.query, asked.number, asked.page_size)
        except ApiError as error:
            why = "StockX API error" if error.status is None else "StockX catalog search failed"
            log.error(why, status_code=error.status, error=str(error), **told_to)  # noqa: TRY400  (no defect of ours)
            raise upstream(error) from None
        except DatabaseAway as error:
            raise away(error) from None
        told = SearchTold(
            products=[product_told(each) for each in found.products],
            pagination=Pagination(total=found.total, page=asked.number, page_size=asked.page_size),
        )
        return answer(told, headers | (STALE if found.stale else {}))

    async def search(self, request: web.Request) -> web.Response:
        headers = await self._admitted(request)
        asked = checked(EverywhereQuery, dict(request.query))
        return answer(await self._everywhere.search(asked.query, asked.page_size), headers)

    async def details(self, request: web.Request) -> web.Response:
        headers = await self._admitted(request)
        product_id = checked(ProductPath, dict(request.match_info)).product_id
        currency = checked(MarketQuery, dict(request.query)).currency_code
        if self._stockx is None or self._unreadable is None:
            raise Problem(502, FAILED, reason=NO_ACCOUNT)
        try:
            await self._reserve.leave(self._leaves)
            catalog = KeptCatalog(self._stockx.catalog, self._unreadable)
            product = await catalog.product(product_id)  # an unknown one costs one request
            variants = await catalog.variants(product_id)
            asked = self._stockx.markets.of_product(product_id, currency)
            market = await self._unreadable.kept(PRODUCT_MARKET, asked)
        except NotFound:
            raise Problem(404, "StockX has no such product.") from None
        except ApiError as error:
            raise upstream(error) from None
        return answer(details_told(product, variants, market, currency), headers)

    async def sku(self, request: web.Request) -> web.Response:
        headers = await self._admitted(request)
        sku = checked(SkuPath, dict(request.match_info)).sku
        if self._lookup is None:
            raise Problem(502, FAILED, reason=NO_ACCOUNT)
        try:
            found = await self._lookup.find(sku)
        except NoSku as error:
            raise Problem(422, f"{error}.") from None
        except ApiError as error:
            raise upstream(error) from None
        except DatabaseAway as error:
            raise away(error) from None
        if found is None:
            raise Problem(404, f"StockX Product not found for SKU: {sku}")
        told = FoundTold(
            sku=sku,
            stockx_product_id=found.product.product_id,
            similarity=round(found.similarity, 4),
            cached=found.cached,
            found_at=found.found_at,
            product=product_told(found.product),
        )
        return answer(told, headers)

    async def _admitted(self, request: web.Request) -> dict[str, str]:
        return await self._users.count(self._users.user(request))


def checked(model: type[M], told: object) -> M:
    """What a request says; raises Problem 422."""
    try:
        return model.model_validate(told)
    except ValidationError as error:
        raise Problem(422, f"The request is wrong: {summary(error)}.") from None


def answer(body: BaseModel, headers: dict[str, str] | None = None) -> web.Response:
    """The answer 200, in camelCase."""
    told = body.model_dump_json(by_alias=True).encode()
    return web.Response(body=told, content_type="application/json", headers=headers)


_FAILURES = problems(401, 422, 429, s502=FAILED, s503="StockX's limits, or PostgreSQL, do not allow it now")

_SEARCH = Operation(
    "Search for Products on StockX",
    "Performs a search against the StockX Catalog API using a query string.",
    tags=("search",),
    query=SearchQuery,
    replies={200: Reply("A page of products", SearchTold)} | _FAILURES,
    security=(BEARER,),
)
_EVERYWHERE = Operation(
    "Search all marketplaces at once",
    "A marketplace that fails, or is slow, is null in the answer; `errors` tells why.",
    tags=("search",),
    query=EverywhereQuery,
    replies={200: Reply("What each marketplace found", EverywhereTold)} | problems(401, 422, 429, 503),
    security=(BEARER,),
)
_DETAILS = Operation(
    "Full details of a product at StockX",
    "All sizes with their prices. Costs three of StockX's requests.",
    tags=("products",),
    path=ProductPath,
    query=MarketQuery,
    replies={200: Reply("The product", DetailsTold)} | _FAILURES | problems(404),
    security=(BEARER,),
)
_SKU = Operation(
    "A style code's product at StockX",
    "However the code is written. Answered from a cache of seven days; from an older one where StockX does not answer.",
    tags=("products",),
    path=SkuPath,
    replies={200: Reply("The product", FoundTold)} | _FAILURES | problems(404),
    security=(BEARER,),
)
