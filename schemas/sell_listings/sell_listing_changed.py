"""sell_listing.changed: a product as it is listed at a marketplace."""

from datetime import date
from enum import StrEnum

from pydantic import Field

from schemas.channels import Channel
from schemas.entity import NOT_NEGATIVE, POSITIVE, Entity, EntityFact, Reference
from schemas.values import DecimalString, UtcTime


class FulfillmentType(StrEnum):
    """Who ships: the merchant (FBM) or the marketplace (FBA)."""

    FBM = "FBM"
    FBA = "FBA"


class SellListingChangedV1(EntityFact):
    """A listing was created, changed or deleted; this is all of it.

    Trigger: POST /sellListings. Key: `{sell_listing_id}`.
    """

    sell_listing_id: int
    channel: Channel = Field(description="Marketplace")
    market: str = Field(description='Country code: "US", "MX", etc.')
    channel_item_id: str = Field(description="Original marketplace item ID")
    title: str = Field(description="Listing title")
    sell_price_original: DecimalString = Field(description="Price in local currency")
    currency_original: str = Field(description="Currency code")
    sell_price_usd: DecimalString = Field(description="Price converted to USD")
    fx_rate_to_usd: DecimalString = Field(description="Exchange rate to USD")
    fx_as_of_date: date = Field(description="Exchange rate date")
    fulfillment_type: FulfillmentType | None = Field(default=None, description='"FBM" or "FBA"')
    shipping_time_days: int | None = Field(default=None, description="Estimated shipping days")
    rating: DecimalString | None = Field(default=None, description="Seller/product rating")
    reviews_count: int | None = Field(default=None, description="Number of reviews")
    listing_timestamp: UtcTime = Field(description="When listing was created")
    unified_product_id: int = Field(description="Linked unified product")

    def key(self) -> str:
        return str(self.sell_listing_id)


ENTITY = Entity(
    "sellListings",
    noun="sell_listing",
    topic="sell_listings",
    fact=SellListingChangedV1,
    producers=("catalog", "matcher", "publisher"),
    consumers=("projector", "order_desk", "interlock", "pricing", "matcher"),
    summary="Listings at the marketplaces",
    unique=(("channel", "market", "channel_item_id"),),
    references=(Reference("unified_product_id", "unifiedProducts"),),
    bounds={
        "sell_price_original": NOT_NEGATIVE,
        "sell_price_usd": NOT_NEGATIVE,
        "fx_rate_to_usd": POSITIVE,
        "shipping_time_days": NOT_NEGATIVE,
        "rating": NOT_NEGATIVE,
        "reviews_count": NOT_NEGATIVE,
    },
    example={
        "sellListingId": 1,
        "channel": "amazon",
        "market": "US",
        "channelItemId": "B0XXXXXXX",
        "title": "Product X",
        "sellPriceOriginal": 150.00,
        "currencyOriginal": "USD",
        "sellPriceUsd": 150.00,
        "fxRateToUsd": 1.0,
        "fxAsOfDate": "2026-01-15",
        "fulfillmentType": "FBM",
        "shippingTimeDays": 3,
        "rating": 4.6,
        "reviewsCount": 120,
        "listingTimestamp": "2026-01-15T18:10:00",
        "unifiedProductId": 1,
        "action": "1",
    },
)
EVENT = ENTITY.event
