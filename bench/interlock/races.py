"""Races: a unit sells on one marketplace, and a moment later somebody wants to buy it on another.

The second buyer succeeds exactly if that listing is still on sale at that moment, whatever we do: the time until we
hear of the first sale, and the marketplace's own, cannot be had back. What the interlock owes is that no unit is ever
held by two orders, and that a second order is flagged as soon as it is heard of.
"""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from time import perf_counter

from bench.interlock.marketplaces import CHANNELS, NOTIFIED, Marketplace, item, log_normal
from libs.db.errors import DatabaseAway
from schemas.channels import Channel
from services.interlock.handlers import WAIT
from services.interlock.interlocking import Interlock
from services.interlock.reservations import Decided, Sale, State

LONGEST_GAP = 3.0
"""Seconds between the two buyers: uniform up to this."""

OFF_WITHIN = 120.0


@dataclass
class Results:
    """Counts, and seconds."""

    races: int = 0
    stopped: int = 0  # the second buyer found nothing to buy
    second_orders: int = 0
    flagged: int = 0
    both_held: int = 0
    unflagged: int = 0
    to_last_off: list[float] = field(default_factory=list)  # from the notification of the first sale
    to_flag: list[float] = field(default_factory=list)  # from the notification of the second order
    by_gap: Counter[tuple[int, bool]] = field(default_factory=Counter)


class Races:
    """Runs races side by side against one interlock, whose worker takes listings off."""

    def __init__(self, interlock: Interlock, shops: dict[Channel, Marketplace], seed: int) -> None:
        self._interlock = interlock
        self._shops = shops
        self._chance = random.Random(seed)  # noqa: S311  (simulation)
        self._off: dict[int, asyncio.Event] = {}
        self.results = Results()
        for shop in shops.values():
            shop.off = self._went_off

    async def run(self, first: int, last: int, at_once: int) -> None:
        """Races for the products `first` to `last`."""
        slots = asyncio.Semaphore(at_once)

        async def one(product: int) -> None:
            async with slots:
                await self._race(product)

        await asyncio.gather(*(one(product) for product in range(first, last + 1)))

    async def _race(self, product: int) -> None:
        sold, wanted = self._chance.sample(CHANNELS, 2)
        gap = self._chance.uniform(0, LONGEST_GAP)
        for channel, shop in self._shops.items():
            shop.on_sale.add(item(channel, product))
        self._off[product] = asyncio.Event()
        assert self._shops[sold].buy(item(sold, product))
        first, second = await asyncio.gather(self._first(product, sold), self._second(product, wanted, gap))
        del self._off[product]
        self.results.races += 1
        self.results.by_gap[int(gap * 2), second is not None] += 1
        if second is None:
            self.results.stopped += 1
            return
        self.results.second_orders += 1
        held = [first, second].count(State.HELD)
        self.results.both_held += held == 2
        self.results.flagged += State.OVERSOLD in (first, second)
        self.results.unflagged += State.OVERSOLD not in (first, second)

    async def _first(self, product: int, channel: Channel) -> State:
        await asyncio.sleep(log_normal(self._chance, NOTIFIED))
        began = perf_counter()
        decided = await self._sold(Sale(product, f"{channel}:{product}-1", 1))
        async with asyncio.timeout(OFF_WITHIN):
            await self._off[product].wait()
        self.results.to_last_off.append(perf_counter() - began)
        return decided.state

    async def _second(self, product: int, channel: Channel, gap: float) -> State | None:
        await asyncio.sleep(gap)
        if not self._shops[channel].buy(item(channel, product)):
            return None
        self._is_all_off(product)
        await asyncio.sleep(log_normal(self._chance, NOTIFIED))
        began = perf_counter()
        decided = await self._sold(Sale(product, f"{channel}:{product}-2", 1))
        self.results.to_flag.append(perf_counter() - began)
        return decided.state

    async def _sold(self, sale: Sale) -> Decided:
        """As the consumer does: while PostgreSQL does not answer, the fact waits."""
        while True:
            try:
                return (await self._interlock.sold([sale]))[0]
            except DatabaseAway:
                await asyncio.sleep(WAIT.total_seconds())

    def _went_off(self, item_id: str) -> None:
        self._is_all_off(int(item_id.rpartition("-")[2]))

    def _is_all_off(self, product: int) -> None:
        if product in self._off and not any(
            item(channel, product) in shop.on_sale for channel, shop in self._shops.items()
        ):
            self._off[product].set()
