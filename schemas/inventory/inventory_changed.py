"""inventory.changed: the whole state of one SKU of an account, as its marketplace tells it now."""

from enum import StrEnum

from pydantic import Field

from schemas.event import EventFamily, Fact
from schemas.values import Json, Money, UtcTime, Value


class Condition(StrEnum):
    """The condition of the goods; the marketplace's own word stands beside it in `marketplace_condition`."""

    NEW = "NEW"
    LIKE_NEW = "LIKE_NEW"
    NEW_OTHER = "NEW_OTHER"
    NEW_WITH_DEFECTS = "NEW_WITH_DEFECTS"
    MANUFACTURER_REFURBISHED = "MANUFACTURER_REFURBISHED"
    CERTIFIED_REFURBISHED = "CERTIFIED_REFURBISHED"
    EXCELLENT_REFURBISHED = "EXCELLENT_REFURBISHED"
    VERY_GOOD_REFURBISHED = "VERY_GOOD_REFURBISHED"
    GOOD_REFURBISHED = "GOOD_REFURBISHED"
    SELLER_REFURBISHED = "SELLER_REFURBISHED"
    USED_EXCELLENT = "USED_EXCELLENT"
    USED_VERY_GOOD = "USED_VERY_GOOD"
    USED_GOOD = "USED_GOOD"
    USED_ACCEPTABLE = "USED_ACCEPTABLE"
    FOR_PARTS_OR_NOT_WORKING = "FOR_PARTS_OR_NOT_WORKING"


class InventoryStatus(StrEnum):
    """Whether a SKU is on sale: ACTIVE if any offer is published, UNKNOWN without offers, ENDED otherwise."""

    ACTIVE = "ACTIVE"
    ENDED = "ENDED"
    UNKNOWN = "UNKNOWN"


class OfferSummary(Value):
    """What a SKU's state depends on of one of its offers; the offer itself is a fact of the topic `offers`."""

    offer_id: str
    marketplace_status: str
    price: Money | None = None
    category: str | None = None


class InventoryChangedV1(Fact):
    """A SKU of ours is new, has changed, or has disappeared; this is all of it, with what is known of its offers.

    Trigger: a synchronisation found the SKU, or one of its offers, in another state than before. Key:
    `{marketplace}:{account}:{sku}`. `updated_at` is when the marketplace was asked: it tells no time of the change.
    `disappeared_at` is set when the marketplace no longer has the SKU; the rest is then its last known state.
    """

    marketplace: str
    account: str
    user_id: str = Field(description="Our user, whose account it is")
    sku: str
    title: str | None = None
    condition: Condition | None = None
    marketplace_condition: str | None = None
    part_number: str | None = None
    model: str | None = None
    category: str | None = None
    price: Money | None = None
    quantity: int | None = None
    photo_count: int = 0
    status: InventoryStatus
    offers: list[OfferSummary] = Field(default_factory=list, description="In the marketplace's order")
    disappeared_at: UtcTime | None = None
    updated_at: UtcTime
    raw: Json = Field(default_factory=dict, description="The item as the marketplace told it, whole")

    def key(self) -> str:
        return f"{self.marketplace}:{self.account}:{self.sku}"


EVENT = EventFamily("inventory.changed", topic="inventory", versions={1: InventoryChangedV1})
