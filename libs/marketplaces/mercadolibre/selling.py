"""Selling on MercadoLibre: items are made, found by the seller's SKU, paused.

POST /items makes another item each time it comes, so it is sent only where a look under our SKU finds none, and never
twice within a call. Should two have come of it all the same (an answer that was lost, a search that lagged), the first
stays and the later ones are closed: whoever publishes again heals it.

Source: developers.mercadolibre.com, "Publish items", "Items and searches" (`seller_sku`), "Synchronise items" (status).
"""

import re
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from pydantic import Field

from libs.http.errors import ApiError, Garbage, NotFound, Refused
from libs.marketplaces.mercadolibre.client import MercadoLibre
from libs.marketplaces.payload import Amount, Id, Malformed, Payload, Word
from libs.selling.channel import Listed, NotPublishable, Wanted, required, text_of, texts_of
from schemas.channels import Channel
from schemas.values import Json, Money

SITES = {"MX": ("MLM", "MXN"), "BR": ("MLB", "BRL"), "AR": ("MLA", "ARS"), "CO": ("MCO", "COP"), "CL": ("MLC", "CLP")}
"""Country: MercadoLibre's site and its currency."""

LONGEST_TITLE = 60
_MOST_IDS = 20
_OPEN = frozenset({"active", "paused", "under_review", "not_yet_active", "inactive"})
_OFF = frozenset({"paused", "closed", "inactive"})
_ITEM_ID = re.compile(r"M[A-Z]{2}[0-9]+")
_ITEMS = "/items"
_ITEM = "/items/{id}"
_VARIATION = "/items/{id}/variations/{variation_id}"
_SEARCH = "/users/{id}/items/search"
_FIELDS = "id,status,price,currency_id,available_quantity,date_created"


class _Item(Payload):
    """An item of our own, as far as selling needs it."""

    id: Id
    status: Word
    price: Amount
    currency_id: str = Field(pattern=r"^[A-Z]{3}$")
    available_quantity: int | None = None
    date_created: str = ""


