"""GET /collections/{id}: a payment, wrapped in `collection`. The shape is not officially confirmed: the classic one."""

from typing import Any

from services.sandbox.mercadolibre.resources.values import major
from services.sandbox.mercadolibre.state import Payment, User
from services.sandbox.times import offset_time


def collection_body(payment: Payment) -> dict[str, Any]:
    """The payment as its collector (the seller) sees it."""
    order = payment.order
    card = payment.method in {"visa", "master", "elo", "naranja"}
    return {
        "collection": {
            "id": payment.id,
            "site_id": order.seller.site.id,
            "date_created": offset_time(payment.created),
            "date_approved": offset_time(payment.approved) if payment.approved else None,
            "last_modified": offset_time(payment.updated),
            "money_release_date": None,
            "operation_type": "regular_payment",
            "order_id": str(order.id),
            "external_reference": str(order.id),
            "merchant_order_id": order.pack_id or order.id,
            "reason": order.lines[0].title,
            "payer": _party(order.buyer),
            "collector": _party(order.seller),
            "currency_id": order.seller.site.currency,
            "transaction_amount": major(payment.amount),
            "total_paid_amount": major(payment.amount),
            "amount_refunded": major(payment.refunded),
            "shipping_cost": 0.0,
            "coupon_amount": 0.0,
            "marketplace_fee": major(payment.amount * 11 // 100),
            "net_received_amount": major(payment.amount - payment.amount * 11 // 100),
            "installments": payment.installments,
            "installment_amount": major(payment.amount // payment.installments),
            "payment_type": "credit_card" if card else "ticket",
            "payment_method_id": payment.method,
            "status": payment.status,
            "status_detail": payment.status_detail,
            "status_code": None,
            "marketplace": "MELI",
            "released": "no",
        }
    }


def _party(user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "nickname": user.nickname,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "email": user.email,
        "phone": {"area_code": "", "number": "", "extension": ""},
        "identification": {"type": None, "number": None},
    }
