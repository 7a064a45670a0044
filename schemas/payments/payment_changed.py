"""payment.changed: a payment's whole state, as its marketplace tells it now."""

from enum import StrEnum

from pydantic import Field

from schemas.event import EventFamily, Fact
from schemas.values import Json, Money, UtcTime


class PaymentStatus(StrEnum):
    """Our words for a payment's life; the marketplace's own word stands beside it in `marketplace_status`."""

    PENDING = "pending"
    AUTHORIZED = "authorized"
    APPROVED = "approved"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    REFUNDED = "refunded"
    CHARGED_BACK = "charged_back"
    IN_MEDIATION = "in_mediation"
    UNKNOWN = "unknown"


class PaymentChangedV1(Fact):
    """A payment is new or has changed; this is all of it.

    Trigger: a notification led to a fetch of the payment. Key: `{marketplace}:{payment_id}`. `updated_at` is the
    marketplace's own time of the change: an older state never replaces a newer one.
    """

    marketplace: str
    account: str
    payment_id: str
    order_id: str | None = None
    payer_id: str | None = None
    status: PaymentStatus
    marketplace_status: str
    status_detail: str | None = None
    method: str | None = None
    kind: str | None = Field(default=None, description="credit_card, account_money, ticket, …")
    installments: int | None = None
    amount: Money
    refunded: Money | None = None
    fee: Money | None = None
    created_at: UtcTime
    approved_at: UtcTime | None = None
    updated_at: UtcTime
    raw: Json = Field(default_factory=dict, json_schema_extra={"x-personal-data": True})

    def key(self) -> str:
        return f"{self.marketplace}:{self.payment_id}"

    def person(self) -> str | None:
        if self.payer_id is not None:
            return f"{self.marketplace}:{self.payer_id}"
        return None if self.order_id is None else f"{self.marketplace}:order/{self.order_id}"


EVENT = EventFamily("payment.changed", topic="payments", versions={1: PaymentChangedV1})
