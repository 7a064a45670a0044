"""The sellers with their inventories, and who is calling."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from services.sandbox.ebay import goods
from services.sandbox.ebay.catalogue import Catalogue
from services.sandbox.ebay.errors import bad_token, error_answer, no_token
from services.sandbox.ebay.goods import Good
from services.sandbox.ebay.own import OwnGoods
from services.sandbox.ebay.refusal import Refusal
from services.sandbox.ebay.switches import Switches
from services.sandbox.ebay.tokens import APPLICATION, Tokens


@dataclass(eq=False)
class Seller:
    """A seller at eBay."""

    username: str
    seed: str
    catalogue: Catalogue
    own: OwnGoods = field(default_factory=OwnGoods)

    def __len__(self) -> int:
        return len(self.own.items) + len(self.catalogue)

    def items(self, start: int, stop: int) -> list[dict[str, Any]]:
        """The items at these places of the list, with those that were written first; official shape."""
        own = list(self.own.items.values())
        seeded = self.catalogue.slice(max(0, start - len(own)), max(0, stop - len(own)))
        return [*own[start:stop], *(goods.item(good) for good in seeded)]

    def item(self, sku: str) -> dict[str, Any] | None:
        """One item in the official shape."""
        if sku in self.own.items:
            return self.own.items[sku]
        good = self.catalogue.with_sku(sku)
        return goods.item(good) if good is not None else None

    def offers(self, sku: str) -> list[dict[str, Any]]:
        """An item's offers in the official shape."""
        if sku in self.own.items:
            return self.own.of_sku(sku)
        good = self.catalogue.with_sku(sku)
        return goods.offers(good) if good is not None else []

    def sku_of_offer(self, offer_id: str) -> str | None:
        """Whose offer it is, if it can be one."""
        if offer_id in self.own.offers:
            sku: str = self.own.offers[offer_id]["sku"]
            return sku
        number = (int(offer_id) - goods.FIRST_OFFER) // 2 if offer_id.isascii() and offer_id.isdigit() else -1
        return Good(self.seed, number).sku if number >= 0 else None

    def resize(self, items: int) -> None:
        """Begin again with so many items."""
        self.catalogue = Catalogue(self.seed, items)
        self.own = OwnGoods()


@dataclass
class Sellers:
    """All sellers by their name; the first is the one that notifications are about."""

    by_name: Mapping[str, Seller]
    tokens: Tokens
    switches: Switches
    calls: Counter[str] = field(default_factory=Counter)

    @property
    def first(self) -> Seller:
        return next(iter(self.by_name.values()))

    def calling(self, request: web.Request) -> Seller:
        """The seller whose token a request bears; raise Refusal."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Refusal(no_token())
        holder = self.tokens.holder(token)
        if holder is None:
            expired_as_403 = self.switches.expired_status == 403 and "/sell/inventory/" in request.path
            raise Refusal(insufficient() if expired_as_403 else bad_token())
        if holder == APPLICATION:
            raise Refusal(insufficient())
        return self.by_name[holder]

    @web.middleware
    async def at_work(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Count the calls of the `/sell` APIs by their route, and let each take its time."""
        resource = request.match_info.route.resource
        route = resource.canonical if resource is not None else ""
        place = route.find("/sell/")
        if place >= 0:
            self.calls[f"{request.method} {route[place:]}"] += 1
            if self.switches.latency:
                await asyncio.sleep(self.switches.latency)
        return await handler(request)


def insufficient() -> web.Response:
    return error_answer(403, 1100, "ACCESS", "Access denied", "Insufficient permissions to fulfill the request.")
