"""Orders: the active ones read from time to time, the past ones from the newest known creation on; changes published.

An order that is not among the active ones any more is asked for by its number: history is narrowed by the days of
creation, and orders end long after that. It may go on all the same: where the list gets shorter between two pages,
what began the later one is on neither. So whether it is followed on is told by its status. One that is on no page for
ever, or that cannot be read, would cost a call in every round: it is asked for in a few, and then seldom.

A list of several pages is read as many times less often: however many orders there are, they cost the same each day.
"""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from libs.db.pool import Connection
from libs.http.errors import Garbage, NotFound, Refused, Unavailable
from libs.marketplaces.payload import Malformed
from libs.marketplaces.stockx.errors import failed_there
from libs.marketplaces.stockx.order import ActiveStatus, Order
from libs.marketplaces.stockx.orders import OrderFilter
from libs.marketplaces.stockx.routes import ACTIVE_ORDERS, PAST_ORDERS
from libs.marketplaces.stockx.translate import order_changed
from libs.telemetry.log import get_logger
from schemas.orders.order_changed import OrderChangedV2
from services.stockx_poller import outbox, unreadable
from services.stockx_poller.pacing import next_round
from services.stockx_poller.work import Work

log = get_logger()

_GOES_ON = frozenset(ActiveStatus)
_OVERLAP = timedelta(days=1)
"""History's days are StockX's, and an order may be told late."""
_MOST_ASKED = 10
"""Orders that are asked for one after another, for commands wait meanwhile. Hundreds may be paid out at once: where
more have ended, the list is read again first, as soon as nothing else has to be done."""
_AT_ONCE, _SELDOM = 3, 10
"""In so many rounds an order that is on no page is asked for, and then in every so many-th."""


async def poll_active(work: Work) -> None:
    """The next page of active orders; after the last one, those that were active and are not any more."""
    async with work.lease.turn() as connection:
        row = await connection.fetchrow(
            "UPDATE stockx_poller.accounts SET "
            "orders_began = CASE WHEN orders_page = 1 THEN now() ELSE orders_began END "
            "WHERE account = $1 RETURNING orders_page, orders_began",
            work.account,
        )
    if row is None:
        raise AssertionError(f"{work.account} is held and has no row")
    page = await work.stockx.orders.active_page(row["orders_page"])
    async with work.lease.turn() as connection:
        await put(connection, work.account, page.entries, active=True)
        await unreadable.keep_entries(connection, work.account, ACTIVE_ORDERS, page.unreadable)
        if page.has_next:
            await connection.execute(
                "UPDATE stockx_poller.accounts SET orders_page = orders_page + 1 WHERE account = $1", work.account
            )
            return
        absent = await connection.fetch(
            "SELECT order_number, absent + 1 AS rounds FROM stockx_poller.orders "
            "WHERE account = $1 AND active AND seen_at < $2 ORDER BY absent, order_number",
            work.account,
            row["orders_began"],
        )
        due = [each for each in absent if _asked_for(each["rounds"])]
        rest = [each["order_number"] for each in absent if not _asked_for(each["rounds"])]
        await _absent(connection, work.account, rest)
    for each in due[:_MOST_ASKED]:
        await _poll_one(work, each["order_number"])
        async with work.lease.turn() as connection:
            await _absent(connection, work.account, [each["order_number"]])
    pause = next_round(work.timing.orders, row["orders_page"], 1, work.stretch)
    async with work.lease.turn() as connection:
        await connection.execute(
            "UPDATE stockx_poller.accounts SET orders_page = 1, orders_at = now() + $2 WHERE account = $1",
            work.account,
            timedelta(0) if any(each["rounds"] == 1 for each in due[_MOST_ASKED:]) else pause,
        )


async def _absent(connection: Connection, account: str, numbers: Sequence[str]) -> None:
    """These orders were on no page in one round more."""
    await connection.execute(
        "UPDATE stockx_poller.orders SET absent = absent + 1 WHERE account = $1 AND order_number = ANY ($2)",
        account,
        numbers,
    )


