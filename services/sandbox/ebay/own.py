"""Items and offers that were written through the API, or taken over from the seed because somebody changes them."""

from dataclasses import dataclass, field
from itertools import count
from typing import Any

from services.sandbox.ebay import goods
from services.sandbox.ebay.catalogue import Catalogue

_FIRST_LISTING = 226_000_000_000
_FIRST_OFFER = 9_100_000_000
_KEPT = ("offerId", "sku", "marketplaceId", "format", "status", "listing")


@dataclass
class OwnGoods:
    """What one seller has written: items by SKU, the newest first, and offers by id, in the official shapes."""

    items: dict[str, dict[str, Any]] = field(default_factory=dict)
    offers: dict[str, dict[str, Any]] = field(default_factory=dict)
    _listing_ids: "count[int]" = field(default_factory=lambda: count(_FIRST_LISTING, 7))
    _offer_ids: "count[int]" = field(default_factory=lambda: count(_FIRST_OFFER, 3))

    def take_over(self, catalogue: Catalogue, sku: str) -> None:
        """Keep a seeded item and its offers from now on as they are, so that they can be changed."""
        good = catalogue.with_sku(sku)
        if good is None or sku in self.items:
            return
        self.items[sku] = goods.item(good)
        self.offers |= {offer["offerId"]: offer for offer in goods.offers(good)}
        catalogue.remove(good)

    def put_item(self, sku: str, body: dict[str, Any]) -> bool:
        """Make or replace an item; whether it is new."""
        new = sku not in self.items
        quantity = _quantity(body)
        availability = {"quantity": quantity, "allocationByFormat": {"auction": 0, "fixedPrice": quantity}}
        told = {**body, "sku": sku, "locale": "en_US", "availability": {"shipToLocationAvailability": availability}}
        self.items = {sku: told, **{each: item for each, item in self.items.items() if each != sku}}
        return new

    def of_sku(self, sku: str) -> list[dict[str, Any]]:
        return [offer for offer in self.offers.values() if offer["sku"] == sku]

    def add_offer(self, body: dict[str, Any]) -> str:
        """A new offer, unpublished; its id."""
        offer_id = str(next(self._offer_ids))
        self.offers[offer_id] = {**body, "offerId": offer_id, "status": "UNPUBLISHED"}
        return offer_id

    def revise(self, offer: dict[str, Any], body: dict[str, Any]) -> None:
        """Replace an offer, all but what it is an offer of and where it stands."""
        kept: dict[str, Any] = {name: offer[name] for name in _KEPT if name in offer}
        offer.clear()
        offer.update({**body, **kept})

    def publish(self, offer: dict[str, Any]) -> str:
        """Make a listing of an offer, or tell the one that there is; its id."""
        if offer["status"] != "PUBLISHED":
            listing_id = str(next(self._listing_ids))
            offer["listing"] = {"listingId": listing_id, "listingStatus": "ACTIVE", "soldQuantity": 0}
            offer["status"] = "PUBLISHED"
        told: str = offer["listing"]["listingId"]
        return told

    def withdraw(self, offer: dict[str, Any]) -> str:
        """End an offer's listing; its id."""
        offer["status"] = "UNPUBLISHED"
        offer["listing"]["listingStatus"] = "ENDED"
        told: str = offer["listing"]["listingId"]
        return told


def _quantity(body: dict[str, Any]) -> int:
    place = (body.get("availability") or {}).get("shipToLocationAvailability") or {}
    quantity = place.get("quantity", 0)
    return quantity if isinstance(quantity, int) and quantity >= 0 else 0
