"""What waits for a key is bounded: whoever invents a key's name can neither fill memory nor shut out others."""

import asyncio
from collections import Counter
from collections.abc import Awaitable

import aiohttp

from libs.marketplaces.contract import BadSignature, Delivery, Notification
from services.webhook_gateway.handlers import KEY_OVERHEAD, KEY_WAITING_BYTES
from tests.unit.webhook_gateway.shop import MOST, Running, ShopVerifier, body_of, gateway_running, sign

BODY = body_of("stranger", more="x" * (MOST - 100))
ROOM = KEY_WAITING_BYTES * 8 // 9 // (len(BODY) + KEY_OVERHEAD)
"""How many of them one account may have waiting, about."""


class FetchingVerifier(ShopVerifier):
    """A key named `stranger` is asked for, and turns out not to exist; every other is known."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.fetched = asyncio.Event()
        self.waiting = 0

    def verify(self, delivery: Delivery) -> Notification | Awaitable[Notification]:  # type: ignore[override]
        return self._ask() if delivery.headers["x-shop-signature"] == "stranger" else super().verify(delivery)

    async def _ask(self) -> Notification:
        self.waiting += 1
        await self.fetched.wait()
        self.waiting -= 1
        raise BadSignature("There is no such key.")


async def flood(client: aiohttp.ClientSession, name: str, count: int) -> Counter[tuple[int, str]]:
    async def one() -> tuple[int, str]:
        headers = {"Content-Type": "application/json", "X-Shop-Signature": "stranger"}
        async with client.post(f"/webhooks/{name}/main", data=BODY, headers=headers) as answer:
            assert (answer.status == 503) == ("Retry-After" in answer.headers)
            return answer.status, (await answer.json(content_type=None))["reason"]

    return Counter(await asyncio.gather(*(one() for _ in range(count))))


def refused(running: Running) -> int:
    return sum(one.reason == "overloaded" for one in running.decided)


async def accepted(client: aiohttp.ClientSession, name: str, body: bytes) -> bool:
    headers = {"Content-Type": "application/json", "X-Shop-Signature": sign(body)}
    async with client.post(f"/webhooks/{name}/main", data=body, headers=headers) as answer:
        return answer.status == 202


async def test_what_waits_for_a_key_has_a_room_that_is_shared_and_given_back() -> None:
    flooded, other = FetchingVerifier("flooded"), FetchingVerifier("other")
    async with (
        gateway_running({"flooded": flooded, "other": other}) as running,
        aiohttp.ClientSession(running.url, connector=aiohttp.TCPConnector(limit=0)) as client,
    ):
        for body in (body_of(1), body_of(2)):  # again, when everything was given back
            before = refused(running)
            flooded.fetched.clear()
            floods = asyncio.create_task(flood(client, "flooded", ROOM + 60))
            async with asyncio.timeout(4):
                while flooded.waiting + refused(running) - before < ROOM + 60:
                    await asyncio.sleep(0.01)
            assert flooded.waiting * (len(BODY) + KEY_OVERHEAD) <= KEY_WAITING_BYTES
            assert await accepted(client, "flooded", body)  # its key is known
            other.fetched.set()
            assert await flood(client, "other", 1) == {(401, "bad_signature"): 1}
            waiting = flooded.waiting
            assert waiting > ROOM - 2
            flooded.fetched.set()
            assert await floods == {(401, "bad_signature"): waiting, (503, "overloaded"): ROOM + 60 - waiting}