def _asked_for(absent: int) -> bool:
    return absent <= _AT_ONCE or absent % _SELDOM == 0


async def _poll_one(work: Work, order_number: str) -> None:
    try:
        order = await work.stockx.orders.order(order_number)
    except NotFound:
        log.warning("an order is gone", account=work.account, order_number=order_number)
        async with work.lease.turn() as connection:
            await connection.execute(
                "UPDATE stockx_poller.orders SET active = false WHERE account = $1 AND order_number = $2",
                work.account,
                order_number,
            )
        return
    except (Garbage, Refused, Unavailable) as error:  # of this order: the others' turn comes, and its own next round
        if isinstance(error, Unavailable) and not failed_there(error):
            raise
        log.warning("an order tells nothing", account=work.account, order_number=order_number, error=str(error))
        await unreadable.keep_answer(work.lease, error)
        return
    async with work.lease.turn() as connection:
        await put(connection, work.account, [order], active=order.status in _GOES_ON, listed=False)


async def poll_history(work: Work) -> None:
    """The next page of past orders, from the cursor on; after the last page the cursor moves."""
    async with work.lease.database.connection() as connection:
        row = await connection.fetchrow(
            "SELECT history_page, history_from FROM stockx_poller.accounts WHERE account = $1", work.account
        )
    if row is None:
        raise AssertionError(f"{work.account} is held and has no row")
    since: date | None = row["history_from"] - _OVERLAP if row["history_from"] else None
    page = await work.stockx.orders.past_page(row["history_page"], chosen=OrderFilter(from_date=since))
    async with work.lease.turn() as connection:
        await put(connection, work.account, page.entries, active=False)
        await unreadable.keep_entries(connection, work.account, PAST_ORDERS, page.unreadable)
        if page.has_next:
            await connection.execute(
                "UPDATE stockx_poller.accounts SET history_page = history_page + 1 WHERE account = $1", work.account
            )
            return
        await connection.execute(
            "UPDATE stockx_poller.accounts SET history_page = 1, history_at = now() + $2, "
            "history_from = greatest(history_from, (SELECT max(placed_on) FROM stockx_poller.orders "
            "WHERE account = $1 AND NOT active)) WHERE account = $1",
            work.account,
            work.timing.history,
        )


async def put(
    connection: Connection, account: str, orders: Iterable[Order], *, active: bool, listed: bool = True
) -> None:
    """Keep orders; publish those that are new or have changed. `listed`: they stood on a page."""
    for order in orders:
        try:
            fact = order_changed(order, account)
        except Malformed as error:
            log.warning("an order is malformed", account=account, order_number=order.order_number, error=str(error))
            await unreadable.keep_resource(connection, account, order, error)
            continue
        await _put(connection, fact, active=active, listed=listed)


async def _put(connection: Connection, fact: OrderChangedV2, *, active: bool, listed: bool) -> None:
    digest = hashlib.sha256(fact.model_dump_json(exclude={"raw"}).encode()).digest()
    before = await connection.fetchval(
        "SELECT digest FROM stockx_poller.orders WHERE account = $1 AND order_number = $2",
        fact.account,
        fact.order_id,
    )
    await connection.execute(
        """
        INSERT INTO stockx_poller.orders (account, order_number, digest, active, placed_on, seen_at)
        VALUES ($1, $2, $3, $4, $5, now()) ON CONFLICT (account, order_number) DO UPDATE
        SET digest = excluded.digest, active = excluded.active, seen_at = excluded.seen_at,
            absent = CASE WHEN $6 THEN 0 ELSE orders.absent END
        """,
        fact.account,
        fact.order_id,
        digest,
        active,
        fact.placed_at.date(),
        listed,
    )
    if before != digest:
        await outbox.put(connection, fact.account, [fact])
