"""The sellers with their inventories, and who is calling."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from aiohttp import web

from services.sandbox.ebay.catalogue import Catalogue
from services.sandbox.ebay.errors import bad_token, error_answer, no_token
from services.sandbox.ebay.refusal import Refusal
from services.sandbox.ebay.switches import Switches
from services.sandbox.ebay.tokens import APPLICATION, Tokens


@dataclass(eq=False)
class Seller:
    """A seller at eBay."""

    username: str
    seed: str
    catalogue: Catalogue

    def resize(self, items: int) -> None:
        """Begin again with so many items."""
        self.catalogue = Catalogue(self.seed, items)


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
