"""GET /users/{user}/invoices/{id}: Brazil's fiscal invoices. Only a part of the keys is documented: those are here."""

from typing import Any

from services.sandbox.mercadolibre.resources.values import major
from services.sandbox.mercadolibre.state import Invoice
from services.sandbox.times import offset_time


def invoice_body(invoice: Invoice) -> dict[str, Any]:
    """The invoice as its issuer sees it; the XML can be had when it is authorized."""
    order = invoice.order
    authorized = invoice.status == "authorized"
    xml = f"/users/{order.seller.id}/invoices/documents/xml/{invoice.id}/authorized"
    return {
        "id": invoice.id,
        "status": invoice.status,
        "transaction_status": invoice.status,
        "invoice_series": 2,
        "invoice_number": invoice.id % 1_000_000,
        "invoice_key": f"{invoice.id:044d}" if authorized else None,
        "issuer": {"id": order.seller.id},
        "issued_date": offset_time(invoice.created),
        "last_updated": offset_time(invoice.updated),
        "amount": major(order.total),
        "currency_id": order.seller.site.currency,
        "fiscal_data": {"transaction_type": "sale"},
        "items": [{"order_id": order.id, "item_id": line.item.id, "quantity": line.quantity} for line in order.lines],
        "attributes": {
            "authorization_date": offset_time(invoice.updated) if authorized else None,
            "xml_location": xml if authorized else None,
        },
    }
