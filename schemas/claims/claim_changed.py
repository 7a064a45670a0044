"""claim.changed: a buyer's claim about a purchase, as its marketplace tells it now."""

from enum import StrEnum

from pydantic import Field

from schemas.event import EventFamily, Fact
from schemas.values import Json, UtcTime, Value


class ClaimStatus(StrEnum):
    """Our words for a claim's life; the marketplace's own word stands beside it in `marketplace_status`."""

    OPEN = "open"
    CLOSED = "closed"
    UNKNOWN = "unknown"


class Resolution(Value):
    """How a claim ended, in the marketplace's words."""

    reason: str | None = None
    benefited: list[str] = Field(default_factory=list)
    closed_by: str | None = None
    decided_at: UtcTime | None = None


class ClaimChangedV1(Fact):
    """A claim was opened, went on, or was closed; this is all of it.

    Trigger: a notification led to a fetch of the claim. Key: `{marketplace}:{claim_id}`. `about` and `about_id` say
    what it is about (order, shipment, payment, purchase); `order_id` is set where that is an order. `due_at` is the
    earliest time until which the seller must act. `updated_at` is the marketplace's own time of the change: an older
    state never replaces a newer one.
    """

    marketplace: str
    account: str
    claim_id: str
    about: str | None = None
    about_id: str | None = None
    order_id: str | None = None
    buyer_id: str | None = None
    kind: str | None = None
    stage: str | None = None
    reason_id: str | None = None
    status: ClaimStatus
    marketplace_status: str
    seller_actions: list[str] = Field(default_factory=list)
    due_at: UtcTime | None = None
    resolution: Resolution | None = None
    opened_at: UtcTime
    updated_at: UtcTime
    raw: Json = Field(default_factory=dict, json_schema_extra={"x-personal-data": True})

    def key(self) -> str:
        return f"{self.marketplace}:{self.claim_id}"

    def person(self) -> str:
        if self.buyer_id is not None:
            return f"{self.marketplace}:{self.buyer_id}"
        deal = f"claim/{self.claim_id}" if self.order_id is None else f"order/{self.order_id}"
        return f"{self.marketplace}:{deal}"


EVENT = EventFamily("claim.changed", topic="claims", versions={1: ClaimChangedV1})
