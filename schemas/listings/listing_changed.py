"""listing.changed: a listing's whole state, as its marketplace tells it now."""

from enum import StrEnum

from pydantic import Field

from schemas.event import EventFamily, Fact
from schemas.values import Json, Money, UtcTime


class ListingStatus(StrEnum):
    """Our words for a listing's life; the marketplace's own word stands beside it in `marketplace_status`."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    PAUSED = "paused"
    UNDER_REVIEW = "under_review"
    CLOSED = "closed"
    UNKNOWN = "unknown"


class ListingChangedV1(Fact):
    """A listing of ours is new or has changed; this is all of it.

    Trigger: a notification led to a fetch of the listing. Key: `{marketplace}:{listing_id}`. `updated_at` is the
    marketplace's own time of the change: an older state never replaces a newer one.
    """

    marketplace: str
    account: str
    listing_id: str
    product_id: str | None = Field(default=None, description="The marketplace's catalog product, where it has one")
    sku: str | None = None
    title: str
    status: ListingStatus
    marketplace_status: str
    condition: str | None = None
    price: Money | None = None
    quantity_available: int | None = None
    quantity_sold: int | None = None
    category_id: str | None = None
    url: str | None = None
    attributes: dict[str, str] = Field(default_factory=dict)
    created_at: UtcTime | None = None
    updated_at: UtcTime
    raw: Json = Field(default_factory=dict)

    def key(self) -> str:
        return f"{self.marketplace}:{self.listing_id}"


EVENT = EventFamily("listing.changed", topic="listings", versions={1: ListingChangedV1})
