"""GET /orders/{id}. Source: the orders page, and a live order of 2026-06."""

from typing import Any

from services.sandbox.mercadolibre.resources.feedback import feedback_id
from services.sandbox.mercadolibre.resources.values import major
from services.sandbox.mercadolibre.state import Line, Order, Payment
from services.sandbox.times import offset_time


def order_body(order: Order) -> dict[str, Any]:
    """The order as its seller sees it."""
    site = order.seller.site
    return {
        "id": order.id,
        "date_created": offset_time(order.created),
        "last_updated": offset_time(order.updated),
        "date_closed": offset_time(order.closed) if order.closed else None,
        "pack_id": order.pack_id,
        "fulfilled": None,
        "buying_mode": "buy_equals_pay",
        "shipping_cost": None,
        "mediations": [],
        "total_amount": major(order.total),
        "paid_amount": major(order.paid),
        "order_items": [_line(order, line) for line in order.lines],
        "currency_id": site.currency,
        "payments": [_payment(payment) for payment in order.payments],
        "shipping": {"id": order.shipment.id if order.shipment else None},
        "status": order.status,
        "status_detail": None,
        "tags": _tags(order),
        "static_tags": [],
        "feedback": {"seller": feedback_id(order.sellers_feedback), "buyer": feedback_id(order.buyers_feedback)},
        "context": {"channel": "marketplace", "site": site.id, "flows": []},
        "seller": {"id": order.seller.id},
        "buyer": {
            "id": order.buyer.id,
            "nickname": order.buyer.nickname,
            "first_name": order.buyer.first_name,
            "last_name": order.buyer.last_name,
            "billing_info": {"id": str(8_508_000_000 + order.buyer.id)},
        },
        "taxes": {"amount": None, "currency_id": None, "id": None},
        "cancel_detail": _cancel_detail(order),
        "manufacturing_ending_date": None,
        "order_request": {"change": None, "return": None},
        "related_orders": None,
    }


def _tags(order: Order) -> list[str]:
    delivered = order.shipment is not None and order.shipment.status == "delivered"
    return [
        *([] if order.ships else ["no_shipping"]),
        *(["paid"] if order.status == "paid" else ["not_paid"]),
        "delivered" if delivered else "not_delivered",
        *(["pack_order"] if order.pack_id else []),
    ]


def _cancel_detail(order: Order) -> dict[str, Any] | None:
    if order.status != "cancelled":
        return None
    return {
        "group": "buyer" if order.cancel_reason == "buyer_cancel_express" else "seller",
        "code": order.cancel_reason,
        "description": None,
        "requested_by": "buyer" if order.cancel_reason != "out_of_stock" else "seller",
        "date": offset_time(order.closed or order.updated),
        "application_id": None,
    }


def _line(order: Order, line: Line) -> dict[str, Any]:
    item = line.item
    colour = [{"name": "Cor", "id": "COLOR", "value_id": "52051", "value_name": "Preto"}] if item.variation_id else []
    return {
        "item": {
            "id": item.id,
            "title": line.title,
            "category_id": item.category_id,
            "variation_id": item.variation_id,
            "seller_custom_field": None,
            "variation_attributes": colour,
            "warranty": "Garantía del vendedor: 30 días",
            "condition": item.condition,
            "seller_sku": item.sku,
            "global_price": None,
            "net_weight": None,
            "user_product_id": f"{item.id[:3]}U{item.id[3:]}",
            "release_date": None,
            "attributes": [{"id": "ITEM_CONDITION", "values": [{"id": "2230284"}]}],
        },
        "quantity": line.quantity,
        "requested_quantity": {"measure": "unit", "value": line.quantity},
        "picked_quantity": None,
        "unit_price": major(line.unit_price),
        "currency_id": order.seller.site.currency,
        "manufacturing_days": None,
        "sale_fee": major(line.unit_price * 11 // 100),
        "listing_type_id": "gold_special",
        "base_exchange_rate": None,
        "base_currency_id": None,
        "element_id": None,
        "discounts": None,
        "bundle": None,
        "compat_id": None,
        "stock": None,
        "kit_instance_id": None,
        "gross_price": major(line.amount),
    }


def _payment(payment: Payment) -> dict[str, Any]:
    order = payment.order
    card = payment.method in {"visa", "master", "elo", "naranja"}
    return {
        "id": payment.id,
        "order_id": order.id,
        "payer_id": order.buyer.id,
        "collector": {"id": order.seller.id},
        "card_id": payment.id % 100_000 if card else None,
        "reason": order.lines[0].title,
        "site_id": order.seller.site.id,
        "payment_method_id": payment.method,
        "currency_id": order.seller.site.currency,
        "installments": payment.installments,
        "issuer_id": "24" if card else None,
        "atm_transfer_reference": {"transaction_id": None, "company_id": None},
        "coupon_id": None,
        "activation_uri": None,
        "operation_type": "regular_payment",
        "payment_type": "credit_card" if card else "ticket",
        "available_actions": ["refund"] if payment.status == "approved" else [],
        "status": payment.status,
        "status_code": None,
        "status_detail": payment.status_detail,
        "transaction_amount": major(payment.amount),
        "transaction_amount_refunded": major(payment.refunded),
        "taxes_amount": 0.0,
        "shipping_cost": 0.0,
        "coupon_amount": 0.0,
        "overpaid_amount": 0.0,
        "total_paid_amount": major(payment.amount),
        "installment_amount": major(payment.amount // payment.installments),
        "deferred_period": None,
        "date_approved": offset_time(payment.approved) if payment.approved else None,
        "transaction_order_id": None,
        "date_created": offset_time(payment.created),
        "date_last_modified": offset_time(payment.updated),
        "marketplace_fee": 0.0,
        "reference_id": None,
        "authorization_code": str(100_000 + payment.id % 900_000) if payment.approved and card else None,
    }
