"""GET /ml/search, /ml/items/{item_id}, /ml/whoami, /ml/public_ping: MercadoLibre's own answers, handed through."""

from typing import Any

from aiohttp import web
from pydantic import BaseModel, Field, JsonValue, ValidationError

from libs.http.answer import Answer
from libs.http.errors import ApiError
from libs.http.openapi import Operation, Reply, Route
from libs.http.server import REQUEST_ID
from services.mercadolibre_api.answers import NotDone, answering, failures, of_upstream, wrong_query
from services.mercadolibre_api.search import Wanted, search
from services.mercadolibre_api.upstream import Asked, Upstream, named_headers, preview

SEARCH, ITEM, ME, PING = "/sites/{site}/search", "/items/{id}", "/users/me", "/currencies"
_PING_PREVIEW = 200


class SearchQuery(BaseModel):
    """What to search for."""

    q: str = Field(min_length=1, max_length=500, description="What to search for")
    offset: int = Field(default=0, ge=0, le=1_000_000, description="The first result")
    limit: int = Field(default=50, ge=1, le=1000, description="Results at most")
    category: str | None = Field(default=None, pattern=r"^[A-Z]{3}[0-9]{1,20}$", description="Only of this category")
    seller_id: str | None = Field(default=None, pattern=r"^[0-9]{1,20}$", description="Only of this seller")


class ItemPath(BaseModel):
    """Which listing."""

    item_id: str = Field(pattern=r"^[A-Z]{3}[A-Z]?[0-9]{1,20}$", description="MercadoLibre's id, such as MLM1234567890")


class Ping(BaseModel):
    """How MercadoLibre answered a public request."""

    status: int
    headers: dict[str, str] = Field(description="Who answered, and the firewall's code and reason if it refused")
    body_preview: str = Field(description="The first 200 characters of the body")


_REFUSALS: dict[str, str] = {
    "s403": "Forbidden (token or access issue)",
    "s429": "MercadoLibre's or our own hourly limit is reached",
    "s500": "There is no access token: run the OAuth flow",
    "s502": "MercadoLibre's answer cannot be used",
    "s503": "MercadoLibre does not answer",
}
_RATE = {"RateLimit": "What is left of the hourly limit", "RateLimit-Policy": "The hourly limit"}


def routes(upstream: Upstream, site: str, reach: int) -> tuple[Route, ...]:
    """The proxies of a site (`MLM`: Mexico)."""
    proxies = _Proxies(upstream, site, reach)
    found = Operation(
        "Search the site",
        "Up to 1000 results, fetched in pages of 50. What is refused with a token is asked for without one.",
        query=SearchQuery,
        replies={200: Reply("MercadoLibre's answer", JsonValue, headers=_RATE)}
        | failures(s400="A parameter is missing or wrong", **_REFUSALS),
    )
    item = Operation(
        "One listing",
        path=ItemPath,
        replies={200: Reply("MercadoLibre's answer", JsonValue, headers=_RATE)}
        | failures(s400="No item id", s404="There is no such item", **_REFUSALS),
    )
    whoami = Operation(
        "Whose token it is, and whether it is valid",
        replies={200: Reply("MercadoLibre's answer", JsonValue, headers=_RATE)}
        | failures(s400="Bad request", s401="The token is refused: run the OAuth flow again", **_REFUSALS),
    )
    ping = Operation(
        "Whether MercadoLibre answers without a token",
        replies={200: Reply("What it answered, whatever it was", Ping)} | failures(s503="It did not answer at all"),
    )
    return (
        Route("GET", "/ml/search", answering(proxies.search), found),
        Route("GET", "/ml/items/{item_id}", answering(proxies.item), item),
        Route("GET", "/ml/whoami", answering(proxies.whoami), whoami),
        Route("GET", "/ml/public_ping", answering(proxies.public_ping), ping),
    )


class _Proxies:
    def __init__(self, upstream: Upstream, site: str, reach: int) -> None:
        self._upstream = upstream
        self._site = site
        self._reach = reach

    async def search(self, request: web.Request) -> web.Response:
        query = _read(SearchQuery, dict(request.query))
        named = {"q": query.q, "category": query.category, "seller_id": query.seller_id}
        asked = Asked(
            f"/sites/{self._site}/search",
            SEARCH,
            request[REQUEST_ID],
            {name: value for name, value in named.items() if value is not None},
        )
        tokens = await self._upstream.tokens(request[REQUEST_ID])
        wanted = Wanted(asked, query.offset, query.limit, self._reach)
        return _json(await search(self._upstream, wanted, tokens), self._upstream.standing(asked))

    async def item(self, request: web.Request) -> web.Response:
        path = _read(ItemPath, dict(request.match_info))
        asked = Asked(f"/items/{path.item_id}", ITEM, request[REQUEST_ID])
        tokens = await self._upstream.tokens(request[REQUEST_ID])
        answer = await self._upstream.get(asked, tokens)
        return _json(answer.raw, self._upstream.standing(asked))

    async def whoami(self, request: web.Request) -> web.Response:
        asked = Asked("/users/me", ME, request[REQUEST_ID], private=True)
        tokens = await self._upstream.tokens(request[REQUEST_ID])
        answer = await self._upstream.get(asked, tokens)
        return _json(answer.raw, self._upstream.standing(asked))

    async def public_ping(self, request: web.Request) -> web.Response:
        asked = Asked("/currencies", PING, request[REQUEST_ID])
        answered: Answer | ApiError
        try:
            answered = await self._upstream.ask(asked, None)
        except ApiError as error:
            if error.status is None:
                raise of_upstream(error, {}) from error
            answered = error
        if answered.status is None:
            raise NotDone(503, "MercadoLibre does not answer")
        ping = Ping(
            status=answered.status,
            headers=named_headers(answered.headers),
            body_preview=preview(answered.raw, _PING_PREVIEW),
        )
        return web.json_response(ping.model_dump())


def _read(model: type[Any], told: dict[str, str]) -> Any:
    try:
        return model.model_validate(told)
    except ValidationError as error:
        raise wrong_query(error) from None


def _json(raw: bytes, headers: dict[str, str]) -> web.Response:
    return web.Response(body=raw, content_type="application/json", charset="utf-8", headers=headers)
