"""POST /items and PUT /items/{id}: a seller lists an item, changes it, pauses it, closes it.

Each POST makes another item, however often it comes: MercadoLibre knows no idempotency key. What is closed stays so.
"""

import json
from decimal import Decimal
from typing import Any

from aiohttp import web

from services.sandbox.mercadolibre.caller import Authorised
from services.sandbox.mercadolibre.errors import Refusal
from services.sandbox.mercadolibre.identifiers import must_own
from services.sandbox.mercadolibre.life import Life
from services.sandbox.mercadolibre.resources.item import item_body
from services.sandbox.mercadolibre.state import Item, User
from services.sandbox.wire import json_answer

LONGEST_TITLE = 60
_STATUSES = ("active", "paused", "closed")
_CHANGEABLE = frozenset({"price", "available_quantity", "status", "title"})
_CONDITIONS = ("new", "used", "not_specified")


class ItemWrites:
    """What a seller may write."""

    def __init__(self, life: Life) -> None:
        self._life = life

    def add_to(self, app: web.Application, authorised: Authorised) -> None:
        app.router.add_post("/items", authorised(self._create))
        app.router.add_put("/items/{id}", authorised(self._change))
        app.router.add_put("/items/{id}/variations/{variation_id}", authorised(self._change_variation))

    async def _create(self, request: web.Request, user: User) -> web.Response:
        body = await _body(request)
        title, category = body.get("title"), body.get("category_id")
        if not isinstance(title, str) or not 0 < len(title) <= LONGEST_TITLE:
            raise _invalid("item.title.length.invalid", "item.title")
        if not isinstance(category, str) or not category.startswith(user.site.id):
            raise _invalid("item.category_id.invalid", "item.category_id")
        if body.get("currency_id") != user.site.currency:
            raise _invalid("item.currency_id.invalid", "item.currency_id")
        if body.get("condition") not in _CONDITIONS:
            raise _invalid("item.condition.invalid", "item.condition")
        if body.get("buying_mode") != "buy_it_now" or not isinstance(body.get("listing_type_id"), str):
            raise _invalid("item.listing_type_id.invalid", "item.listing_type_id")
        item = self._life.population.list_item(
            user,
            self._life.tick(),
            title=title,
            category_id=category,
            sku=_sku(body),
            condition=body["condition"],
            price=_cents(body.get("price")),
            quantity=_quantity(body.get("available_quantity"), least=1),
        )
        return json_answer(item_body(item), 201)

    async def _change(self, request: web.Request, user: User) -> web.Response:
        item = self._own(request, user)
        body = await _body(request)
        if unknown := sorted(body.keys() - _CHANGEABLE):
            raise _invalid("field_not_updatable", *unknown)
        if item.status == "closed":
            raise _invalid("item.status.invalid", "item.status")
        self._apply(item, body)
        return json_answer(item_body(item))

    async def _change_variation(self, request: web.Request, user: User) -> web.Response:
        """An item here has one variation at most, so what is left of that is what is left of the item."""
        item = self._own(request, user)
        variation = request.match_info["variation_id"]
        if str(item.variation_id) != variation:
            raise Refusal(404, "not_found", f"Variation with id {variation[:40]} not found")
        body = await _body(request)
        if unknown := sorted(body.keys() - {"available_quantity"}):
            raise _invalid("field_not_updatable", *unknown)
        self._apply(item, body)
        return json_answer({"id": item.variation_id, "available_quantity": item.quantity})

    def _own(self, request: web.Request, user: User) -> Item:
        item = self._life.population.items.get(request.match_info["id"])
        if item is None:
            raise Refusal(404, "not_found", f"Item with id {request.match_info['id'][:40]} not found")
        must_own(item.seller, user)
        return item

    def _apply(self, item: Item, body: dict[str, Any]) -> None:
        status, title = body.get("status", item.status), body.get("title", item.title)
        if status not in _STATUSES:
            raise _invalid("item.status.invalid", "item.status")
        if not isinstance(title, str) or not 0 < len(title) <= LONGEST_TITLE or (title != item.title and item.sold):
            raise _invalid("item.title.not_modifiable", "item.title")
        price = _cents(body["price"]) if "price" in body else item.price
        stock = body.get("available_quantity", item.quantity)
        item.quantity, item.price, item.status, item.title = _quantity(stock, least=0), price, status, title
        item.updated = self._life.tick()


def _sku(body: dict[str, Any]) -> str:
    attributes = body.get("attributes")
    for each in attributes if isinstance(attributes, list) else []:
        if isinstance(each, dict) and each.get("id") == "SELLER_SKU" and isinstance(each.get("value_name"), str):
            return str(each["value_name"])
    custom = body.get("seller_custom_field")
    return custom if isinstance(custom, str) else ""


def _cents(price: Any) -> int:
    if not isinstance(price, int | Decimal) or isinstance(price, bool) or price <= 0:
        raise _invalid("item.price.invalid", "item.price")
    return round(price * 100)


def _quantity(told: Any, *, least: int) -> int:
    if not isinstance(told, int) or isinstance(told, bool) or told < least:
        raise _invalid("item.available_quantity.invalid", "item.available_quantity")
    return told


def _invalid(code: str, *references: str) -> Refusal:
    cause = {"department": "items", "cause_id": 0, "type": "error", "code": code, "references": list(references)}
    return Refusal(400, "validation_error", "Validation error", cause=[{**cause, "message": code.replace(".", " ")}])


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.read(), parse_float=Decimal)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Refusal(400, "bad_request", "The body is no JSON object")
    return body
