"""The obvious way: each listing created by a call of its own, each operation polled every N seconds until it has ended.

It keeps the limit of a request a second, as anybody must: what is due waits for its turn, the oldest first. What it
learns counts as known at once, with no Kafka in between, which is in its favour.
"""

import asyncio
import heapq
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.stockx.shop import Shop

_TOO_MANY = 429


@dataclass(order=True)
class _Due:
    at: float
    number: int
    listing: Any = field(compare=False)
    operation: str = field(compare=False, default="")


@dataclass
class Naive:
    """A client of the sandbox's StockX. `every` and `pace` are our seconds."""

    shop: Shop
    every: float
    pace: float

    async def known(self, bodies: Sequence[tuple[float, dict[str, Any]]]) -> dict[str, float]:
        """Create a listing at each of these moments (seconds from now); when each operation was known to have ended.

        By listing; the moments are those of the event loop's clock.
        """
        headers = await self._headers()
        loop = asyncio.get_running_loop()
        began, numbers = loop.time(), itertools.count()
        waiting = [_Due(began + after, next(numbers), body) for after, body in bodies]
        heapq.heapify(waiting)
        known: dict[str, float] = {}
        while waiting:
            due = heapq.heappop(waiting)
            await asyncio.sleep(max(0.0, due.at - loop.time()))
            turn = loop.time() + self.pace
            if due.operation:
                path = f"/{due.listing}/operations/{due.operation}"
                told = await self._asked("GET", path, headers, None)
                if told["operationStatus"] != "PENDING":
                    known[due.listing] = loop.time()
            else:
                told = await self._asked("POST", "", headers, due.listing)
            if told["listingId"] not in known:
                again = _Due(loop.time() + self.every, next(numbers), told["listingId"], told["operationId"])
                heapq.heappush(waiting, again)
            await asyncio.sleep(max(0.0, turn - loop.time()))
        return known

    async def _headers(self) -> dict[str, str]:
        told = (await self.shop.control("GET", "/_accounts"))["stockx"]
        form = {
            "grant_type": "refresh_token",
            "client_id": told["client_id"],
            "client_secret": told["client_secret"],
            "refresh_token": told["sellers"][0]["refresh_token"],
            "audience": "gateway.stockx.com",
        }
        async with self.shop.http.post(f"{self.shop.base}/stockx/oauth/token", data=form) as answer:
            answer.raise_for_status()
            token = (await answer.json())["access_token"]
        return {"x-api-key": told["api_key"], "Authorization": f"Bearer {token}"}

    async def _asked(self, method: str, path: str, headers: dict[str, str], body: Any) -> dict[str, Any]:
        url = f"{self.shop.base}/stockx/v2/selling/listings{path}"
        while True:
            async with self.shop.http.request(method, url, json=body, headers=headers) as answer:
                if answer.status != _TOO_MANY:
                    answer.raise_for_status()
                    told: dict[str, Any] = await answer.json()
                    return told
            await asyncio.sleep(self.pace)
