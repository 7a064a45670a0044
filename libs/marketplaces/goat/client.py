"""GOAT's catalog through alias: search, and one product.

async with ApiClient("goat", api_settings(), limiter()) as api:
    goat = Goat(api, token)
    found = await goat.search("DD1391-100")
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from pydantic import HttpUrl, SecretStr

from libs.http.answer import Answer
from libs.http.client import ApiClient, ApiSettings
from libs.http.errors import Garbage
from libs.http.limits import LocalRateLimiter
from libs.marketplaces.entries import Unreadable, read_entries
from libs.marketplaces.goat.payloads import CatalogItem
from libs.marketplaces.payload import Malformed

BASE_URL = "https://api.alias.org/api/v1"
LARGEST_PAGE = 50
SECONDS_BETWEEN_REQUESTS = 0.5
"""alias publishes no limit."""

_CATALOG = "/catalog"
_ITEM = "/catalog/{catalog_id}"


def api_settings(base_url: str = BASE_URL) -> ApiSettings:
    """How alias is reached."""
    return ApiSettings(base_url=HttpUrl(base_url))


def limiter(max_wait: float = 5.0) -> LocalRateLimiter:
    """A pace for this process."""
    return LocalRateLimiter(per_second=1 / SECONDS_BETWEEN_REQUESTS, burst=4, max_wait=max_wait)


@dataclass(frozen=True, slots=True)
class Page:
    """Products in alias' order; `after` is the token of the next page. `unreadable`: entries of another form."""

    entries: tuple[CatalogItem, ...]
    unreadable: tuple[Unreadable, ...]
    after: str | None


class Goat:
    """alias, with a personal access token."""

    def __init__(self, api: ApiClient, token: SecretStr) -> None:
        self._api = api
        self._token = token

    async def search(self, query: str, *, limit: int = 10, after: str | None = None) -> Page:
        """One page of what GOAT finds. Raises ApiError."""
        if not query or not 1 <= limit <= LARGEST_PAGE:
            raise ValueError(f"a search has a query and pages of 1 to {LARGEST_PAGE} products, not {limit}")
        asked = {"query": query, "limit": str(limit), **({"pagination_token": after} if after else {})}
        answer = await self._call(_CATALOG, _CATALOG, asked)
        told = _object(_CATALOG, answer).get("catalog_items")
        if not isinstance(told, list):
            raise _garbage(_CATALOG, "the answer is no page of catalog_items", answer)
        entries, unreadable = read_entries(told, CatalogItem)
        following = answer.body.get("next_pagination_token") if answer.body.get("has_more") is True else None
        return Page(entries, unreadable, following if isinstance(following, str) and following else None)

    async def item(self, catalog_id: str) -> CatalogItem:
        """One product; raises NotFound."""
        answer = await self._call(f"/catalog/{quote(catalog_id, safe='')}", _ITEM, {})
        try:
            return CatalogItem.read(_object(_ITEM, answer).get("catalog_item"))
        except Malformed as error:
            raise _garbage(_ITEM, str(error), answer) from None

    async def _call(self, path: str, route: str, query: dict[str, str]) -> Answer:
        headers = {"Authorization": f"Bearer {self._token.get_secret_value()}"}
        return await self._api.call("GET", path, operation=route, headers=headers, query=query)


def _object(route: str, answer: Answer) -> dict[str, Any]:
    if not isinstance(answer.body, dict):
        raise _garbage(route, "the answer is no object", answer)
    return answer.body


def _garbage(route: str, why: str, answer: Answer) -> Garbage:
    error = Garbage(f"GET {route}", why, status=answer.status)
    error.headers, error.raw = answer.headers, answer.raw
    return error
