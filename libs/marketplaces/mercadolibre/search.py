"""Searching a site, page by page: what may be asked, and what was found."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from libs.http.errors import Garbage
from libs.marketplaces.mercadolibre.client import MercadoLibre
from libs.marketplaces.mercadolibre.payloads_search import FoundItem
from libs.marketplaces.payload import Malformed, as_json
from schemas.values import Json

PAGE = 50
"""MercadoLibre's largest page."""

REACH = 1000
"""offset and limit together: nothing beyond can be asked for."""

_OPERATION = "/sites/{site}/search"


class SearchFilters(BaseModel):
    """`filters_json`: which part of the results, and MercadoLibre's own filters by their names."""

    model_config = ConfigDict(extra="allow", frozen=True)

    offset: int = Field(default=0, ge=0, le=REACH)
    limit: int = Field(default=PAGE, ge=1, le=REACH)


class SearchQuery(BaseModel):
    """The documented payload of a search job; what is beyond it is ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    site_id: str = Field(pattern=r"^M[A-Z]{2}$")
    query_text: str = Field(min_length=1, max_length=500)
    category_id: str | None = Field(default=None, max_length=100)
    domain_id: str | None = Field(default=None, max_length=100)
    filters_json: SearchFilters = SearchFilters()

    def parameters(self, offset: int, limit: int) -> dict[str, str]:
        """The query string of one page."""
        own = self.filters_json.model_extra or {}
        asked = {name: str(value) for name, value in own.items() if isinstance(value, str | int)}
        named = {"category": self.category_id, "domain_id": self.domain_id}
        asked |= {name: value for name, value in named.items() if value is not None}
        return asked | {"q": self.query_text, "offset": str(offset), "limit": str(limit)}


@dataclass(frozen=True)
class Found:
    """The items in the search's order, each once; `unreadable` of them could not be read. `rest`: what else it told."""

    items: tuple[FoundItem, ...]
    status: int
    unreadable: int
    rest: Json


async def search(client: MercadoLibre, query: SearchQuery) -> Found:
    """Ask for all pages of a search; with a token, and where that is forbidden, without. Raises an ApiError."""
    items: dict[str, FoundItem] = {}
    unreadable, status = 0, 200
    rest: Json = {}
    offset = query.filters_json.offset
    end = min(offset + query.filters_json.limit, REACH)
    while offset < end:
        limit = min(PAGE, end - offset)
        path = f"/sites/{query.site_id}/search"
        answer = await client.ask_openly(path, operation=_OPERATION, query=query.parameters(offset, limit))
        results = _results(answer.body, answer.status)
        for told in results:
            try:
                found = FoundItem.read(told)
            except Malformed:
                unreadable += 1
            else:
                items.setdefault(found.id, found)
        status = answer.status
        rest = rest or {name: as_json(value) for name, value in answer.body.items() if name != "results"}
        offset += limit
        if len(results) < limit or offset >= _total(answer.body, end):
            break
    if unreadable:
        rest = {**rest, "sellstream_unreadable_results": unreadable}
    return Found(tuple(items.values()), status, unreadable, rest)


def _results(body: Any, status: int) -> Sequence[Any]:
    results = body.get("results") if isinstance(body, dict) else None
    if not isinstance(results, list):
        raise Garbage(f"GET {_OPERATION}", "the answer has no list of results", status=status)
    return results


def _total(body: dict[str, Any], otherwise: int) -> int:
    paging = body.get("paging")
    total = paging.get("total") if isinstance(paging, dict) else None
    return total if isinstance(total, int) and not isinstance(total, bool) else otherwise
