"""Square's notifications and their signature. Source: Square's OpenAPI and the webhooks helper of its SDK."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.sandbox.notice import JSON, Attempt, Notice, Request
from services.sandbox.times import zulu, zulu_nanoseconds
from services.sandbox.wire import compact

SIGNATURE = "x-square-hmacsha256-signature"


@dataclass(frozen=True, slots=True)
class Subscription:
    """A webhook subscription: its signature key, and the URL under which it is registered (the URL is signed too)."""

    signature_key: str
    notification_url: str


def signature(subscription: Subscription, body: bytes) -> str:
    """base64 of HMAC-SHA256 over the registered URL and the body."""
    message = subscription.notification_url.encode() + body
    return base64.b64encode(hmac.digest(subscription.signature_key.encode(), message, hashlib.sha256)).decode()


@dataclass(frozen=True, slots=True)
class SquareNotice(Notice):
    """One notification. All attempts have the same body; the headers count them."""

    subscription: Subscription
    merchant_id: str
    topic: str
    resource: str
    id: str
    created: datetime
    data: Mapping[str, Any]
    poison: str | None = None

    def request(self, attempt: Attempt) -> Request:
        body = compact(
            {
                "merchant_id": self.merchant_id,
                "type": self.topic,
                "event_id": self.id,
                "created_at": zulu_nanoseconds(self.created, 797),
                "data": self.data,
            }
        )
        proof = signature(self.subscription, body + b" " if self.poison == "bad_signature" else body)
        headers = {
            **JSON,
            SIGNATURE: proof,
            "square-environment": "Sandbox",
            "square-initial-delivery-timestamp": zulu(self.created),
        }
        if attempt.failure is not None:
            headers["square-retry-number"] = str(attempt.number - 1)
            headers["square-retry-reason"] = attempt.failure
        return Request(body, headers)
