"""GET /shipments/{id}: the format with `x-format-new: true`, the older one without, and the sub-resources served."""

from datetime import timedelta
from typing import Any

from services.sandbox.mercadolibre.resources.values import major, shipping_address
from services.sandbox.mercadolibre.state import Order, Shipment
from services.sandbox.times import offset_time

_PAID = frozenset({"paid", "cancelled"})


def _address_shown(order: Order) -> bool:
    """The destination is hidden until the payment is approved."""
    return order.status in _PAID and any(payment.approved for payment in order.payments)


def shipment_body(shipment: Shipment) -> dict[str, Any]:
    """The shipment in the documented (new) format. It names no order: /shipments/{id}/items does."""
    order = shipment.order
    shown = _address_shown(order)
    due = shipment.created + timedelta(days=5)
    return {
        "id": shipment.id,
        "status": shipment.status,
        "substatus": shipment.substatus,
        "date_created": offset_time(shipment.created),
        "last_updated": offset_time(shipment.updated),
        "declared_value": major(order.total),
        "dimensions": {"height": 12, "width": 22, "length": 34, "weight": 900},
        "logistic": {"mode": "me2", "type": "drop_off", "direction": "forward"},
        "lead_time": _lead_time(order, offset_time(due), offset_time(due + timedelta(days=2))),
        "origin": {
            "node": None,
            "type": "selling_address",
            "sender_id": order.seller.id,
            "shipping_address": shipping_address(order.seller),
            "snapshot": None,
        },
        "destination": {
            "receiver_id": order.buyer.id,
            "receiver_name": f"{order.buyer.first_name} {order.buyer.last_name}" if shown else None,
            "receiver_phone": None,  # told for mode me1 only
            "comments": None,
            "type": "buying_address",
            "shipping_address": (
                {**shipping_address(order.buyer), "delivery_preference": "residential"} if shown else None
            ),
            "snapshot": None,
        },
        "source": {
            "site_id": order.seller.site.id,
            "market_place": "MELI",
            "customer_id": None,
            "application_id": None,
        },
        "tags": [],
        "tracking_number": shipment.tracking_number,
        "tracking_method": "Correios Sandbox" if shipment.tracking_number else None,
        "items_types": ["new"],
        "priority_class": {"id": None},
        "sibling": {
            "reason": None,
            "sibling_id": None,
            "description": None,
            "source": None,
            "date_created": None,
            "last_updated": None,
        },
        "quotation": None,
        "snapshot_packing": {"snapshot_id": None, "pack_hash": None},
        "external_reference": None,
    }


def _lead_time(order: Order, due: str, limit: str) -> dict[str, Any]:
    return {
        "cost": 99.9,
        "list_cost": 149.9,
        "cost_type": "charged",
        "currency_id": order.seller.site.currency,
        "option_id": order.id % 1_000_000_000,
        "service_id": 21,
        "shipping_method": {"id": 100_009, "name": "Estándar a domicilio", "type": "standard", "deliver_to": "address"},
        "delivery_type": "estimated",
        "delivery_promise": None,
        "processing_time": None,
        "estimated_delivery_time": {
            "date": due,
            "pay_before": None,
            "schedule": None,
            "unit": "hour",
            "offset": {"date": limit, "shipping": 48},
            "time_frame": {"from": None, "to": None},
            "shipping": 96,
            "handling": 24,
            "type": "known",
        },
        "estimated_delivery_limit": {"date": limit},
        "estimated_delivery_final": {"date": limit},
        "estimated_delivery_extended": {"date": limit},
        "estimated_schedule_limit": {"date": None},
        "buffering": {"date": None},
        "pickup_promise": {"from": None, "to": None},
        "priority_class": {"id": None},
    }


def old_shipment_body(shipment: Shipment) -> dict[str, Any]:
    """The format of callers without the header: flat addresses, the order's id, the seller as `sender_id`."""
    order = shipment.order
    return {
        "id": shipment.id,
        "mode": "me2",
        "created_by": "receiver",
        "order_id": order.id,
        "order_cost": major(order.total),
        "base_cost": 149.9,
        "site_id": order.seller.site.id,
        "status": shipment.status,
        "substatus": shipment.substatus,
        "date_created": offset_time(shipment.created),
        "last_updated": offset_time(shipment.updated),
        "tracking_number": shipment.tracking_number,
        "tracking_method": "Correios Sandbox" if shipment.tracking_number else None,
        "service_id": 21,
        "sender_id": order.seller.id,
        "receiver_id": order.buyer.id,
        "receiver_address": shipping_address(order.buyer) if _address_shown(order) else None,
        "shipping_items": [
            {"id": line.item.id, "description": line.title, "quantity": line.quantity} for line in order.lines
        ],
        "market_place": "MELI",
    }


def shipment_items(shipment: Shipment) -> list[dict[str, Any]]:
    """GET /shipments/{id}/items."""
    order = shipment.order
    return [
        {
            "item_id": line.item.id,
            "description": line.title,
            "quantity": line.quantity,
            "variation_id": line.item.variation_id,
            "dimensions": {"height": 12, "width": 22, "length": 34, "weight": 900},
            "order_id": order.id,
            "sender_id": order.seller.id,
        }
        for line in order.lines
    ]
