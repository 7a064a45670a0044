"""Polled orders that cannot be read, or make no fact: into the dead letters with all that eBay told, each state once.

No notification told of such an order, so its dead letter is made as one: `webhook.received` of the topic ORDER_POLLED,
with the order as its data. It may name its buyer, as a webhook may, and is deleted like one (libs/privacy/sweep.py). A
retry puts it into `webhooks`, for this service alone, which then asks eBay for the order as it is by then.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from libs.bus.dead_letter import Copy, DeadLetters
from libs.bus.message import Outgoing, message
from libs.bus.outcome import ErrorClass
from libs.bus.settings import KafkaSettings
from libs.db.pool import Database
from libs.marketplaces.ebay.translate import MARKETPLACE
from libs.marketplaces.payload import Malformed, as_json
from libs.polling.unreadable import NOWHERE, State, UnreadableStates
from libs.telemetry.trace import trace_headers
from schemas.webhooks.webhook_received import WebhookReceivedV1
from services.ebay_sync.sellers import Seller

TOPIC = "ORDER_POLLED"
"""Ours, not eBay's: the gateway takes in only what eBay has signed."""

_SOURCE = "/sellstream/ebay_sync"


class UnreadableOrders:
    """Where the poll puts what it cannot read. Raises DatabaseAway; waits while Kafka is away."""

    def __init__(self, database: Database, letters: DeadLetters, kafka: KafkaSettings) -> None:
        self._states = UnreadableStates(database, "ebay_sync.unreadable_orders")
        self._letters = letters
        self._kafka = kafka

    async def keep(self, seller: Seller, order_id: str | None, told: Any, error: Malformed) -> bool:
        """Put an order into the dead letters; False if this state of it is there already."""
        raw = json.dumps(as_json(told), sort_keys=True).encode()
        state = State.of(seller.account, raw)
        if await self._states.knows(state):
            return False
        record = self._record(seller, order_id, raw, state)
        await self._letters.put(record, error=error, error_class=ErrorClass.POISON, attempts=1)
        await self._states.remember(state)
        return True

    def _record(self, seller: Seller, order_id: str | None, raw: bytes, state: State) -> Copy:
        identity = f"polled:{state.digest.hex()}"
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
            partition=NOWHERE,
            offset=state.number,
            timestamp=round(now.timestamp() * 1000),
            key=made.key,
            value=made.value,
            headers=made.headers,
        )
