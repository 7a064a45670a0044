"""An inventory item, as `getInventoryItem`, `getInventoryItems` and `bulkGetInventoryItem` tell it.

| shape      | price and category                              | offers                        |
|------------|-------------------------------------------------|-------------------------------|
| official   | not part of an item: they are in its offers     | not part of it: `getOffers`   |
| documented | `pricingSummary.price`, `product.categoryId`    | `offers[]` (id, status)       |

Sources: Inventory API 1.18 (`InventoryItemWithSkuLocaleGroupid`) for the official shape, the sync document for the
documented one. Both are read; whichever fields are absent are None or empty.
"""

import json
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from libs.marketplaces.ebay.values import EbayAmount, EbayPayload, Sku
from libs.marketplaces.payload import EmptyIfNone, OptionalId


class Product(EbayPayload):
    """`product`. `aspects` is kept as it was told; `aspect` reads it."""

    title: str | None = None
    description: str | None = None
    brand: str | None = None
    mpn: str | None = None
    epid: str | None = None
    category_id: OptionalId = None
    aspects: Any = None
    image_urls: Annotated[list[str], EmptyIfNone] = Field(default_factory=list)

    def aspect(self, *names: str) -> str | None:
        """The first value of the first of these aspects that is not blank; the case of names does not matter.

        Live answers have an object of lists, the documented shape one of texts; the contract says "string".
        """
        told = {str(name).casefold(): value for name, value in _aspects(self.aspects).items()}
        for name in names:
            values = told.get(name.casefold())
            for value in values if isinstance(values, list) else [values]:
                if isinstance(value, str) and value.strip():
                    return value.strip()
        return None


def _aspects(told: Any) -> Mapping[str, Any]:
    if isinstance(told, str):
        try:
            told = json.loads(told)
        except (ValueError, RecursionError):
            return {}
    return told if isinstance(told, Mapping) else {}


class ShipToLocationAvailability(EbayPayload):
    """`availability.shipToLocationAvailability`."""

    quantity: int | None = None


class Availability(EbayPayload):
    """`availability`."""

    ship_to_location_availability: ShipToLocationAvailability | None = None


class PricingSummary(EbayPayload):
    """`pricingSummary`: of an offer, and of an item in the documented shape."""

    price: EbayAmount | None = None


class EmbeddedOffer(EbayPayload):
    """`offers[]` of an item in the documented shape."""

    offer_id: OptionalId = None
    status: str | None = None


class InventoryItem(EbayPayload):
    """One SKU of the seller. `whole(item)` is the item as eBay told it."""

    sku: Sku
    locale: str | None = None
    condition: str | None = None
    condition_description: str | None = None
    product: Product | None = None
    availability: Availability | None = None
    pricing_summary: PricingSummary | None = None
    offers: list[EmbeddedOffer] | None = None
    """Officially not told: None. An empty list tells that there is none."""
    group_ids: Annotated[list[str], EmptyIfNone] = Field(default_factory=list)
    inventory_item_group_keys: Annotated[list[str], EmptyIfNone] = Field(default_factory=list)

    @property
    def quantity(self) -> int | None:
        """Units that can be shipped; None if eBay told no availability."""
        place = self.availability.ship_to_location_availability if self.availability else None
        return place.quantity if place else None

    @property
    def price(self) -> EbayAmount | None:
        """The documented shape's price; officially an item has none."""
        return self.pricing_summary.price if self.pricing_summary else None


def sku_of(told: Any) -> str | None:
    """The SKU that an unreadable item names, for the list of what failed."""
    sku = told.get("sku") if isinstance(told, dict) else None
    return sku[:200] if isinstance(sku, str) and sku else None
