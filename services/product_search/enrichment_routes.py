"""The HTTP API of the enrichment: which products wait for it, and one of them at a time.

What is done stands in the read model `products`, so whoever goes through them may stop and go on at any time.
"""

from aiohttp import web

from libs.bus.publisher import NotPublished
from libs.bus.reader import KafkaAway
from libs.commands.errors import ReadModelBehind
from libs.db.errors import DatabaseAway
from libs.http.errors import ApiError
from libs.http.openapi import Operation, Reply, Route, problems
from libs.http.server import Problem
from libs.products.merge import NoSku
from services.product_search.enriching import Enriching, NoProduct
from services.product_search.fates import FAILED, away, upstream
from services.product_search.messages import EnrichedTold, PendingQuery, PendingTold, SkuPath
from services.product_search.pending import Page, Pending
from services.product_search.routes import BEARER, NO_ACCOUNT, PATH, answer, checked
from services.product_search.users import Users


class EnrichmentApi:
    """The handlers. They count against nobody's limit: StockX's own limits, less the reserve, are the limit here."""

    def __init__(self, users: Users, pending: Pending, enriching: Enriching | None) -> None:
        self._users = users
        self._pending = pending
        self._enriching = enriching

    def routes(self) -> tuple[Route, ...]:
        return (
            Route("POST", f"{PATH}/enrichment", self.gather, _GATHER),
            Route("GET", f"{PATH}/enrichment", self.pending, _PENDING),
            Route("POST", f"{PATH}/enrichment/{{sku}}", self.enrich, _ENRICH),
        )

    async def gather(self, request: web.Request) -> web.Response:
        self._users.user(request)
        asked = checked(PendingQuery, dict(request.query))
        try:
            await self._pending.gather()
            return answer(_told(await self._pending.page(again=asked.again, after=asked.after, limit=asked.limit)))
        except DatabaseAway as error:
            raise away(error) from None
        except (ReadModelBehind, NotPublished, KafkaAway) as error:
            raise _later(error) from None

    async def pending(self, request: web.Request) -> web.Response:
        self._users.user(request)
        asked = checked(PendingQuery, dict(request.query))
        try:
            return answer(_told(await self._pending.page(again=asked.again, after=asked.after, limit=asked.limit)))
        except DatabaseAway as error:
            raise away(error) from None

    async def enrich(self, request: web.Request) -> web.Response:
        self._users.user(request)
        sku = checked(SkuPath, dict(request.match_info)).sku
        if self._enriching is None:
            raise Problem(502, FAILED, reason=NO_ACCOUNT)
        try:
            return answer(await self._enriching.enrich(sku))
        except NoProduct as error:
            raise Problem(404, f"{error}.") from None
        except NoSku as error:
            raise Problem(422, f"{error}.") from None
        except ApiError as error:
            raise upstream(error) from None
        except DatabaseAway as error:
            raise away(error) from None
        except (ReadModelBehind, NotPublished, KafkaAway) as error:
            raise _later(error) from None


def _told(page: Page) -> PendingTold:
    return PendingTold(total=page.total, skus=page.skus, after=page.after)


def _later(error: Exception) -> Problem:
    return Problem(503, f"{error}. It is safe to repeat.", headers={"Retry-After": "2"})


_GATHER = Operation(
    "Gather the products to enrich",
    "Brings the catalog's products into the topic `products`, and tells which have no StockX id.",
    tags=("enrichment",),
    query=PendingQuery,
    replies={200: Reply("The first of them", PendingTold)} | problems(401, 422, 503),
    security=(BEARER,),
)
_PENDING = Operation(
    "Products without a StockX id",
    tags=("enrichment",),
    query=PendingQuery,
    replies={200: Reply("Some of them", PendingTold)} | problems(401, 422, 503),
    security=(BEARER,),
)
_ENRICH = Operation(
    "Enrich one product",
    "Looks it up at StockX and publishes product.changed with what was found, or that StockX does not have it.",
    tags=("enrichment",),
    path=SkuPath,
    replies={200: Reply("What became of it", EnrichedTold)} | problems(401, 404, 422, 503, s502=FAILED),
    security=(BEARER,),
)
