"""Selling on Amazon: a listings item under our SKU, live when it has an ASIN and can be bought.

To put an item twice is to have it once. `channelItemId` is the ASIN; changes go by the SKU. Taking off sets the
quantity to none: the item stays, and can be published again.
"""

from typing import Any

from libs.http.errors import Garbage, NotFound, Refused
from libs.marketplaces.amazon.caller import told_by
from libs.marketplaces.amazon.client import MARKETPLACES, Amazon
from libs.marketplaces.amazon.listings import Issue, ListingsItem, Submission, Summary
from libs.selling.channel import Listed, NotPublishable, NotYet, SkuNeeded, Wanted, required, text_of, texts_of
from schemas.channels import Channel
from schemas.values import Json, Money

BUYABLE = "BUYABLE"
_MERCHANT = "DEFAULT"  # the fulfilment channel code of goods that the seller ships
_ANY_PRODUCT = "PRODUCT"
_BULLETS = ("bullet_point1", "bullet_point2", "bullet_point3", "bullet_point4", "bullet_point5")
_MOST_IMAGES = 9

CONDITIONS = {
    "new": "new_new",
    "used": "used_good",
    "like_new": "used_like_new",
    "refurbished": "refurbished_refurbished",
}
"""Our drafts' words; Amazon's own are taken as they are."""


