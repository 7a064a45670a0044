"""Each account's orders by the time of their last change, every so often.

A poll asks for everything that has changed since the newest change that the last one saw, less an overlap: the cursor
is by Amazon's clock alone. What an overlap brings again is known, and costs neither a call nor a message.

| trouble                             | what happens                                                                  |
|-------------------------------------|-------------------------------------------------------------------------------|
| Amazon, Kafka or PostgreSQL is away | told; the poll begins again soon, the cursor has not moved, what was          |
|                                     | published stays known                                                         |
| an order of another shape           | a dead letter with all of it; the others are published                        |
| this process stops, or dies         | another one's turn: at once, or when the lease is over                        |
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from libs.bus.publisher import NotPublished
from libs.db.errors import DatabaseAway, NotMigrated
from libs.http.errors import ApiError, Garbage, Later, NotFound, Refused
from libs.marketplaces.amazon.client import MARKETPLACES, Amazon
from libs.marketplaces.amazon.orders import Order
from libs.marketplaces.amazon.translate import CANCELED, order_changed
from libs.marketplaces.payload import Malformed
from libs.telemetry.log import get_logger
from services.amazon_orders.book import OrderBook, hash_of
from services.amazon_orders.turns import LostTurn, Turn, Turns
from services.amazon_orders.unreadable import UnreadableOrders

log = get_logger()

RETRY = timedelta(seconds=30)
LONGEST_LOOK = 5.0


@dataclass(frozen=True, slots=True)
class Seller:
    """A seller on one of Amazon's marketplaces."""

    account: str
    market: str
    amazon: Amazon


@dataclass(frozen=True, slots=True)
class Pace:
    """`every`: between polls. `overlap`: asked for again. `back`: how far back the first poll goes."""

    every: timedelta
    overlap: timedelta
    back: timedelta


class Poll:
    """Polls the orders of all sellers, each at its own time."""

    def __init__(
        self, sellers: Sequence[Seller], turns: Turns, book: OrderBook, unreadable: UnreadableOrders, pace: Pace
    ) -> None:
        self._sellers = sellers
        self._turns = turns
        self._book = book
        self._unreadable = unreadable
        self._pace = pace

    async def work(self, stop: asyncio.Event) -> None:
        """Until `stop`; a poll that is under way then is given back."""
        stopped = asyncio.create_task(stop.wait(), name="stop")
        tasks = [stopped, *(asyncio.create_task(self._regularly(one)) for one in self._sellers)]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        for task in done:
            task.result()

    async def _regularly(self, seller: Seller) -> None:
        while True:
            try:
                turn = await self._turns.take(seller.account, seller.market)
                if turn is not None:
                    await self._in_turn(seller, turn)
            except (DatabaseAway, NotMigrated, LostTurn) as error:
                log.warning("the poll waits", account=seller.account, error=str(error))
            await asyncio.sleep(min(self._pace.every.total_seconds() / 2, LONGEST_LOOK))

    async def _in_turn(self, seller: Seller, turn: Turn) -> None:
        try:
            newest, published = await self.poll(seller, turn)
        except (ApiError, NotPublished) as error:
            asked = error.retry_after if isinstance(error, Later) else None
            pause = asked or min(RETRY, self._pace.every)
            log.warning("the poll failed", account=seller.account, error=str(error), again_in=str(pause))
            await self._turns.give_back(turn, pause)
        except asyncio.CancelledError:
            with suppress(DatabaseAway, LostTurn):
                await self._turns.give_back(turn, timedelta(0))
            raise
        else:
            await self._turns.finish(turn, newest, self._pace.every)
            log.info("orders polled", account=seller.account, published=published, until=str(newest))

    async def poll(self, seller: Seller, turn: Turn) -> tuple[datetime | None, int]:
        """Take in what has changed; the newest change seen, and how many states were published.

        Raises an ApiError, NotPublished, DatabaseAway, LostTurn.
        """
        newest, published = turn.updated_until, 0
        since = datetime.now(UTC) - self._pace.back if newest is None else newest - self._pace.overlap
        marketplace = MARKETPLACES[seller.market].id
        async for page in seller.amazon.orders.updated_since(since, marketplace):
            for entry in page.unreadable:
                await self._unreadable.keep(seller.account, entry.told, Malformed(entry.reason))
            for order in page.orders:
                await self._turns.renew(turn)
                published += await self._take(seller, order)
                newest = max(newest or order.last_update_date, order.last_update_date)
        return newest, published

    async def _take(self, seller: Seller, order: Order) -> bool:
        """Publish an order's state, if it is news."""
        known = await self._book.known(seller.account, order.amazon_order_id)
        if known is not None and not known.is_news(order):
            return False
        try:
            gone = order.order_status == CANCELED and known is not None  # Amazon tells no quantities of it any more
            items = [] if gone else await seller.amazon.orders.items(order.amazon_order_id)
            fact = order_changed(order, items, seller.account, known.lines if known is not None else ())
        except (Malformed, Garbage, NotFound, Refused) as error:  # of this order alone
            await self._unreadable.keep(seller.account, order, error)
            return False
        await self._book.publish(fact, hash_of(order))
        return True
