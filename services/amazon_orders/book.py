"""What was published of each order, so that each state is published once: the table amazon_orders.orders.

A state is published before it is written down. Who dies between the two leaves it to the next poll, which publishes it
again under the same event id, and readers know it by that.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime

from pydantic import TypeAdapter

from libs.bus.message import Outgoing
from libs.bus.publisher import Publisher
from libs.db.pool import Database
from libs.marketplaces.amazon.orders import Order
from libs.marketplaces.identity import state_id
from libs.marketplaces.payload import as_json
from schemas.orders.order_changed import OrderChangedV2, OrderLine

WITHIN_SECONDS = 30.0

_LINES: TypeAdapter[list[OrderLine]] = TypeAdapter(list[OrderLine])


@dataclass(frozen=True, slots=True)
class Known:
    """An order as it was published last."""

    hash: bytes
    updated_at: datetime
    lines: list[OrderLine]

    def is_news(self, order: Order) -> bool:
        """Whether Amazon tells another state, and none that is older."""
        return order.last_update_date >= self.updated_at and hash_of(order) != self.hash


class OrderBook:
    """Raises DatabaseAway, NotPublished."""

    def __init__(self, database: Database, publisher: Publisher) -> None:
        self._database = database
        self._publisher = publisher

    async def known(self, account: str, order_id: str) -> Known | None:
        async with self._database.connection() as connection:
            row = await connection.fetchrow(
                "SELECT hash, updated_at, lines FROM amazon_orders.orders WHERE (account, order_id) = ($1, $2)",
                account,
                order_id,
            )
        return None if row is None else Known(row["hash"], row["updated_at"], _LINES.validate_json(row["lines"]))

    async def publish(self, fact: OrderChangedV2, told: bytes) -> None:
        """Publish a state and write it down. `told`: the hash of what Amazon told."""
        outgoing = Outgoing(fact, id=state_id(fact, fact.updated_at))
        await self._publisher.publish(outgoing, within=WITHIN_SECONDS)
        async with self._database.connection() as connection:
            await connection.execute(
                """
                INSERT INTO amazon_orders.orders (account, order_id, hash, updated_at, lines)
                VALUES ($1, $2, $3, $4, $5) ON CONFLICT (account, order_id) DO UPDATE
                SET hash = excluded.hash, updated_at = excluded.updated_at, lines = excluded.lines
                WHERE orders.updated_at <= excluded.updated_at
                """,
                fact.account,
                fact.order_id,
                told,
                fact.updated_at,
                _LINES.dump_json(fact.lines).decode(),
            )


def hash_of(order: Order) -> bytes:
    """SHA-256 of what Amazon told of an order, whatever the order of its fields."""
    canonical = json.dumps(as_json(order), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).digest()
