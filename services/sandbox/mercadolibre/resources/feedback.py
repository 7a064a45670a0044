"""GET /orders/{id}/feedback: what buyer (`purchase`) and seller (`sale`) said of an order; null where nobody spoke."""

from typing import Any

from services.sandbox.mercadolibre.state import Feedback, Order
from services.sandbox.times import offset_time


def feedback_body(order: Order) -> dict[str, Any]:
    """Both sides' feedback. Keys as documented on 2025-12-29; `extended_feedback` is not filled."""
    return {
        "sale": _side(order, order.sellers_feedback, "seller"),
        "purchase": _side(order, order.buyers_feedback, "buyer"),
    }


def feedback_id(feedback: Feedback | None) -> dict[str, Any] | None:
    """How an order names a feedback."""
    return None if feedback is None else {"id": feedback.id}


def _side(order: Order, feedback: Feedback | None, role: str) -> dict[str, Any] | None:
    if feedback is None:
        return None
    line = order.lines[0]
    return {
        "id": feedback.id,
        "order_id": order.id,
        "role": role,
        "fulfilled": feedback.fulfilled,
        "rating": feedback.rating,
        "reason": None if feedback.fulfilled else "OTHER_THEIR_RESPONSIBILITY",
        "message": {"positive": "¡Todo perfecto!", "neutral": "Correcto.", "negative": "No llegó."}[feedback.rating],
        "reply": None,
        "item": {"id": line.item.id, "title": line.title, "currency_id": order.seller.site.currency},
        "extended_feedback": [],
        "date_created": offset_time(feedback.created),
    }
