"""Notion's webhooks: the first request with the subscription's token, and signed events of pages.

Source: developers.notion.com, webhooks, and event types and delivery. An event holds no content.
"""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.sandbox.channel import Channel, minutes
from services.sandbox.notice import JSON, Attempt, Notice, Raw, Request
from services.sandbox.times import zulu
from services.sandbox.wire import compact

SIGNATURE = "X-Notion-Signature"
RETRIES = minutes(1, 4, 15, 60, 180, 480, 700)
"""Seven retries within 24 hours."""

_ACK_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Subscription:
    """An integration's webhook subscription; `token` is what Notion signs with."""

    id: str
    token: str
    workspace_id: str
    integration_id: str
    author_id: str


def channel(target: str) -> Channel:
    """Where events are sent, and how often."""
    return Channel(
        url=target,
        success=frozenset(range(200, 300)),
        ack_seconds=_ACK_SECONDS,
        give_up_seconds=_ACK_SECONDS,
        waits=RETRIES,
    )


def verification(subscription: Subscription) -> Raw:
    """What is sent, unsigned, when the URL is registered."""
    body = compact({"verification_token": subscription.token})
    return Raw(None, body, JSON, topic="verification", resource="", id=None)


@dataclass(frozen=True, slots=True)
class PageEvent(Notice):
    """Something happened to a page."""

    subscription: Subscription
    topic: str
    resource: str
    id: str
    at: datetime
    page_id: str
    database_id: str
    properties: Sequence[str] = ()
    poison: str | None = None

    def request(self, attempt: Attempt) -> Request:
        parent = {"id": self.database_id, "type": "database"}
        data: dict[str, Any] = {"parent": parent}
        if self.topic == "page.properties_updated":
            data["updated_properties"] = list(self.properties)
        body = compact(
            {
                "id": self.id,
                "timestamp": zulu(self.at),
                "workspace_id": self.subscription.workspace_id,
                "workspace_name": "Sandbox",
                "subscription_id": self.subscription.id,
                "integration_id": self.subscription.integration_id,
                "authors": [{"id": self.subscription.author_id, "type": "person"}],
                "attempt_number": attempt.number,
                "api_version": "2022-06-28",
                "entity": {"id": self.page_id, "type": "page"},
                "type": self.topic,
                "data": data,
            }
        )
        proof = hmac.new(self.subscription.token.encode(), body, hashlib.sha256).hexdigest()
        return Request(body, {**JSON, SIGNATURE: f"sha256={proof}"})
