"""invoices: one row per fiscal invoice."""

from datetime import datetime
from decimal import Decimal

from libs.projection.model import ReadModel
from libs.read_models.history import EntityColumns, EntityRow, OfLatest
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


def invoice_row(fact: InvoiceChangedV1, columns: EntityColumns) -> InvoiceRow:
    """The fact's own state."""
    return InvoiceRow(
        *columns,
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
    )


READ_MODEL = ReadModel("invoices", version=1, fact=InvoiceChangedV1, row=InvoiceRow, evolve=OfLatest(invoice_row))
