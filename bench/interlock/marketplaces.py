"""Simulated marketplaces: what is on sale there, how long they take, and how often they fail. Seeded.

| what                                   | how long, how often                                                     |
|----------------------------------------|-------------------------------------------------------------------------|
| an order's notification reaches us     | log-normal, median 300 ms, sigma 0.7 (one in a hundred above 1.5 s)     |
| a listing is taken off                 | log-normal, median 180 ms, sigma 0.6 (one in a hundred above 0.7 s)     |
| … the marketplace answers 503          | 1 %: tried again after our own pause                                    |
| … it answers 429 with Retry-After: 1   | 0.5 %                                                                   |

These are assumptions, stated so that they can be disputed; nothing here was measured at a marketplace.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from math import log

from libs.http.errors import RateLimited, Unavailable
from libs.selling.channel import Listed, Wanted
from schemas.channels import Channel

CHANNELS = (Channel.EBAY, Channel.MERCADOLIBRE, Channel.AMAZON, Channel.SQUARE)
MARKET = "US"

NOTIFIED = (0.300, 0.7)
TAKEN_OFF = (0.180, 0.6)
AWAY, TOO_FAST = 0.01, 0.005


def log_normal(chance: random.Random, median_sigma: tuple[float, float]) -> float:
    """Seconds."""
    median, sigma = median_sigma
    return chance.lognormvariate(log(median), sigma)


@dataclass
class Marketplace:
    """A SalesChannel on which listings are bought and taken off; `off` is called with each that goes off."""

    channel: Channel
    seed: int
    off: Callable[[str], None] = field(default=lambda _: None)
    market: str = MARKET
    currency: str = "USD"
    on_sale: set[str] = field(default_factory=set)
    calls: int = 0
    chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)  # noqa: S311  (simulation)

    async def find(self, sku: str) -> Listed | None:
        raise NotImplementedError(f"nothing is looked for under {sku} in this benchmark")

    async def publish(self, wanted: Wanted) -> Listed:
        raise NotImplementedError(f"nothing is published in this benchmark: {wanted.sku}")

    async def reprice(self, item_id: str, wanted: Wanted) -> bool:
        raise NotImplementedError(f"no price is changed in this benchmark: {item_id}, {wanted.price}")

    async def withdraw(self, sku: str) -> None:
        raise NotImplementedError(f"nothing is withdrawn in this benchmark: {sku}")

    async def take_off(self, item_id: str, sku: str | None = None) -> None:  # noqa: ARG002  (the contract)
        self.calls += 1
        await asyncio.sleep(log_normal(self.chance, TAKEN_OFF))
        luck = self.chance.random()
        if luck < AWAY:
            raise Unavailable("take_off", "simulated: away", status=503)
        if luck < AWAY + TOO_FAST:
            raise RateLimited("take_off", "simulated: too fast", status=429, retry_after=timedelta(seconds=1))
        self.on_sale.discard(item_id)
        self.off(item_id)

    def buy(self, item_id: str) -> bool:
        """Somebody buys: one piece, so the listing ends by itself. False: it is off already."""
        if item_id not in self.on_sale:
            return False
        self.on_sale.discard(item_id)
        return True


def item(channel: Channel, product: int) -> str:
    """The id of a product's listing."""
    return f"{channel}-{product}"
