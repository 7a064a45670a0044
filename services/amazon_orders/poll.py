"""Each account's orders by the time of their last change, every so often.

A poll asks for everything that has changed since the newest change that the last one saw, less an overlap: the cursor
is by Amazon's clock alone. What an overlap brings again is known, and costs neither a call nor a message.

When it is polled, and what happens in trouble, is told by libs/polling; what was published before stays known. An order
of another shape is a dead letter with all of it; the others are published.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from libs.http.errors import Garbage, NotFound, Refused
from libs.marketplaces.amazon.client import MARKETPLACES, Amazon
from libs.marketplaces.amazon.orders import Order
from libs.marketplaces.amazon.translate import CANCELED, order_changed
from libs.marketplaces.payload import Malformed
from libs.polling.turns import Turn, Turns, TurnTable
from services.amazon_orders.book import OrderBook, hash_of
from services.amazon_orders.unreadable import UnreadableOrders

TURNS = TurnTable("amazon_orders.polls", key=("account", "market"), cursor="updated_until")
RETRY = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Seller:
    """A seller on one of Amazon's marketplaces."""

    account: str
    market: str
    amazon: Amazon


class Poll:
    """Polls the orders of sellers. `overlap`: asked for again. `back`: how far back the first poll goes."""

    def __init__(
        self, turns: Turns, book: OrderBook, unreadable: UnreadableOrders, overlap: timedelta, back: timedelta
    ) -> None:
        self._turns = turns
        self._book = book
        self._unreadable = unreadable
        self._overlap = overlap
        self._back = back

    async def poll(self, seller: Seller, turn: Turn) -> tuple[datetime | None, int]:
        """Take in what has changed; the newest change seen, and how many states were published.

        Raises an ApiError, NotPublished, DatabaseAway, LostTurn.
        """
        newest, published = turn.until, 0
        since = datetime.now(UTC) - self._back if newest is None else newest - self._overlap
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