class MercadoLibreChannel:
    """One account in its country. `defaults`: what drafts need not say each time (`listing_type_id`, `category_id`)."""

    def __init__(self, client: MercadoLibre, market: str, defaults: Json | None = None) -> None:
        if market not in SITES:
            raise ValueError(f"MercadoLibre has no site for {market!r}; known: {', '.join(sorted(SITES))}")
        self._client = client
        self._defaults = defaults or {}
        self.channel = Channel.MERCADOLIBRE
        self.market = market
        self.currency = SITES[market][1]

    async def find(self, sku: str) -> Listed | None:
        found = [each for each in await self._items(sku) if each.status == "active"]
        return _listed(found[0], sku) if found else None

    async def publish(self, wanted: Wanted) -> Listed:
        body = self._body(wanted)
        found = await self._items(wanted.sku)
        if not found:
            made = await self._written("POST", _ITEMS, _ITEMS, body)
            found = await self._items(wanted.sku) or [made]
        first, *others = found
        for other in others:
            await self._change(other.id, {"status": "closed"})
        item = await self._change(
            first.id,
            {"price": body["price"], "available_quantity": wanted.quantity, "status": "active"},
        )
        return _listed(item, wanted.sku)

    async def reprice(self, item_id: str, wanted: Wanted) -> bool:
        try:
            if (await self._item(item_id)).status in _OFF:
                return False
            await self._change(item_id, {"price": _number(wanted.price.amount)})
        except NotFound:
            return False
        return True

    async def withdraw(self, sku: str) -> None:
        """Also what is under review, and not live yet."""
        await self.take_off(sku)

    async def take_off(self, item_id: str, sku: str | None = None) -> None:  # noqa: ARG002  (others need it)
        """`item_id`: an item, `item:variation`, or our SKU of one: the ways in which the catalog knows a listing."""
        item, _, variation = item_id.partition(":")
        if not _ITEM_ID.fullmatch(item):
            for each in await self._items(item_id):
                await self._pause(each.id)
        elif variation:
            await self._empty(item, variation)
        else:
            await self._pause(item)

    async def _pause(self, item_id: str) -> None:
        try:
            if (await self._item(item_id)).status not in _OFF:
                await self._change(item_id, {"status": "paused"})
        except NotFound:
            return

    async def _empty(self, item_id: str, variation: str) -> None:
        """No piece of one variation is left; the others go on selling."""
        path = f"/items/{item_id}/variations/{quote(variation, safe='')}"
        try:
            if (await self._item(item_id)).status != "closed":
                await self._client.write("PUT", path, operation=_VARIATION, body={"available_quantity": 0})
        except NotFound:
            return

    async def _items(self, sku: str) -> list[_Item]:
        """The items under a SKU that are not closed, the oldest first."""
        answer = await self._client.ask(
            f"/users/{self._client.user_id}/items/search", operation=_SEARCH, query={"seller_sku": sku}
        )
        told = answer.body.get("results") if isinstance(answer.body, dict) else None
        if not isinstance(told, list) or not all(isinstance(each, str) for each in told):
            raise Garbage(f"GET {_SEARCH}", "the answer has no results", status=answer.status)
        found: list[_Item] = []
        for start in range(0, len(told), _MOST_IDS):
            ids = ",".join(told[start : start + _MOST_IDS])
            shown = await self._client.ask(_ITEMS, query={"ids": ids, "attributes": _FIELDS})
            for each in shown.body if isinstance(shown.body, list) else []:
                if isinstance(each, dict) and each.get("code") == 200:
                    found.append(_read(each.get("body"), f"GET {_ITEMS}"))
        return sorted((each for each in found if each.status in _OPEN), key=lambda each: (each.date_created, each.id))

    async def _item(self, item_id: str) -> _Item:
        answer = await self._client.ask(f"/items/{item_id}", operation=_ITEM, query={"attributes": _FIELDS})
        return _read(answer.body, f"GET {_ITEM}")

    async def _change(self, item_id: str, body: dict[str, Any]) -> _Item:
        return await self._written("PUT", f"/items/{item_id}", _ITEM, body)

    async def _written(self, method: str, path: str, operation: str, body: dict[str, Any]) -> _Item:
        try:
            answer = await self._client.write(method, path, operation=operation, body=body)
        except Refused as error:
            raise NotPublishable(f"MercadoLibre refuses it: {_causes(error)}") from error
        return _read(answer.body, f"{method} {operation}")

    def _body(self, wanted: Wanted) -> dict[str, Any]:
        payload = {**self._defaults, **wanted.payload}
        if len(wanted.title) > LONGEST_TITLE:
            raise NotPublishable(f"the title has {len(wanted.title)} characters; MercadoLibre takes {LONGEST_TITLE}")
        attributes = [{"id": "SELLER_SKU", "value_name": wanted.sku}]
        for name, attribute in (("brand", "BRAND"), ("model", "MODEL"), ("gtin", "GTIN")):
            if value := text_of(payload, name):
                attributes.append({"id": attribute, "value_name": value})
        own = payload.get("attributes")
        named = [each["id"] for each in attributes]  # no set: what the draft names may be anything
        attributes += [
            each
            for each in (own if isinstance(own, list) else [])
            if isinstance(each, dict) and each.get("id") not in named
        ]
        return {
            "title": wanted.title,
            "category_id": required(payload, "category_id", self.channel),
            "price": _number(wanted.price.amount),
            "currency_id": wanted.price.currency,
            "available_quantity": wanted.quantity,
            "buying_mode": "buy_it_now",
            "condition": text_of(payload, "condition") or "new",
            "listing_type_id": text_of(payload, "listing_type_id") or "gold_special",
            "pictures": [{"source": url} for url in texts_of(payload, "images")],
            "attributes": attributes,
        }


def _number(amount: Decimal) -> int | float:
    """A JSON number, as MercadoLibre takes prices; a double writes up to 15 digits as they are."""
    return int(amount) if amount == amount.to_integral_value() else float(amount)


def _read(body: Any, operation: str) -> _Item:
    try:
        return _Item.read(body)
    except Malformed as error:
        raise Garbage(operation, str(error)) from None


def _listed(item: _Item, sku: str) -> Listed:
    return Listed(item.id, sku, Money(amount=item.price, currency=item.currency_id), item.available_quantity)


def _causes(error: ApiError) -> str:
    """MercadoLibre's codes; its free text may hold anything."""
    told = error.body.get("cause") if isinstance(error.body, dict) else None
    codes = [str(each.get("code"))[:80] for each in told if isinstance(each, dict)] if isinstance(told, list) else []
    return ", ".join(codes) or error.detail
