"""The safety net below the notifications: each account's orders by the time of their modification, every so often.

eBay notifies of an order once, when it is paid; what happens to it later, and what no notification told, is found here.
A poll asks for everything modified since the newest modification that the last one saw, less an overlap; so the cursor
is by eBay's clock alone. It asks without an end: an order that is modified while the pages are read would leave a
window that has one, and move another order past the reader. What an overlap brings again is known, and not published.

When it is polled, and what happens in trouble, is told by libs/polling. An account that lacks the orders' scope is told
of at every poll, and the others go on. An order of another shape is a dead letter with all of it; the rest of its page
is published.
"""

from datetime import UTC, datetime, timedelta

from libs.marketplaces.ebay.orders import LARGEST_PAGE, EbayOrder
from libs.marketplaces.ebay.paging import Cursor, Page
from libs.marketplaces.payload import Malformed
from libs.polling.turns import Turn, Turns, TurnTable
from services.ebay_sync.config import Polling
from services.ebay_sync.order_book import OrderBook, Told
from services.ebay_sync.sellers import Seller
from services.ebay_sync.unreadable_orders import UnreadableOrders

TURNS = TurnTable("ebay_sync.order_polls", key=("account",), cursor="modified_until")
RETRY = timedelta(minutes=1)


class OrderPoll:
    """Polls the orders of accounts."""

    def __init__(self, turns: Turns, orders: OrderBook, unreadable: UnreadableOrders, polling: Polling) -> None:
        self._turns = turns
        self._orders = orders
        self._unreadable = unreadable
        self._polling = polling

    async def poll(self, seller: Seller, turn: Turn) -> tuple[datetime | None, int]:
        """Take in what was modified; the newest modification seen, and how many states were published.

        Raises an ApiError, NotPublished, DatabaseAway, LostTurn.
        """
        known, overlap = turn.until, self._polling.overlap
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
