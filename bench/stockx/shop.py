"""The sandbox as a benchmark sees it: what really happened at StockX, and how often it was asked."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import aiohttp

_WORK = ("/selling/listings", "/selling/batch")


@dataclass(frozen=True)
class Shop:
    """A running sandbox."""

    http: aiohttp.ClientSession
    base: str

    async def control(self, method: str, path: str, body: Any = None) -> Any:
        """The sandbox's own API."""
        async with self.http.request(method, self.base + path, json=body) as answer:
            answer.raise_for_status()
            return await answer.json(content_type=None)

    async def variants(self, most: int) -> list[str]:
        """Some variants: the products' sizes, product by product."""
        told = (await self.control("GET", f"/_stockx/variants?limit={most}"))["variants"]
        return [each["variant_id"] for each in told]

    async def listings(self) -> dict[str, dict[str, Any]]:
        """Every listing by its id, as it really is."""
        told = (await self.control("GET", "/_stockx/listings?limit=100000"))["listings"]
        return {each["listing_id"]: each for each in told}

    async def operations(self) -> list[dict[str, Any]]:
        """Every operation, with the moment at which it really ended."""
        told: list[dict[str, Any]] = (await self.control("GET", "/_stockx/operations?limit=100000"))["operations"]
        return told

    async def forget_calls(self) -> None:
        await self.control("DELETE", "/_stockx/calls")

    async def calls(self) -> tuple[Counter[str], dict[str, int]]:
        """The calls that are about listings, by route; and what was refused with 429."""
        told = await self.control("GET", "/_stockx/calls")
        work = {name: count for name, count in told["calls"].items() if name.partition(" ")[2].startswith(_WORK)}
        return Counter(work), told["refused"]

    async def now(self) -> datetime:
        """The sandbox's time."""
        told = await self.control("GET", "/_stockx/calls")
        return datetime.fromisoformat(told["now"])
