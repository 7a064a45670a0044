"""A marketplace to sell on, in memory: how long it takes, what fails, and what is on sale there."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from libs.http.errors import Unavailable
from libs.selling.channel import Listed, Wanted
from schemas.channels import Channel


async def at_once() -> None:
    await asyncio.sleep(0)


@dataclass
class Shop:
    """A SalesChannel. `on_sale`: what can be bought; `fail`: so many calls fail; `takes` is its latency."""

    channel: Channel
    market: str = "US"
    currency: str = "USD"
    on_sale: set[str] = field(default_factory=set)
    fail: int = 0
    takes: Callable[[], Awaitable[None]] = at_once
    calls: list[str] = field(default_factory=list)
    sku: str | None = None  # the only one that changes what is on sale; None: it goes by the item

    async def find(self, sku: str) -> Listed | None:
        raise NotImplementedError(f"nothing is looked for under {sku} here")

    async def publish(self, wanted: Wanted) -> Listed:
        raise NotImplementedError(f"nothing is published here: {wanted.sku}")

    async def reprice(self, item_id: str, wanted: Wanted) -> bool:
        raise NotImplementedError(f"no price is changed here: {item_id}, {wanted.price}")

    async def withdraw(self, sku: str) -> None:
        raise NotImplementedError(f"nothing is withdrawn here: {sku}")

    async def take_off(self, item_id: str, sku: str | None = None) -> None:
        self.calls.append(item_id)
        await self.takes()
        if self.fail > 0:
            self.fail -= 1
            raise Unavailable("DELETE /listing", "the shop is away", status=503)
        if self.sku in (None, sku):
            self.on_sale.discard(item_id)
