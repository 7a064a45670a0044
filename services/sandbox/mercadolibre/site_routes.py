"""What everybody may ask without a token: a site's search (closed, unless it is switched open), and the currencies."""

from typing import Any

from aiohttp import web

from services.sandbox.mercadolibre.errors import Refusal, blocked
from services.sandbox.mercadolibre.paging import page
from services.sandbox.mercadolibre.population import Population
from services.sandbox.mercadolibre.resources.item import found_item
from services.sandbox.mercadolibre.state import SITES, Item
from services.sandbox.mercadolibre.switches import Search, SwitchBoard
from services.sandbox.mercadolibre.tokens import Tokens
from services.sandbox.wire import json_answer

REACH = 1000
"""offset and limit together; there is no way behind it."""

_CURRENCIES = (
    ("ARS", "Peso argentino", "$", 2),
    ("BRL", "Real", "R$", 2),
    ("CLP", "Peso Chileno", "$", 0),
    ("COP", "Peso colombiano", "$", 0),
    ("MXN", "Peso Mexicano", "$", 2),
    ("USD", "Dólar", "U$S", 2),
)


class SiteRoutes:
    """/sites/{site}/search and /currencies."""

    def __init__(self, population: Population, tokens: Tokens, board: SwitchBoard) -> None:
        self._population = population
        self._tokens = tokens
        self._board = board

    def add_to(self, app: web.Application) -> None:
        app.router.add_get("/sites/{site}/search", self._search)
        app.router.add_get("/currencies", self._currencies)

    async def _search(self, request: web.Request) -> web.Response:
        if self._board.now.search is Search.BLOCKED:
            return blocked()
        if self._board.now.search is Search.CLOSED:
            raise Refusal(403, "forbidden", "forbidden")  # for everybody since April 2025, with and without a token
        token = request.headers.get("Authorization", "").partition(" ")[2]
        if token:
            self._tokens.user_of(token)
        site = next((each for each in SITES if each.id == request.match_info["site"]), None)
        if site is None:
            raise Refusal(404, "not_found", "Site not found")
        query = request.query
        if not any(query.get(name) for name in ("q", "category", "seller_id", "nickname")):
            raise Refusal(400, "bad_request", "q, category or seller_id is required")
        found = [item for item in self._population.items.values() if item.seller.site is site and _fits(item, query)]
        results, paging = page(found, query, default=50, most=50)
        if paging["offset"] + paging["limit"] > REACH:
            raise Refusal(400, "bad_request", f"offset and limit reach beyond {REACH}")
        body: dict[str, Any] = {
            "site_id": site.id,
            "country_default_time_zone": "GMT-04:00",
            "query": query.get("q", ""),
            "paging": {**paging, "primary_results": min(paging["total"], REACH)},
            "results": [found_item(item) for item in results],
            "sort": {"id": "relevance", "name": "Más relevantes"},
            "available_sorts": [],
            "filters": [],
            "available_filters": [],
        }
        return json_answer(body)

    async def _currencies(self, _request: web.Request) -> web.Response:
        return json_answer(
            [
                {"id": code, "description": name, "symbol": symbol, "decimal_places": places}
                for code, name, symbol, places in _CURRENCIES
            ]
        )


def _fits(item: Item, query: Any) -> bool:
    """Each word of `q` in the title, and the filters that are given."""
    title = item.title.casefold()
    return (
        item.status == "active"
        and all(word in title for word in query.get("q", "").casefold().split())
        and query.get("category") in (None, "", item.category_id)
        and query.get("seller_id") in (None, "", str(item.seller.id))
    )
