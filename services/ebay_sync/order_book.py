"""Orders as eBay tells them become facts: each state once, none older than the one before.

Notifications and polls bring the same orders, in any order, in any replica. What was published of each stands in
ebay_sync.orders; an account's turns follow each other. A transaction that is lost after the publishing is made good by
whoever looks next: the same state has the same event id.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from libs.bus.publisher import Publisher
from libs.db.locks import lock_in_transaction
from libs.db.pool import Connection, Database
from libs.marketplaces.ebay.orders import EbayOrder
from libs.marketplaces.ebay.translate_orders import order_changed
from libs.marketplaces.payload import Malformed
from schemas.envelope import Envelope
from schemas.orders.order_changed import OrderChangedV2
from services.ebay_sync.known import hash_of
from services.ebay_sync.publishing import TooLarge, check_size, publish_all


@dataclass(frozen=True, slots=True)
class Told:
    """An order's state, the hash of what eBay told, and when eBay was asked."""

    fact: OrderChangedV2
    hash: bytes
    asked_at: datetime

    @classmethod
    def of(cls, order: EbayOrder, account: str, asked_at: datetime) -> "Told":
        """Raises Malformed, also for an order that does not fit into a message."""
        fact = order_changed(order, account)
        try:
            check_size(fact)
        except TooLarge as error:
            raise Malformed(str(error)) from None
        return cls(fact, hash_of(order), asked_at)


@dataclass(frozen=True, slots=True)
class _Known:
    hash: bytes
    modified_at: datetime
    asked_at: datetime

    def allows(self, told: Told) -> bool:
        """Whether a state is news: by eBay's time of the change; where that is the same, by when eBay was asked."""
        if told.hash == self.hash or told.fact.updated_at < self.modified_at:
            return False
        return told.fact.updated_at > self.modified_at or told.asked_at >= self.asked_at


class OrderBook:
    """What was published of orders. Raises DatabaseAway, NotPublished."""

    def __init__(self, database: Database, publisher: Publisher) -> None:
        self._database = database
        self._publisher = publisher

    async def take(self, account: str, told: Iterable[Told], cause: Envelope | None = None) -> int:
        """Publish what is new of some orders of an account; how many are. `cause`: the notification, if it was one."""
        newest: dict[str, Told] = {}
        for one in told:
            other = newest.get(one.fact.order_id)
            if other is None or one.fact.updated_at >= other.fact.updated_at:
                newest[one.fact.order_id] = one
        if not newest:
            return 0
        async with self._database.transaction() as connection:
            await lock_in_transaction(connection, f"ebay_sync orders {account}")
            before = await _known(connection, account, newest)
            new = [
                one
                for one in newest.values()
                if one.fact.order_id not in before or before[one.fact.order_id].allows(one)
            ]
            await publish_all(self._publisher, [one.fact for one in new], cause)
            await _keep(connection, account, new)
        return len(new)


async def _known(connection: Connection, account: str, order_ids: Iterable[str]) -> dict[str, _Known]:
    rows = await connection.fetch(
        "SELECT order_id, hash, modified_at, asked_at FROM ebay_sync.orders WHERE account = $1 AND order_id = ANY ($2)",
        account,
        list(order_ids),
    )
    return {row["order_id"]: _Known(row["hash"], row["modified_at"], row["asked_at"]) for row in rows}


async def _keep(connection: Connection, account: str, published: Iterable[Told]) -> None:
    await connection.executemany(
        """
        INSERT INTO ebay_sync.orders (account, order_id, hash, modified_at, asked_at) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (account, order_id) DO UPDATE SET
            hash = excluded.hash, modified_at = excluded.modified_at, asked_at = excluded.asked_at
        """,
        [(account, one.fact.order_id, one.hash, one.fact.updated_at, one.asked_at) for one in published],
    )
