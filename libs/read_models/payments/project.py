"""payments: one row per payment."""

from datetime import datetime
from decimal import Decimal

from libs.projection.model import ReadModel
from libs.read_models.history import EntityColumns, EntityRow, OfLatest
from schemas.payments.payment_changed import PaymentChangedV1


class PaymentRow(EntityRow, frozen=True, kw_only=True):
    payment_id: str
    status_detail: str | None
    order_id: str | None
    payer_id: str | None
    method: str | None
    kind: str | None
    installments: int | None
    amount: Decimal
    currency: str
    refunded_amount: Decimal | None
    refunded_currency: str | None
    fee_amount: Decimal | None
    fee_currency: str | None
    created_at: datetime
    approved_at: datetime | None


def payment_row(fact: PaymentChangedV1, columns: EntityColumns) -> PaymentRow:
    """The fact's own state."""
    return PaymentRow(
        *columns,
        payment_id=fact.payment_id,
        status_detail=fact.status_detail,
        order_id=fact.order_id,
        payer_id=fact.payer_id,
        method=fact.method,
        kind=fact.kind,
        installments=fact.installments,
        amount=fact.amount.amount,
        currency=fact.amount.currency,
        refunded_amount=None if fact.refunded is None else fact.refunded.amount,
        refunded_currency=None if fact.refunded is None else fact.refunded.currency,
        fee_amount=None if fact.fee is None else fact.fee.amount,
        fee_currency=None if fact.fee is None else fact.fee.currency,
        created_at=fact.created_at,
        approved_at=fact.approved_at,
    )


READ_MODEL = ReadModel(
    "payments",
    version=1,
    fact=PaymentChangedV1,
    row=PaymentRow,
    evolve=OfLatest(payment_row, bigints=("installments",)),
)
