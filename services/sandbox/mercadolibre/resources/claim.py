"""GET /post-purchase/v1/claims/{id}. Source: the page on claims, 2024-04-23 (there is no other path since May 2024)."""

from typing import Any

from services.sandbox.mercadolibre.state import Claim
from services.sandbox.times import offset_time


def claim_body(claim: Claim) -> dict[str, Any]:
    """The claim as its seller (the respondent) sees it."""
    order = claim.order
    waiting = [] if claim.due is None else [{"action": "refund", "mandatory": False}, _must_answer(claim)]
    return {
        "id": claim.id,
        "resource_id": order.id,
        "status": claim.status,
        "type": "mediations",
        "stage": claim.stage,
        "parent_id": None,
        "resource": "order",
        "reason_id": claim.reason_id,
        "fulfilled": True,
        "quantity_type": "total",
        "players": [
            {"role": "complainant", "type": "buyer", "user_id": order.buyer.id, "available_actions": []},
            {"role": "respondent", "type": "seller", "user_id": order.seller.id, "available_actions": waiting},
        ],
        "resolution": _resolution(claim),
        "site_id": order.seller.site.id,
        "date_created": offset_time(claim.created),
        "last_updated": offset_time(claim.updated),
        "related_entities": [],
    }


def _must_answer(claim: Claim) -> dict[str, Any]:
    due = None if claim.due is None else offset_time(claim.due)
    return {"action": "send_message_to_complainant", "mandatory": True, "due_date": due}


def _resolution(claim: Claim) -> dict[str, Any] | None:
    if claim.resolution is None:
        return None
    return {
        "reason": claim.resolution,
        "date_created": offset_time(claim.updated),
        "benefited": ["complainant"],
        "closed_by": "mediator",
        "applied_coverage": False,
    }
