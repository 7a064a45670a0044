"""payments: one row per payment."""

from datetime import datetime
from decimal import Decimal

from libs.projection.model import Position, ReadModel
from libs.read_models.history import EntityRow, history, int8, is_news
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


def evolve(row: PaymentRow | None, fact: PaymentChangedV1, position: Position) -> PaymentRow | None:
    """The row after a fact: the fact's own state, if it is news."""
    if not is_news(row, fact, position):
        return row
    return PaymentRow(
        key=fact.key(),
        marketplace=fact.marketplace,
        account=fact.account,
        status=str(fact.status),
        marketplace_status=fact.marketplace_status,
        status_history=history(row, fact, position),
        payment_id=fact.payment_id,
        status_detail=fact.status_detail,
        order_id=fact.order_id,
        payer_id=fact.payer_id,
        method=fact.method,
        kind=fact.kind,
        installments=int8(fact.installments, "installments"),
        amount=fact.amount.amount,
        currency=fact.amount.currency,
        refunded_amount=None if fact.refunded is None else fact.refunded.amount,
        refunded_currency=None if fact.refunded is None else fact.refunded.currency,
        fee_amount=None if fact.fee is None else fact.fee.amount,
        fee_currency=None if fact.fee is None else fact.fee.currency,
        created_at=fact.created_at,
        approved_at=fact.approved_at,
        updated_at=fact.updated_at,
        event_id=position.event_id,
        correlation_id=position.correlation_id,
        log_topic=position.topic,
        log_partition=position.partition,
        log_offset=position.offset,
    )


READ_MODEL = ReadModel("payments", version=1, fact=PaymentChangedV1, row=PaymentRow, evolve=evolve)
