"""Polled orders that cannot be read, or make no fact: into the dead letters with all that eBay told, each state once.

No notification told of such an order, so its dead letter is made as one: `webhook.received` of the topic ORDER_POLLED,
with the order as its data. It may name its buyer, as a webhook may, and is deleted like one (libs/privacy/sweep.py). A
retry puts it into `webhooks`, for this service alone, which then asks eBay for the order as it is by then.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from libs.bus.dead_letter import Copy, DeadLetters
from libs.bus.message import Outgoing, message
from libs.bus.outcome import ErrorClass
from libs.bus.settings import KafkaSettings
from libs.db.pool import Database
from libs.marketplaces.ebay.translate import MARKETPLACE
from libs.marketplaces.payload import Malformed, as_json
from libs.telemetry.trace import trace_headers
from schemas.webhooks.webhook_received import WebhookReceivedV1
from services.ebay_sync.sellers import Seller

TOPIC = "ORDER_POLLED"
"""Ours, not eBay's: the gateway takes in only what eBay has signed."""

_NOWHERE = -1
_REMEMBERED = timedelta(days=90)
_SOURCE = "/sellstream/ebay_sync"


class UnreadableOrders:
    """Where the poll puts what it cannot read. Raises DatabaseAway; waits while Kafka is away."""

    def __init__(self, database: Database, letters: DeadLetters, kafka: KafkaSettings) -> None:
        self._database = database
        self._letters = letters
        self._kafka = kafka

    async def keep(self, seller: Seller, order_id: str | None, told: Any, error: Malformed) -> bool:
        """Put an order into the dead letters; False if this state of it is there already."""
        raw = json.dumps(as_json(told), sort_keys=True).encode()
        digest = hashlib.sha256(raw).digest()
        async with self._database.connection() as connection:
            if await connection.fetchval(
                "SELECT true FROM ebay_sync.unreadable_orders WHERE (account, hash) = ($1, $2)", seller.account, digest
            ):
                return False
        await self._letters.put(
            self._record(seller, order_id, raw, digest), error=error, error_class=ErrorClass.POISON, attempts=1
        )
        async with self._database.connection() as connection:
            await connection.execute(
                "INSERT INTO ebay_sync.unreadable_orders (account, hash) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                seller.account,
                digest,
            )
            await connection.execute(
                "DELETE FROM ebay_sync.unreadable_orders WHERE seen_at < now() - $1::interval", _REMEMBERED
            )
        return True

    def _record(self, seller: Seller, order_id: str | None, raw: bytes, digest: bytes) -> Copy:
        identity = f"polled:{digest.hex()}"
        body: Mapping[str, Any] = {
            "metadata": {"topic": TOPIC},
            "notification": {"notificationId": identity, "data": json.loads(raw)},
        }
        fact = WebhookReceivedV1(
            marketplace=MARKETPLACE,
            account=seller.destination,
            delivery_id=identity,
            notification_topic=TOPIC,
            resource=None,
            subject=f"{MARKETPLACE}:{seller.destination}:order:{order_id or identity}",
            body=json.dumps(body).encode(),
        )
        now = datetime.now(UTC)
        made = message(Outgoing(fact, time=now), source=_SOURCE, cause=None, trace=trace_headers())
        return Copy(
            topic=self._kafka.topic(made.topic),
            partition=_NOWHERE,
            offset=int.from_bytes(digest[:7]),  # tells them apart, and one that was stored twice as such
            timestamp=round(now.timestamp() * 1000),
            key=made.key,
            value=made.value,
            headers=made.headers,
        )
