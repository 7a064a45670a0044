"""An offer of an item, as `getOffers` tells it.

| shape      | listing id            | price                   | status                                     |
|------------|-----------------------|-------------------------|--------------------------------------------|
| official   | `listing.listingId`   | `pricingSummary.price`  | PUBLISHED, UNPUBLISHED                     |
| documented | `listingId`           | `price`                 | PUBLISHED, PUBLISHED_IN_PROGRESS, ENDED, … |

Sources: Inventory API 1.18 (`OfferResponseWithListingId`), the sync document. Both are read.
"""

from pydantic import Field

from libs.marketplaces.ebay.item import PricingSummary
from libs.marketplaces.ebay.values import EbayAmount, EbayPayload, Sku
from libs.marketplaces.payload import Id, OptionalId, Word


class Listing(EbayPayload):
    """`listing`: absent until the offer was published for the first time."""

    listing_id: OptionalId = None
    listing_status: str | None = None
    sold_quantity: int | None = None


class Offer(EbayPayload):
    """One offer of one SKU on one marketplace. `whole(offer)` is the offer as eBay told it."""

    offer_id: Id
    sku: Sku
    status: Word
    marketplace_id: str | None = None
    format: str | None = None
    available_quantity: int | None = None
    category_id: OptionalId = None
    listing: Listing | None = None
    pricing_summary: PricingSummary | None = None
    told_listing_id: OptionalId = Field(default=None, alias="listingId")
    told_price: EbayAmount | None = Field(default=None, alias="price")
    creation_date: str | None = None
    expiration_date: str | None = None

    @property
    def listing_id(self) -> str | None:
        """The listing's id in either shape; None before the first publication."""
        return (self.listing.listing_id if self.listing else None) or self.told_listing_id

    @property
    def price(self) -> EbayAmount | None:
        """The price in either shape; an auction may have none."""
        return (self.pricing_summary.price if self.pricing_summary else None) or self.told_price
