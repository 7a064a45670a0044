"""offer.changed: an offer's whole state, as its marketplace tells it now."""

from pydantic import Field

from schemas.event import EventFamily, Fact
from schemas.values import Json, Money, UtcTime


class OfferChangedV1(Fact):
    """An offer of a SKU of ours is new, has changed, or has disappeared; this is all of it.

    Trigger: a synchronisation found the offer in another state than before. Key: `{marketplace}:{account}:{offer_id}`.
    `updated_at` is when the marketplace was asked: it tells no time of the change. `disappeared_at` is set when the
    marketplace no longer has the offer; the rest is then its last known state.
    """

    marketplace: str
    account: str
    user_id: str = Field(description="Our user, whose account it is")
    offer_id: str
    sku: str
    site: str | None = Field(default=None, description="Where it is offered, for example EBAY_US")
    format: str | None = Field(default=None, description="How it is sold, for example FIXED_PRICE")
    marketplace_status: str
    listing_id: str | None = None
    listing_status: str | None = None
    price: Money | None = None
    quantity_available: int | None = None
    quantity_sold: int | None = None
    category: str | None = None
    created_at: UtcTime | None = None
    expires_at: UtcTime | None = None
    disappeared_at: UtcTime | None = None
    updated_at: UtcTime
    raw: Json = Field(default_factory=dict, description="The offer as the marketplace told it, whole")

    def key(self) -> str:
        return f"{self.marketplace}:{self.account}:{self.offer_id}"


EVENT = EventFamily("offer.changed", topic="offers", versions={1: OfferChangedV1})
