"""GET /messages/{id} and /messages/packs/{pack}/sellers/{seller}, both with `tag=post_sale`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from services.sandbox.mercadolibre.state import Message, Order
from services.sandbox.times import zulu


def message_body(message: Message) -> dict[str, Any]:
    """One message, as both sides see it."""
    order = message.order
    sender, receiver = (order.buyer, order.seller) if message.by_buyer else (order.seller, order.buyer)
    at = zulu(message.created)
    return {
        "id": message.id,
        "site_id": order.seller.site.id,
        "client_id": None,
        "from": {"user_id": sender.id},
        "to": {"user_id": receiver.id},
        "status": "available",
        "subject": None,
        "text": message.text,
        "message_date": {"received": at, "available": at, "notified": at, "created": at, "read": _zulu(message.read)},
        "message_moderation": {"status": "clean", "reason": None, "source": "online", "moderation_date": at},
        "message_attachments": None,
        "message_resources": [
            {"id": str(order.pack), "name": "packs"},
            {"id": str(order.seller.id), "name": "sellers"},
        ],
        "conversation_first_message": order.messages[0] is message,
    }


def conversation_body(order: Order, messages: Sequence[Message], paging: dict[str, int]) -> dict[str, Any]:
    """Messages of a pack in their envelope; a single message comes in the same one."""
    return {
        "paging": paging,
        "conversation_status": {
            "path": f"/packs/{order.pack}/sellers/{order.seller.id}",
            "status": "active",
            "substatus": None,
            "status_date": zulu(order.created),
            "status_update_allowed": False,
            "claim_id": None,
            "shipping_id": None,
        },
        "messages": [message_body(message) for message in messages],
        "seller_max_message_length": 350,
        "buyer_max_message_length": 3500,
    }


def _zulu(moment: datetime | None) -> str | None:
    return None if moment is None else zulu(moment)
