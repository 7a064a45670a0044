"""eBay's inventory items and offers as facts of ours, in the official shape and in the documented one.

| column      | from                                                                                            |
|-------------|-------------------------------------------------------------------------------------------------|
| part_number | the aspects Part Number, MPN, Brand Part Number; then `product.mpn`                             |
| model       | the aspects Model, Model Number                                                                 |
| price, category | the item's own (documented shape), else those of its first offer that tells them            |
| status      | ACTIVE if any offer is PUBLISHED or PUBLISHED_IN_PROGRESS, UNKNOWN without offers, else ENDED   |

Source: the inventory and offers sync document, section 5; Inventory API 1.18.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from libs.marketplaces.ebay.item import InventoryItem
from libs.marketplaces.ebay.offer import Offer
from libs.marketplaces.ebay.values import EbayAmount, whole
from libs.marketplaces.payload import Moment
from schemas.inventory.inventory_changed import Condition, InventoryChangedV1, InventoryStatus, OfferSummary
from schemas.offers.offer_changed import OfferChangedV1
from schemas.values import Money

MARKETPLACE = "ebay"

_ON_SALE = frozenset({"PUBLISHED", "PUBLISHED_IN_PROGRESS"})
_MOMENT: TypeAdapter[datetime] = TypeAdapter(Moment)

F = TypeVar("F", InventoryChangedV1, OfferChangedV1)


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose goods they are: our name of the eBay account, and our user."""

    account: str
    user_id: str


def inventory_changed(
    owner: Owner, item: InventoryItem, offers: Sequence[OfferSummary], asked_at: datetime
) -> InventoryChangedV1:
    """A SKU's state, of what eBay tells of the item now and of what is known of its offers."""
    product = item.product
    price = _money(item.price) or next((one.price for one in offers if one.price is not None), None)
    category = (product.category_id if product else None) or next(
        (one.category for one in offers if one.category), None
    )
    return InventoryChangedV1(
        marketplace=MARKETPLACE,
        account=owner.account,
        user_id=owner.user_id,
        sku=item.sku,
        title=product.title if product else None,
        condition=_condition(item.condition),
        marketplace_condition=item.condition,
        part_number=(product.aspect("Part Number", "MPN", "Brand Part Number") or product.mpn) if product else None,
        model=product.aspect("Model", "Model Number") if product else None,
        category=category,
        price=price,
        quantity=item.quantity,
        photo_count=len(product.image_urls) if product else 0,
        status=status_of(offers),
        offers=list(offers),
        updated_at=asked_at,
        raw=whole(item),
    )


def offer_changed(owner: Owner, offer: Offer, asked_at: datetime) -> OfferChangedV1:
    """An offer's state as eBay tells it now."""
    return OfferChangedV1(
        marketplace=MARKETPLACE,
        account=owner.account,
        user_id=owner.user_id,
        offer_id=offer.offer_id,
        sku=offer.sku,
        site=offer.marketplace_id,
        format=offer.format,
        marketplace_status=offer.status,
        listing_id=offer.listing_id,
        listing_status=offer.listing.listing_status if offer.listing else None,
        price=_money(offer.price),
        quantity_available=offer.available_quantity,
        quantity_sold=offer.listing.sold_quantity if offer.listing else None,
        category=offer.category_id,
        created_at=_time(offer.creation_date),
        expires_at=_time(offer.expiration_date),
        updated_at=asked_at,
        raw=whole(offer),
    )


def summaries(offers: Iterable[Offer]) -> list[OfferSummary]:
    """What a SKU's state takes from its offers."""
    return [
        OfferSummary(
            offer_id=offer.offer_id,
            marketplace_status=offer.status,
            price=_money(offer.price),
            category=offer.category_id,
        )
        for offer in offers
    ]


def with_embedded(item: InventoryItem, known: Sequence[OfferSummary]) -> list[OfferSummary]:
    """The offers that an item of the documented shape carries, or those that are known: officially it carries none.

    An empty list tells that there is no offer; offers without an id tell nothing.
    """
    told = [one for one in item.offers or [] if one.offer_id]
    if item.offers is None or (item.offers and not told):
        return list(known)
    before = {one.offer_id: one for one in known}
    return [
        OfferSummary(
            offer_id=one.offer_id or "",
            marketplace_status=one.status or InventoryStatus.UNKNOWN,
            price=before[one.offer_id].price if one.offer_id in before else None,
            category=before[one.offer_id].category if one.offer_id in before else None,
        )
        for one in told
    ]


def status_of(offers: Iterable[OfferSummary]) -> InventoryStatus:
    """Whether a SKU is on sale by any of its offers."""
    words = {one.marketplace_status for one in offers}
    if words & _ON_SALE:
        return InventoryStatus.ACTIVE
    return InventoryStatus.ENDED if words else InventoryStatus.UNKNOWN


def disappeared(fact: F, noticed_at: datetime) -> F:
    """The last known state of what eBay no longer has. A SKU is then not on sale, whatever its offers said last."""
    changes: dict[str, object] = {"disappeared_at": noticed_at, "updated_at": max(noticed_at, fact.updated_at)}
    if isinstance(fact, InventoryChangedV1):
        changes["status"] = InventoryStatus.ENDED
    return fact.model_copy(update=changes)


def _condition(word: str | None) -> Condition | None:
    return Condition(word) if word is not None and word in Condition.__members__ else None


def _money(amount: EbayAmount | None) -> Money | None:
    return None if amount is None else Money(amount=amount.value, currency=amount.currency)


def _time(text: str | None) -> datetime | None:
    try:
        return None if text is None else _MOMENT.validate_python(text)
    except ValidationError:
        return None  # it stays readable in `raw`
