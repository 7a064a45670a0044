"""delivery.decided: what the gateway decided about one delivery, and why. No body, no personal data."""

from enum import StrEnum

from pydantic import Field

from schemas.event import EventFamily, Fact
from schemas.values import UtcTime


class Decision(StrEnum):
    """The fate of a delivery at the edge."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    REFUSED = "refused"
    UNAVAILABLE = "unavailable"  # we could not take it in now; the marketplace was asked to come again


class DeliveryDecidedV1(Fact):
    """The gateway answered a delivery.

    Trigger: every answered webhook request. Key: marketplace and account. `reason` is a short fixed code
    (`bad_signature`, `unknown_account`, `too_large`, …), `status` the HTTP status of the answer, `webhook_id` the id of
    the `webhook.received` event that an accepted or duplicate delivery belongs to.
    """

    delivery_ref: str = Field(
        description="Identity of this request, as in the gateway's log and the X-Request-Id answer"
    )
    marketplace: str
    account: str | None
    notification_topic: str | None
    decision: Decision
    reason: str | None
    status: int
    body_bytes: int
    duration_us: int
    webhook_id: str | None
    decided_at: UtcTime

    def key(self) -> str:
        return f"{self.marketplace}:{self.account or '-'}"


EVENT = EventFamily("delivery.decided", topic="deliveries", versions={1: DeliveryDecidedV1})