class AmazonChannel:
    """One seller on one marketplace. `settle`: seconds until an accepted item is looked at again."""

    def __init__(self, amazon: Amazon, market: str, defaults: Json | None = None, *, settle: float = 15.0) -> None:
        if market not in MARKETPLACES:
            raise ValueError(f"Amazon has no marketplace for {market!r}; known: {', '.join(sorted(MARKETPLACES))}")
        self._amazon = amazon
        self._marketplace = MARKETPLACES[market]
        self._defaults = defaults or {}
        self._settle = settle
        self.channel = Channel.AMAZON
        self.market = market
        self.currency = self._marketplace.currency

    async def find(self, sku: str) -> Listed | None:
        item = await self._item(sku)
        summary = self._summary(item) if item is not None else None
        if item is None or summary is None or summary.asin is None or BUYABLE not in summary.status:
            return None
        return self._listed(item, summary.asin)

    async def publish(self, wanted: Wanted) -> Listed:
        payload = {**self._defaults, **wanted.payload}
        product_type = text_of(payload, "productType") or _ANY_PRODUCT
        requirements = "LISTING_OFFER_ONLY" if text_of(payload, "asin") else "LISTING"
        attributes = self._attributes(wanted, payload)
        try:
            submission = await self._amazon.listings.put(
                wanted.sku, self._marketplace.id, product_type, requirements, attributes
            )
        except Refused as error:
            raise NotPublishable(f"Amazon refuses it: {told_by(error)}") from error
        _require_accepted(submission)
        listed = await self.find(wanted.sku)
        if listed is None:
            item = await self._item(wanted.sku)
            _require_no_errors(item.issues if item is not None else [])
            raise NotYet(f"Amazon has accepted {wanted.sku} and works on it", self._settle)
        return Listed(listed.item_id, wanted.sku, wanted.price, wanted.quantity)

    async def reprice(self, item_id: str, wanted: Wanted) -> bool:
        item = await self._item(wanted.sku)
        summary = self._summary(item) if item is not None else None
        if summary is None or summary.asin != item_id or BUYABLE not in summary.status:
            return False
        patch = {"op": "replace", "path": "/attributes/purchasable_offer", "value": [self._offer(wanted)]}
        product_type = summary.product_type or _ANY_PRODUCT
        try:
            told = await self._amazon.listings.patch(wanted.sku, self._marketplace.id, product_type, [patch])
        except NotFound:
            return False
        except Refused as error:
            raise NotPublishable(f"Amazon refuses the price: {told_by(error)}") from error
        _require_accepted(told)
        return True

    async def withdraw(self, sku: str) -> None:
        """Without stock an item cannot be bought, also one that Amazon still works on."""
        await self.take_off("", sku)

    async def take_off(self, item_id: str, sku: str | None = None) -> None:
        if sku is None:
            raise SkuNeeded(f"Amazon changes listings by SKU: that of {item_id} is needed")
        item = await self._item(sku)
        if item is None or not any(each.quantity for each in item.fulfillment_availability):
            return
        summary = self._summary(item)
        none = {"fulfillment_channel_code": _MERCHANT, "quantity": 0}
        patch = {"op": "replace", "path": "/attributes/fulfillment_availability", "value": [none]}
        product_type = (summary.product_type if summary else None) or _ANY_PRODUCT
        try:
            _require_accepted(await self._amazon.listings.patch(sku, self._marketplace.id, product_type, [patch]))
        except NotFound:
            return

    async def _item(self, sku: str) -> ListingsItem | None:
        try:
            return await self._amazon.listings.item(sku, self._marketplace.id)
        except NotFound:
            return None

    def _summary(self, item: ListingsItem) -> Summary | None:
        return next((each for each in item.summaries if each.marketplace_id == self._marketplace.id), None)

    def _listed(self, item: ListingsItem, asin: str) -> Listed:
        offer = next((each for each in item.offers if each.marketplace_id == self._marketplace.id), None)
        if offer is None:
            raise Garbage("GET /listings/2021-08-01/items/{sellerId}/{sku}", f"the item {item.sku} tells no price")
        quantity = sum(each.quantity or 0 for each in item.fulfillment_availability)
        price = Money(amount=offer.price.amount, currency=offer.price.currency_code)
        return Listed(asin, item.sku, price, quantity)

    def _offer(self, wanted: Wanted) -> dict[str, Any]:
        price = {"schedule": [{"value_with_tax": format(wanted.price.amount, "f")}]}
        return {"currency": self.currency, "our_price": [price], "marketplace_id": self._marketplace.id}

    def _attributes(self, wanted: Wanted, payload: Json) -> dict[str, Any]:
        """The draft's fields as the attributes of a product type, and beside them the payload's own `attributes`."""
        place = {"marketplace_id": self._marketplace.id}

        def text(value: str) -> list[dict[str, Any]]:
            return [{"value": value, "language_tag": self._marketplace.language, **place}]

        made: dict[str, Any] = {
            "condition_type": [{"value": _condition(payload), **place}],
            "fulfillment_availability": [{"fulfillment_channel_code": _MERCHANT, "quantity": wanted.quantity}],
            "purchasable_offer": [self._offer(wanted)],
        }
        if asin := text_of(payload, "asin"):
            return made | {"merchant_suggested_asin": [{"value": asin, **place}]}
        made |= {"item_name": text(wanted.title), "brand": text(required(payload, "brand", self.channel))}
        for name, attribute in (("model", "model_number"), ("description", "product_description")):
            if value := text_of(payload, name):
                made[attribute] = text(value)
        if bullets := [value for name in _BULLETS if (value := text_of(payload, name))]:
            made["bullet_point"] = [one for value in bullets for one in text(value)]
        if keywords := texts_of(payload, "keywords"):
            made["generic_keyword"] = text(" ".join(keywords))
        for number, url in enumerate(texts_of(payload, "images")[:_MOST_IMAGES]):
            name = "main_product_image_locator" if number == 0 else f"other_product_image_locator_{number}"
            made[name] = [{"media_location": url, **place}]
        own = payload.get("attributes")
        return {**(own if isinstance(own, dict) else {}), **made}


def _condition(payload: Json) -> str:
    told = (text_of(payload, "condition") or "new").lower()
    return CONDITIONS.get(told, told)


def _require_accepted(submission: Submission) -> None:
    if submission.status == "INVALID":
        _require_no_errors(submission.issues)
        raise NotPublishable("Amazon calls the submission INVALID, and does not say why")


def _require_no_errors(issues: list[Issue]) -> None:
    errors = [each for each in issues if each.severity == "ERROR"]
    if errors:
        raise NotPublishable(f"Amazon refuses it: {', '.join(f'{each.code} {each.message[:120]}' for each in errors)}")
