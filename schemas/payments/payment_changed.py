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

    def person(self) -> str:
        return next(iter(self._behind()), self._alone())

    def ties(self) -> list[tuple[str, str]]:
        """What was said when nobody knew whose payment it is belongs to whom a later state names."""
        return [(self._alone(), whose) for whose in self._behind()]

    def _alone(self) -> str:
        return f"{self.marketplace}:payment/{self.payment_id}"

    def _behind(self) -> list[str]:
        told = [self.payer_id, None if self.order_id is None else f"order/{self.order_id}"]
        return [f"{self.marketplace}:{one}" for one in told if one]


EVENT = EventFamily("payment.changed", topic="payments", versions={1: PaymentChangedV1})
