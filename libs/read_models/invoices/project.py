"""invoices: one row per fiscal invoice."""

from datetime import datetime
from decimal import Decimal

from libs.projection.model import Position, ReadModel
from libs.read_models.history import EntityRow, history, is_news
from schemas.invoices.invoice_changed import InvoiceChangedV1


class InvoiceRow(EntityRow, frozen=True, kw_only=True):
    invoice_id: str
    order_ids: list[str]
    shipment_id: str | None
    kind: str | None
    series: str | None
    number: str | None
    access_key: str | None
    amount: Decimal | None
    currency: str | None
    document_path: str | None
    issued_at: datetime | None


def evolve(row: InvoiceRow | None, fact: InvoiceChangedV1, position: Position) -> InvoiceRow | None:
    """The row after a fact: the fact's own state, if it is news."""
    if not is_news(row, fact, position):
        return row
    return InvoiceRow(
        key=fact.key(),
        marketplace=fact.marketplace,
        account=fact.account,
        status=str(fact.status),
        marketplace_status=fact.marketplace_status,
        status_history=history(row, fact, position),
        invoice_id=fact.invoice_id,
        order_ids=list(fact.order_ids),
        shipment_id=fact.shipment_id,
        kind=fact.kind,
        series=fact.series,
        number=fact.number,
        access_key=fact.access_key,
        amount=None if fact.amount is None else fact.amount.amount,
        currency=None if fact.amount is None else fact.amount.currency,
        document_path=fact.document_path,
        issued_at=fact.issued_at,
        updated_at=fact.updated_at,
        event_id=position.event_id,
        correlation_id=position.correlation_id,
        log_topic=position.topic,
        log_partition=position.partition,
        log_offset=position.offset,
    )


READ_MODEL = ReadModel("invoices", version=1, fact=InvoiceChangedV1, row=InvoiceRow, evolve=evolve)
