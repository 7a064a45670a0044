"""The safety net below the notifications: each account's orders by the time of their modification, every so often.

eBay notifies of an order once, when it is paid; what happens to it later, and what no notification told, is found here.
A poll asks for everything modified since the newest modification that the last one saw, less an overlap; so the cursor
is by eBay's clock alone. It asks without an end: an order that is modified while the pages are read would leave a
window that has one, and move another order past the reader. What an overlap brings again is known, and not published.

| trouble                              | what happens                                                          |
|--------------------------------------|-----------------------------------------------------------------------|
| eBay, Kafka or PostgreSQL is away    | told; the poll begins again a minute later, the cursor has not moved  |
| the account lacks the orders' scope  | told at every poll; the other accounts go on                          |
| an order of another shape            | a dead letter with all of it; the rest of the page is published       |
| this process stops, or dies          | another one's turn: at once, or when the lease is over                |
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from libs.bus.publisher import NotPublished
from libs.db.errors import DatabaseAway, NotMigrated
from libs.http.errors import ApiError, Later
from libs.marketplaces.ebay.orders import LARGEST_PAGE, EbayOrder
from libs.marketplaces.ebay.paging import Cursor, Page
from libs.marketplaces.payload import Malformed
from libs.telemetry.log import get_logger
from services.ebay_sync.config import Polling
from services.ebay_sync.order_book import OrderBook, Told
from services.ebay_sync.order_turns import LostTurn, OrderTurns, Turn
from services.ebay_sync.sellers import Seller
from services.ebay_sync.unreadable_orders import UnreadableOrders

log = get_logger()

RETRY = timedelta(minutes=1)
LONGEST_LOOK = 5.0


class OrderPoll:
    """Polls the orders of all accounts, each at its own pace."""

    def __init__(
        self,
        sellers: Sequence[Seller],
        turns: OrderTurns,
        orders: OrderBook,
        unreadable: UnreadableOrders,
        polling: Polling,
    ) -> None:
        self._sellers = sellers
        self._turns = turns
        self._orders = orders
        self._unreadable = unreadable
        self._polling = polling

    async def work(self, stop: asyncio.Event) -> None:
        """Until `stop`; a poll that is under way then is given back."""
        tasks: list[asyncio.Task[Any]] = [asyncio.create_task(stop.wait(), name="stop")]
        if self._polling.every:
            tasks += [
                asyncio.create_task(self._regularly(one), name=f"orders of {one.account}") for one in self._sellers
            ]
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
                turn = await self._turns.take(seller.account)
                if turn is not None:
                    await self._in_turn(seller, turn)
            except (DatabaseAway, NotMigrated, LostTurn) as error:
                log.warning("the orders' poll waits", account=seller.account, error=str(error))
            await asyncio.sleep(min(self._polling.every.total_seconds() / 2, LONGEST_LOOK))

    async def _in_turn(self, seller: Seller, turn: Turn) -> None:
        try:
            newest, published = await self.poll(seller, turn)
        except (ApiError, NotPublished) as error:
            asked = error.retry_after if isinstance(error, Later) else None
            pause = asked or min(RETRY, self._polling.every)
            log.warning("the orders' poll failed", account=seller.account, error=str(error), again_in=str(pause))
            await self._turns.give_back(turn, pause)
        except asyncio.CancelledError:
            with suppress(DatabaseAway, LostTurn):
                await self._turns.give_back(turn, timedelta(0))
            raise
        else:
            await self._turns.finish(turn, newest, self._polling.every)
            log.info("orders polled", account=seller.account, published=published, until=str(newest))

    async def poll(self, seller: Seller, turn: Turn) -> tuple[datetime | None, int]:
        """Take in what was modified; the newest modification seen, and how many states were published.

        Raises an ApiError, NotPublished, DatabaseAway, LostTurn.
        """
        known, overlap = turn.modified_until, self._polling.overlap
        since = datetime.now(UTC) - self._polling.back if known is None else known - overlap
        newest, published, asked_at = known, 0, datetime.now(UTC)
        async for page in seller.ebay.orders.modified(since, start=Cursor(0, LARGEST_PAGE)):
            told = await self._readable(page, seller, asked_at)
            published += await self._orders.take(seller.account, told)
            times = [one.fact.updated_at for one in told]
            newest = max(times if newest is None else [newest, *times], default=newest)
            await self._turns.renew(turn)
            asked_at = datetime.now(UTC)  # when the next page is asked for
        return newest, published

    async def _readable(self, page: Page[EbayOrder], seller: Seller, asked_at: datetime) -> list[Told]:
        """What facts can be made of; the rest goes into the dead letters."""
        told: list[Told] = []
        for entry in page.unreadable:
            await self._unreadable.keep(seller, entry.id, entry.told, Malformed(entry.reason))
        for order, raw in zip(page.entries, page.told, strict=True):
            try:
                told.append(Told.of(order, seller.account, asked_at))
            except Malformed as error:
                await self._unreadable.keep(seller, order.order_id, raw, error)
        return told
