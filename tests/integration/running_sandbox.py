"""A sandbox that runs, and an endpoint that receives what it sends: for tests over real HTTP."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from services.sandbox.app import build
from services.sandbox.config import Config
from tests.serving import served

DEADLINE = 30.0


@dataclass(frozen=True)
class Received:
    """A delivery as it arrived."""

    path: str
    body: bytes
    headers: dict[str, str]


@dataclass
class Receiver:
    """An endpoint that answers as `answer` says."""

    server: TestServer
    answer: Callable[[Received], Awaitable[web.Response]]
    received: list[Received] = field(default_factory=list)

    def url(self, path: str) -> str:
        return str(self.server.make_url(path))


async def accept(_received: Received) -> web.Response:
    return web.Response(status=200)


@asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    async def handle(request: web.Request) -> web.Response:
        arrived = Received(request.path_qs, await request.read(), {k.lower(): v for k, v in request.headers.items()})
        made.received.append(arrived)
        return await made.answer(arrived)

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handle)
    made = Receiver(TestServer(app), accept)
    await made.server.start_server()
    try:
        yield made
    finally:
        await made.server.close()


class Sandbox:
    """A running sandbox's HTTP API."""

    def __init__(self, http: aiohttp.ClientSession, base: str) -> None:
        self.http = http
        self.base = base.rstrip("/")

    async def control(self, method: str, path: str, body: Any = None, expect: int | None = None) -> Any:
        """The JSON answer of the sandbox's own API."""
        async with self.http.request(method, self.base + path, json=body) as answer:
            text = await answer.text()
            assert expect in (None, answer.status), text
            assert expect or answer.status < 300, text
            return await answer.json(content_type=None)

    async def get(self, path: str, token: str | None = None, **headers: str) -> aiohttp.ClientResponse:
        """The answer of a marketplace's API, read."""
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        async with self.http.get(self.base + path, headers=headers, allow_redirects=False) as answer:
            await answer.read()
            return answer

    async def post(self, path: str, form: dict[str, str], **options: Any) -> aiohttp.ClientResponse:
        async with self.http.post(self.base + path, data=form, **options) as answer:
            await answer.read()
            return answer

    async def grant(self, form: dict[str, str]) -> aiohttp.ClientResponse:
        """POST /oauth/token of MercadoLibre, as the configured application."""
        accounts = (await self.control("GET", "/_accounts"))["mercadolibre"]
        client = {"client_id": str(accounts["application_id"]), "client_secret": accounts["client_secret"]}
        return await self.post("/mercadolibre/oauth/token", {**client, **form})

    async def token(self, seller: int = 0) -> str:
        """A fresh access token of a seller at MercadoLibre."""
        accounts = (await self.control("GET", "/_accounts"))["mercadolibre"]
        answer = await self.grant(
            {"grant_type": "refresh_token", "refresh_token": accounts["sellers"][seller]["refresh_token"]}
        )
        return str((await answer.json())["access_token"])

    async def settled(self, *, attempts: int | None = None, waiting: int = 0) -> dict[str, Any]:
        """The summary of what was sent, once nothing else waits (or so many attempts were made)."""
        async with asyncio.timeout(DEADLINE):
            while True:
                summary: dict[str, Any] = await self.control("GET", "/_sent/summary")
                if summary["attempts"] == attempts if attempts is not None else summary["waiting"] == waiting:
                    return summary
                await asyncio.sleep(0.01)

    async def sent(self, query: str = "") -> list[dict[str, Any]]:
        deliveries: list[dict[str, Any]] = (await self.control("GET", f"/_sent{query}"))["deliveries"]
        return deliveries


@asynccontextmanager
async def sandbox(**settings: Any) -> AsyncIterator[Sandbox]:
    """A sandbox with these settings, on a free port, with its workers."""
    async with (
        build(Config(**settings)) as service,
        served(service) as base,
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http,
    ):
        yield Sandbox(http, base)
