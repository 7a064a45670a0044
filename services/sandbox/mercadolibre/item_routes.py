"""Listings: one, several at once, their prices, and the ids of the caller's own."""

from typing import Any

from aiohttp import web

from services.sandbox.mercadolibre.caller import Authorised
from services.sandbox.mercadolibre.errors import Refusal, not_the_callers
from services.sandbox.mercadolibre.identifiers import must_own
from services.sandbox.mercadolibre.paging import page
from services.sandbox.mercadolibre.population import Population
from services.sandbox.mercadolibre.resources.item import item_body, item_prices
from services.sandbox.mercadolibre.state import Item, User
from services.sandbox.wire import json_answer


class ItemRoutes:
    """/items and /users/{id}/items/search. The items of others are refused, as today."""

    def __init__(self, population: Population) -> None:
        self._population = population

    def add_to(self, app: web.Application, authorised: Authorised) -> None:
        app.router.add_get("/items", authorised(self._items))
        app.router.add_get("/items/{id}", authorised(self._item))
        app.router.add_get("/items/{id}/prices", authorised(self._item_prices))
        app.router.add_get("/users/{id}/items/search", authorised(self._item_search))

    async def _item(self, request: web.Request, user: User) -> web.Response:
        return json_answer(_chosen(item_body(self._item_of(request.match_info["id"], user)), request))

    async def _item_prices(self, request: web.Request, user: User) -> web.Response:
        return json_answer(item_prices(self._item_of(request.match_info["id"], user)))

    async def _items(self, request: web.Request, user: User) -> web.Response:
        """Several at once (at most 20): each with a code and a body of its own."""
        ids = [each for each in request.query.get("ids", "").split(",") if each]
        if not ids or len(ids) > 20:
            raise Refusal(400, "bad_request", "ids must name 1 to 20 items")
        answers: list[dict[str, Any]] = []
        for each in ids:
            try:
                answers.append({"code": 200, "body": _chosen(item_body(self._item_of(each, user)), request)})
            except Refusal as refusal:
                answers.append({"code": refusal.status, "body": refusal.body})
        return json_answer(answers)

    async def _item_search(self, request: web.Request, user: User) -> web.Response:
        if request.match_info["id"] != str(user.id):
            raise not_the_callers("forbidden")
        status = request.query.get("status")
        sku = request.query.get("seller_sku", request.query.get("sku"))
        own = [item for item in self._population.items.values() if item.seller is user and sku in (None, item.sku)]
        ids = [item.id for item in own if status in (None, item_body(item)["status"])]
        results, paging = page(ids, request.query, default=50, most=100)
        body = {"seller_id": str(user.id), "query": None, "paging": paging, "results": results, "orders": []}
        return json_answer({**body, "available_orders": []})

    def _item_of(self, item_id: str, user: User) -> Item:
        item = self._population.items.get(item_id)
        if item is None:
            raise Refusal(404, "not_found", f"Item with id {item_id} not found")
        must_own(item.seller, user)
        return item


def _chosen(body: dict[str, Any], request: web.Request) -> dict[str, Any]:
    """Only the keys named by `attributes`, if any are."""
    wanted = [name for name in request.query.get("attributes", "").split(",") if name]
    return {name: body[name] for name in wanted if name in body} if wanted else body
