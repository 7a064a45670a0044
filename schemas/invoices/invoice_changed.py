"""invoice.changed: a fiscal invoice that a marketplace issued for a seller, as it tells it now."""

from enum import StrEnum

from pydantic import Field

from schemas.event import EventFamily, Fact
from schemas.values import Json, Money, UtcTime


class InvoiceStatus(StrEnum):
    """Our words for an invoice's life; the marketplace's own word stands beside it in `marketplace_status`."""

    PROCESSING = "processing"
    AUTHORIZED = "authorized"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


class InvoiceChangedV1(Fact):
    """An invoice was issued, authorized, rejected or cancelled; this is all of it.

    Trigger: a notification led to a fetch of the invoice. Key: `{marketplace}:{invoice_id}`. `access_key` is the tax
    office's own number of it; `document_path` is where the marketplace's API gives the document. `updated_at` is the
    latest time that the invoice tells: an older state never replaces a newer one.
    """

    marketplace: str
    account: str
    invoice_id: str
    order_ids: list[str] = Field(default_factory=list)
    shipment_id: str | None = None
    kind: str | None = None
    status: InvoiceStatus
    marketplace_status: str
    series: str | None = None
    number: str | None = None
    access_key: str | None = None
    amount: Money | None = None
    document_path: str | None = None
    issued_at: UtcTime | None = None
    updated_at: UtcTime
    raw: Json = Field(default_factory=dict, json_schema_extra={"x-personal-data": True})

    def key(self) -> str:
        return f"{self.marketplace}:{self.invoice_id}"

    def person(self) -> str:
        return f"{self.marketplace}:invoice/{self.invoice_id}"

    def ties(self) -> list[tuple[str, str]]:
        deals = [f"order/{order_id}" for order_id in self.order_ids]
        if self.shipment_id is not None:
            deals.append(f"shipment/{self.shipment_id}")
        return [(self.person(), f"{self.marketplace}:{deal}") for deal in deals]


EVENT = EventFamily("invoice.changed", topic="invoices", versions={1: InvoiceChangedV1})
