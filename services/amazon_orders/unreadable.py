"""Orders that cannot be read, or make no fact: into the dead letters with all that Amazon told, each state once.

They came from no topic: the dead letter names `amazon` as its origin, partition -1. To retry one is no use; a state
that can be read is found by the poll itself.
"""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from libs.bus.dead_letter import Copy, DeadLetters
from libs.bus.outcome import ErrorClass
from libs.db.pool import Database
from libs.marketplaces.amazon.translate import MARKETPLACE
from libs.marketplaces.payload import as_json

_NOWHERE = -1
_REMEMBERED = timedelta(days=90)


class UnreadableOrders:
    """Where the poll puts what it cannot read. Raises DatabaseAway; waits while Kafka is away."""

    def __init__(self, database: Database, letters: DeadLetters) -> None:
        self._database = database
        self._letters = letters

    async def keep(self, account: str, told: Any, reason: Exception) -> bool:
        """Put an order into the dead letters; False if this state of it is there already."""
        raw = json.dumps(as_json(told), sort_keys=True, ensure_ascii=False).encode(errors="replace")
        digest = hashlib.sha256(raw).digest()
        async with self._database.connection() as connection:
            known = await connection.fetchval(
                "SELECT true FROM amazon_orders.unreadable WHERE (account, hash) = ($1, $2)", account, digest
            )
        if known:
            return False
        record = Copy(
            topic=MARKETPLACE,
            partition=_NOWHERE,
            offset=int.from_bytes(digest[:7]),  # tells them apart, and one that was stored twice as such
            timestamp=round(datetime.now(UTC).timestamp() * 1000),
            key=account.encode(),
            value=raw,
            headers=[],
        )
        await self._letters.put(record, error=reason, error_class=ErrorClass.CONTRACT, attempts=1)
        async with self._database.connection() as connection:
            await connection.execute(
                "INSERT INTO amazon_orders.unreadable (account, hash) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                account,
                digest,
            )
            await connection.execute(
                "DELETE FROM amazon_orders.unreadable WHERE seen_at < now() - $1::interval", _REMEMBERED
            )
        return True
