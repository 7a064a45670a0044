"""Selling on eBay: an inventory item, its fixed-price offer, the published listing.

A SKU has one offer per marketplace and format, and an offer one listing: whatever stopped in the middle is gone on
with, and a second listing cannot come of it. `channelItemId` is the listing's id; changes go by the SKU.
"""

from typing import Any

from libs.http.errors import Garbage, NotFound
from libs.marketplaces.ebay.client import Ebay
from libs.marketplaces.ebay.offer import Offer
from libs.selling.channel import Listed, NotPublishable, SkuNeeded, Wanted, required, text_of, texts_of
from schemas.channels import Channel
from schemas.values import Json, Money

FIXED_PRICE = "FIXED_PRICE"
LIVE = frozenset({"ACTIVE", "OUT_OF_STOCK"})
LONGEST_TITLE = 80

CONDITIONS = {
    "new": "NEW",
    "used": "USED_EXCELLENT",
    "like_new": "LIKE_NEW",
    "refurbished": "SELLER_REFURBISHED",
    "for_parts": "FOR_PARTS_OR_NOT_WORKING",
}
"""Our drafts' words; eBay's own are taken as they are."""

MARKETPLACES = {
    "US": ("EBAY_US", "USD"),
    "GB": ("EBAY_GB", "GBP"),
    "DE": ("EBAY_DE", "EUR"),
    "FR": ("EBAY_FR", "EUR"),
    "IT": ("EBAY_IT", "EUR"),
    "ES": ("EBAY_ES", "EUR"),
    "CA": ("EBAY_CA", "CAD"),
    "AU": ("EBAY_AU", "AUD"),
}
"""Country: eBay's marketplace and its currency."""

_KEYS = ("sku", "marketplaceId", "format")
"""What an offer is an offer of: told when it is made, and never again."""

_POLICIES = ("fulfillmentPolicyId", "paymentPolicyId", "returnPolicyId")


class EbayChannel:
    """One account on one of eBay's marketplaces. `defaults`: what drafts need not say each time (policies, place)."""

    def __init__(self, ebay: Ebay, market: str, defaults: Json | None = None) -> None:
        if market not in MARKETPLACES:
            raise ValueError(f"eBay has no marketplace for {market!r}; known: {', '.join(sorted(MARKETPLACES))}")
        self._ebay = ebay
        self._marketplace_id = MARKETPLACES[market][0]
        self._defaults = defaults or {}
        self.channel = Channel.EBAY
        self.market = market
        self.currency = MARKETPLACES[market][1]

    async def find(self, sku: str) -> Listed | None:
        offer = await self._offer(sku)
        return None if offer is None or not _is_live(offer) else _listed(offer)

    async def publish(self, wanted: Wanted) -> Listed:
        payload = {**self._defaults, **wanted.payload}
        item, offer = _item(wanted, payload), self._body(wanted, payload)
        await self._ebay.publishing.put_item(wanted.sku, item)
        existing = await self._offer(wanted.sku)
        if existing is None:
            offer_id = await self._ebay.publishing.create_offer(offer)
        else:
            offer_id = existing.offer_id
            changed = {name: value for name, value in offer.items() if name not in _KEYS}
            await self._ebay.publishing.update_offer(offer_id, changed)
        listing_id = await self._ebay.publishing.publish(offer_id)
        return Listed(listing_id, wanted.sku, wanted.price, wanted.quantity)

    async def reprice(self, item_id: str, wanted: Wanted) -> bool:
        """An update replaces an offer whole, and is live at once: all but the price is put as it is there."""
        offer = await self._offer(wanted.sku)
        if offer is None or offer.listing_id != item_id or not _is_live(offer):
            return False
        body = self._body(wanted, {**self._defaults, **wanted.payload})
        changed = {name: value for name, value in body.items() if name not in _KEYS}
        if offer.available_quantity is not None:
            changed["availableQuantity"] = offer.available_quantity
        await self._ebay.publishing.update_offer(offer.offer_id, changed)
        return True

    async def withdraw(self, sku: str) -> None:
        listed = await self.find(sku)  # nothing of an offer that is not live comes later: eBay publishes at once
        if listed is not None:
            await self.take_off(listed.item_id, sku)

    async def take_off(self, item_id: str, sku: str | None = None) -> None:
        if sku is None:
            raise SkuNeeded(f"eBay withdraws by SKU: that of listing {item_id} is needed")
        for offer in (await self._ebay.offers.of_sku(sku)).offers:
            if offer.listing_id == item_id and offer.status == "PUBLISHED":
                try:
                    await self._ebay.publishing.withdraw(offer.offer_id)
                except NotFound:
                    return

    async def _offer(self, sku: str) -> Offer | None:
        found = await self._ebay.offers.of_sku(sku, format=FIXED_PRICE, marketplace_id=self._marketplace_id)
        if found.unreadable:
            raise Garbage("GET /sell/inventory/v1/offer", f"an offer of SKU {sku} cannot be read")
        return next(iter(found.offers), None)

    def _body(self, wanted: Wanted, payload: Json) -> dict[str, Any]:
        policies = {name: required(payload, name, self.channel) for name in _POLICIES}
        return {
            "sku": wanted.sku,
            "marketplaceId": self._marketplace_id,
            "format": FIXED_PRICE,
            "availableQuantity": wanted.quantity,
            "categoryId": required(payload, "categoryId", self.channel),
            "listingDescription": text_of(payload, "description") or wanted.title,
            "listingDuration": "GTC",
            "listingPolicies": policies,
            "merchantLocationKey": required(payload, "merchantLocationKey", self.channel),
            "pricingSummary": {"price": {"value": format(wanted.price.amount, "f"), "currency": wanted.price.currency}},
        }


def _item(wanted: Wanted, payload: Json) -> dict[str, Any]:
    condition = text_of(payload, "condition") or "new"
    word = CONDITIONS.get(condition.lower(), condition)
    if not word.isupper():
        raise NotPublishable(f"payloadJson.condition {condition!r} is no condition at eBay: {', '.join(CONDITIONS)}")
    if len(wanted.title) > LONGEST_TITLE:
        raise NotPublishable(f"the title has {len(wanted.title)} characters; eBay takes {LONGEST_TITLE}")
    product: dict[str, Any] = {"title": wanted.title}
    if description := text_of(payload, "description"):
        product["description"] = description
    if images := texts_of(payload, "images"):
        product["imageUrls"] = images
    brand, model = text_of(payload, "brand"), text_of(payload, "model")
    if brand and model:
        product |= {"brand": brand, "mpn": model}
    aspects = payload.get("aspects")
    product["aspects"] = {
        **({"Brand": [brand]} if brand else {}),
        **(
            {name: [str(each) for each in values] for name, values in aspects.items() if isinstance(values, list)}
            if isinstance(aspects, dict)
            else {}
        ),
    }
    return {
        "product": product,
        "condition": word,
        "availability": {"shipToLocationAvailability": {"quantity": wanted.quantity}},
    }


def _is_live(offer: Offer) -> bool:
    status = offer.listing.listing_status if offer.listing else None
    return offer.status == "PUBLISHED" and (status is None or status in LIVE)


def _listed(offer: Offer) -> Listed:
    if offer.listing_id is None or offer.price is None:
        raise Garbage(
            "GET /sell/inventory/v1/offer", f"the published offer {offer.offer_id} has no listing or no price"
        )
    price = Money(amount=offer.price.value, currency=offer.price.currency)
    return Listed(offer.listing_id, offer.sku, price, offer.available_quantity)
