"""Who is calling, within which limits: before every request to `/v2`."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

from aiohttp import web

from services.sandbox.stockx.errors import Refusal
from services.sandbox.stockx.limits import Meter
from services.sandbox.stockx.switches import Switches
from services.sandbox.stockx.tokens import Tokens

SELLER: web.RequestKey[str] = web.RequestKey("seller", str)


class Gate:
    """Checks the key, counts the request, then checks the token; counts calls by route."""

    def __init__(self, api_key: str, tokens: Tokens, meter: Meter, switches: Callable[[], Switches]) -> None:
        self._key = api_key
        self._tokens = tokens
        self._meter = meter
        self._switches = switches
        self.calls: Counter[str] = Counter()

    @web.middleware
    async def middleware(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        resource = request.match_info.route.resource
        route = resource.canonical if resource is not None else ""
        place = route.find("/v2/")
        if place < 0:
            return await handler(request)
        switches = self._switches()
        if request.headers.get("x-api-key") != self._key:
            raise Refusal(401, "Unauthorized: the API key is missing or unknown")
        self._meter.request(switches)
        self.calls[f"{request.method} {route[place + 3 :]}"] += 1
        if switches.latency:
            await asyncio.sleep(switches.latency)
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        seller = self._tokens.holder(token) if scheme.lower() == "bearer" else None
        if seller is None:
            raise Refusal(401, "Unauthorized")
        request[SELLER] = seller
        return await handler(request)
