"""A sale, decided: units reserved, and the work of taking listings off given in, in one transaction."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from libs.db.pool import Connection, Database
from libs.jobs import JobQueue, NewJob
from libs.telemetry.log import get_logger
from libs.telemetry.metrics import INTERLOCK_SALES
from services.interlock.goods import Offered, another, offered, on_hand
from services.interlock.reservations import Decided, Sale, State, left_of, lock, release, reserve, restock

log = get_logger()

QUEUE = "interlock"
TAKE_OFF = "take_off"

ENDS_ITSELF = frozenset({"stockx"})
"""Where a listing is one unit: the sold one is gone by itself."""


_NOBODY: Mapping[int, Collection[int]] = {}


def _in_order(sales: Sequence[Sale]) -> list[Sale]:
    """By product: whoever locks several locks them in this order."""
    return sorted(sales, key=lambda sale: sale.unified_product_id)


@dataclass(frozen=True)
class Interlock:
    """`units_unless_told`: of a product that does not say how many there are; None: no limit."""

    database: Database
    queue: JobQueue
    units_unless_told: int | None = 1
    attempts: int = 40

    async def sold(self, sales: Sequence[Sale], sold_by: Mapping[int, Collection[int]] = _NOBODY) -> list[Decided]:
        """Reserve the units of one order's sales, all together; when none is left, every listing is taken off.

        `sold_by`: the listings that sold, by product. Products that are linked are decided in one transaction, so that
        of two orders the same one is the first everywhere.
        """
        async with self.database.transaction() as connection:
            decided = [await self._reserve(connection, sale, sold_by) for sale in _in_order(sales)]
        self._tell(zip(_in_order(sales), decided, strict=True))
        return decided

    async def linked(self, products: Collection[int]) -> None:
        """These are the same goods: who has a unit of one has it of all, the first order first."""
        asked = """
            SELECT order_key, max(units) AS units, min(reserved_at) AS first FROM interlock.reservations
            WHERE unified_product_id = ANY ($1) AND state <> 'released' GROUP BY order_key ORDER BY first, order_key
        """
        async with self.database.transaction() as connection:
            if not await connection.fetch(asked, sorted(products)):
                return
            for product in sorted(products):
                await lock(connection, product)
            orders = await connection.fetch(asked, sorted(products))
            sales = [Sale(product, one["order_key"], one["units"]) for one in orders for product in sorted(products)]
            decided = [await self._reserve(connection, sale, _NOBODY) for sale in sales]
        self._tell(zip(sales, decided, strict=True))

    async def _reserve(self, connection: Connection, sale: Sale, sold_by: Mapping[int, Collection[int]]) -> Decided:
        product = sale.unified_product_id
        units = await on_hand(connection, product, self.units_unless_told)

        async def advise(late: Sale, holders: tuple[str, ...]) -> str:
            return await self._advice(connection, late, holders)

        decided = await reserve(connection, sale, units, advise)
        if decided.sold_out and decided.news:
            listings = await offered(connection, product)
            ended = {one.sell_listing_id for one in listings if one.channel in ENDS_ITSELF}
            keep = ended & set(sold_by.get(product, ()))
            open_ones = [one for one in listings if one.sell_listing_id not in keep]
            await self._take_off(connection, product, decided.fence, open_ones)
        return decided

    async def ended(self, sales: Sequence[Sale], *, came_back: bool = True) -> list[Decided]:
        """Release the units of one order's sales; if they did not come back, only its claim to some."""
        decided: list[Decided] = []
        async with self.database.transaction() as connection:
            for sale in _in_order(sales):
                product = sale.unified_product_id
                units = await on_hand(connection, product, self.units_unless_told)
                one = await release(connection, sale, units, came_back=came_back)
                if one.news and one.sold_out and one.promoted:
                    await self._take_off(connection, product, one.fence, await offered(connection, product))
                decided.append(one)
        self._tell(zip(_in_order(sales), decided, strict=True))
        return decided

    async def listed(self, product: int, fresh: Offered) -> None:
        """A listing of a product is there: take it off, if the last unit is sold; again, if it was told again.

        A publisher that lists a further draft may have opened anew what was off: it tells the listing each time.
        Its row need not be: a fact can be read before the command that decided it commits.
        """
        async with self.database.transaction() as connection:
            units = await on_hand(connection, product, self.units_unless_told)
            known = await connection.fetchval(
                "SELECT true FROM interlock.products WHERE unified_product_id = $1", product
            )
            if known is None or units is None:
                return
            fence = await lock(connection, product)
            left = await left_of(connection, product, units)
            if left is not None and left <= 0:
                known_by = {one.sell_listing_id: one for one in await offered(connection, product)}
                listings = {fresh.sell_listing_id: fresh} | known_by
                await self._take_off(connection, product, fence, list(listings.values()), again=fresh.sell_listing_id)

    async def knows(self, product: int) -> bool:
        """Whether a unit of a product was ever sold."""
        async with self.database.connection() as connection:
            return bool(
                await connection.fetchval("SELECT true FROM interlock.products WHERE unified_product_id = $1", product)
            )

    async def stocked(self, product: int) -> None:
        """A product may have another number of units: take its listings off, if no unit is left.

        More units go to the orders that were flagged, the first first, and stop take-offs; nothing is listed again.
        """
        async with self.database.transaction() as connection:
            await lock(connection, product)
            units = await on_hand(connection, product, self.units_unless_told)
            fence, promoted = await restock(connection, product, units)
            left = await left_of(connection, product, units)
            if left is not None and left <= 0:
                await self._take_off(connection, product, fence, await offered(connection, product))
        if promoted:
            log.info("units came", product=product, left=left, promoted=promoted, fence=fence)

    async def _take_off(
        self,
        connection: Connection,
        product: int,
        fence: int,
        listings: Sequence[Offered],
        again: int | None = None,
    ) -> None:
        """Once under a fence; `again`: this listing, even if it was."""
        jobs = []
        for one in listings:
            fresh = await connection.fetchval(
                """
                INSERT INTO interlock.take_offs
                    (unified_product_id, fence, sell_listing_id, channel, market, channel_item_id)
                VALUES ($1, $2, $3, $4, $5, $6)
                ON CONFLICT (unified_product_id, fence, sell_listing_id) DO UPDATE SET done_at = NULL, away_since = NULL
                WHERE $7
                RETURNING xmax = 0
                """,
                product,
                fence,
                one.sell_listing_id,
                one.channel,
                one.market,
                one.item_id,
                one.sell_listing_id == again,
            )
            if fresh is not None:
                payload = {
                    "product": product,
                    "fence": fence,
                    "listing": one.sell_listing_id,
                    "channel": one.channel,
                    "market": one.market,
                    "item_id": one.item_id,
                }
                # A job that runs may have looked before the listing was opened anew: then a second one is needed.
                key = f"{product}/{fence}/{one.sell_listing_id}" if fresh else None
                jobs.append(NewJob(TAKE_OFF, payload, priority=1, max_attempts=self.attempts, dedupe_key=key))
        await self.queue.enqueue_in(connection, jobs)

    async def _advice(self, connection: Connection, sale: Sale, holders: tuple[str, ...]) -> str:
        where = await another(connection, sale.unified_product_id)
        buy = f"Buy another: {where}. Or cancel" if where is not None else "No offer of another is known: cancel"
        channel, _, number = sale.order_key.partition(":")
        had = " and ".join(one for one in holders if one != sale.order_key) or "nobody: there are no more units"
        more = " more" if sale.order_key in holders else ""
        return (
            f"Order {number} at {channel} needs {sale.units}{more} of product {sale.unified_product_id}, which went to "
            f"{had}. {buy} order {number} at {channel} before its shipping deadline, and tell the buyer."
        )

    def _tell(self, news: Iterable[tuple[Sale, Decided]]) -> None:
        for sale, decided in news:
            if not decided.news:
                continue
            INTERLOCK_SALES.labels(decided.state).inc()
            told = {"product": sale.unified_product_id, "order": sale.order_key, "fence": decided.fence}
            if decided.state is State.OVERSOLD:
                log.error("oversold: GET /oversold says what to do", **told, went_to=decided.holders)
            else:
                log.info("a sale", state=str(decided.state), left=decided.left, promoted=decided.promoted, **told)
