"""A sale, decided: units reserved, and the work of taking listings off given in, in one transaction."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from libs.db.pool import Connection, Database
from libs.jobs import JobQueue, NewJob
from libs.telemetry.log import get_logger
from libs.telemetry.metrics import INTERLOCK_SALES
from services.interlock.goods import Offered, another, offered, on_hand
from services.interlock.reservations import Decided, Sale, State, left_of, lock, release, reserve

log = get_logger()

QUEUE = "interlock"
TAKE_OFF = "take_off"

ENDS_ITSELF = frozenset({"stockx"})
"""Where a listing is one unit: the sold one is gone by itself."""


@dataclass(frozen=True)
class Interlock:
    """`units_unless_told`: of a product that does not say how many there are; None: no limit."""

    database: Database
    queue: JobQueue
    units_unless_told: int | None = 1
    attempts: int = 40

    async def sold(self, sale: Sale, sold_by: Collection[int] = ()) -> Decided:
        """Reserve a sale's units; when none is left, every listing is taken off. `sold_by`: the listings that sold."""
        product = sale.unified_product_id
        async with self.database.transaction() as connection:
            units = await on_hand(connection, product, self.units_unless_told)

            async def advise(late: Sale, holders: tuple[str, ...]) -> str:
                return await self._advice(connection, late, holders)

            decided = await reserve(connection, sale, units, advise)
            if decided.sold_out and decided.news:
                listings = await offered(connection, product)
                keep = {one.sell_listing_id for one in listings if one.channel in ENDS_ITSELF} & set(sold_by)
                await self._take_off(
                    connection, product, decided.fence, [one for one in listings if one.sell_listing_id not in keep]
                )
        self._tell(sale, decided)
        return decided

    async def ended(self, sale: Sale, *, came_back: bool = True) -> Decided:
        """Release a sale's units; if they did not come back, only its claim to some."""
        async with self.database.transaction() as connection:
            units = await on_hand(connection, sale.unified_product_id, self.units_unless_told)
            decided = await release(connection, sale, units, came_back=came_back)
            if decided.news and decided.sold_out and decided.promoted:
                product = sale.unified_product_id
                await self._take_off(connection, product, decided.fence, await offered(connection, product))
        self._tell(sale, decided)
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
                ON CONFLICT (unified_product_id, fence, sell_listing_id) DO UPDATE SET done_at = NULL WHERE $7
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
        had = " and ".join(holders) or "nobody: there are no units"
        return (
            f"Order {number} at {channel} needs {sale.units} of product {sale.unified_product_id}, which went to "
            f"{had}. {buy} order {number} at {channel} before its shipping deadline, and tell the buyer."
        )

    def _tell(self, sale: Sale, decided: Decided) -> None:
        if not decided.news:
            return
        INTERLOCK_SALES.labels(decided.state).inc()
        told = {"product": sale.unified_product_id, "order": sale.order_key, "fence": decided.fence}
        if decided.state is State.OVERSOLD:
            log.error("oversold: GET /oversold says what to do", **told, went_to=decided.holders)
        else:
            log.info("a sale", state=str(decided.state), left=decided.left, promoted=decided.promoted, **told)
