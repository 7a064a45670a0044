"""Orders that cannot be read, or make no fact: into the dead letters with all that Amazon told, each state once.

They came from no topic: the dead letter names `amazon` as its origin, partition -1. To retry one is no use; a state
that can be read is found by the poll itself.
"""

import json
from datetime import UTC, datetime
from typing import Any

from libs.bus.dead_letter import Copy, DeadLetters
from libs.bus.outcome import ErrorClass
from libs.db.pool import Database
from libs.marketplaces.amazon.translate import MARKETPLACE
from libs.marketplaces.payload import as_json
from libs.polling.unreadable import NOWHERE, State, UnreadableStates


class UnreadableOrders:
    """Where the poll puts what it cannot read. Raises DatabaseAway; waits while Kafka is away."""

    def __init__(self, database: Database, letters: DeadLetters) -> None:
        self._states = UnreadableStates(database, "amazon_orders.unreadable")
        self._letters = letters

    async def keep(self, account: str, told: Any, reason: Exception) -> bool:
        """Put an order into the dead letters; False if this state of it is there already."""
        raw = json.dumps(as_json(told), sort_keys=True, ensure_ascii=False).encode(errors="replace")
        state = State.of(account, raw)
        if await self._states.knows(state):
            return False
        record = Copy(
            topic=MARKETPLACE,
            partition=NOWHERE,
            offset=state.number,
            timestamp=round(datetime.now(UTC).timestamp() * 1000),
            key=account.encode(),
            value=raw,
            headers=[],
        )
        await self._letters.put(record, error=reason, error_class=ErrorClass.CONTRACT, attempts=1)
        await self._states.remember(state)
        return True
