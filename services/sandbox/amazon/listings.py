"""Listings items: what sellers have put under their SKUs, and what Amazon makes of it.

What is put is accepted at once and worked on: after `settle` of sandbox time it has an ASIN and can be bought, if it
has stock and a price. The ASIN follows from the product (brand and model number, or the suggested one), not from who
sells it.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from services.sandbox.clock import Clock
from services.sandbox.times import zulu

CURRENCIES = {"ATVPDKIKX0DER": "USD", "A1AM78C64UM0Y8": "MXN", "A2Q3Y263D00KWC": "BRL", "A1PA6795UKMFR9": "EUR"}
"""The marketplaces that are stood in for, with their currencies."""


@dataclass
class Item:
    """One seller's item on one marketplace."""

    sku: str
    marketplace_id: str
    product_type: str
    attributes: dict[str, Any]
    created: datetime
    updated: datetime
    puts: int = 1
    issues: list[dict[str, Any]] = field(default_factory=list)

    @property
    def quantity(self) -> int:
        place = _first(self.attributes, "fulfillment_availability")
        quantity = place.get("quantity", 0)
        return quantity if isinstance(quantity, int) and quantity > 0 else 0

    @property
    def price(self) -> Decimal | None:
        prices = _first(self.attributes, "purchasable_offer").get("our_price")
        schedule = prices[0].get("schedule") if isinstance(prices, list) and prices else None
        try:
            return Decimal(str(schedule[0]["value_with_tax"])) if schedule else None
        except (InvalidOperation, KeyError, TypeError):
            return None

    @property
    def title(self) -> str:
        return str(_first(self.attributes, "item_name").get("value", ""))

    @property
    def asin(self) -> str:
        """`B0` and eight characters of the product's digest."""
        suggested = _first(self.attributes, "merchant_suggested_asin").get("value")
        if isinstance(suggested, str) and suggested:
            return suggested
        named = [str(_first(self.attributes, name).get("value", "")) for name in ("brand", "model_number", "item_name")]
        product = "/".join(named[:2] if named[1] else named)
        return f"B0{hashlib.sha256(product.casefold().encode()).hexdigest()[:8].upper()}"


class Listings:
    """All sellers' items."""

    def __init__(self, clock: Clock, settle: timedelta) -> None:
        self._clock = clock
        self._settle = settle
        self._items: dict[tuple[str, str, str], Item] = {}

    def find(self, seller: str, sku: str, marketplace_id: str) -> Item | None:
        return self._items.get((seller, sku, marketplace_id))

    def every(self) -> list[tuple[str, Item]]:
        """Each item with its seller."""
        return [(seller, item) for (seller, _, _), item in self._items.items()]

    def put(self, seller: str, sku: str, marketplace_id: str, product_type: str, attributes: dict[str, Any]) -> Item:
        """Make or replace an item."""
        now = self._clock.now()
        known = self.find(seller, sku, marketplace_id)
        item = Item(sku, marketplace_id, product_type, attributes, known.created if known else now, now)
        item.puts = known.puts + 1 if known else 1
        self._items[seller, sku, marketplace_id] = item
        return item

    def touch(self, item: Item) -> None:
        item.updated = self._clock.now()

    def delete(self, seller: str, sku: str, marketplace_id: str) -> None:
        self._items.pop((seller, sku, marketplace_id), None)

    def shown(self, item: Item) -> dict[str, Any]:
        """The item as getListingsItem tells it, with all that can be included."""
        settled = self._clock.now() >= item.created + self._settle
        price, currency = item.price, CURRENCIES[item.marketplace_id]
        states = {"BUYABLE": settled and item.quantity > 0 and price is not None, "DISCOVERABLE": settled}
        summary: dict[str, Any] = {
            "marketplaceId": item.marketplace_id,
            "productType": item.product_type,
            "conditionType": _first(item.attributes, "condition_type").get("value", "new_new"),
            "status": [word for word, holds in states.items() if holds],
            "itemName": item.title,
            "createdDate": zulu(item.created),
            "lastUpdatedDate": zulu(item.updated),
        }
        offer = {"marketplaceId": item.marketplace_id, "offerType": "B2C"}
        amount = {"amount": str(price), "currency": currency, "currencyCode": currency}
        return {
            "sku": item.sku,
            "summaries": [summary | ({"asin": item.asin} if settled else {})],
            "offers": [{**offer, "price": amount}] if price is not None else [],
            "fulfillmentAvailability": [{"fulfillmentChannelCode": "DEFAULT", "quantity": item.quantity}],
            "attributes": item.attributes,
            "issues": item.issues,
        }


def _first(attributes: dict[str, Any], name: str) -> dict[str, Any]:
    """The first entry of an attribute, which is a list of objects."""
    told = attributes.get(name)
    return told[0] if isinstance(told, list) and told and isinstance(told[0], dict) else {}
