"""mercadolibre_api as its app builds it, and a MercadoLibre that answers as a test says and keeps what it was asked."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from libs.bus.settings import KafkaSettings
from libs.db.pool import Database
from libs.http.server import Health, prepare_application
from libs.secrets.keys import new_key, read_keys
from libs.secrets.vault import Vault
from services.mercadolibre_api.app import build
from services.mercadolibre_api.config import Config

CLIENT_ID, CLIENT_SECRET = "6456467593800000", "client-secret-of-tests"
REDIRECT = "https://sellstream.example/mercadolibre/oauth/callback"
AUTHORIZATION = "https://auth.mercadolibre.com.mx/authorization"
KEY = new_key()
NO_KAFKA = KafkaSettings(bootstrap_servers="127.0.0.1:9")
"""Nobody listens there: for what needs no Kafka."""
VAULT = Vault(read_keys(KEY))
STORE = f"mercadolibre/{CLIENT_ID}"

Answer = Callable[[web.Request], Awaitable[web.Response]]


@dataclass
class Upstream:
    """MercadoLibre. `answer` is for everything but tokens, which rotate: each refresh token is good once."""

    answer: Answer
    base_url: str = ""
    asked: list[web.Request] = field(default_factory=list)
    forms: list[dict[str, str]] = field(default_factory=list)
    refresh: str = "TG-refresh-token-number-0"
    granted: int = 0
    expires_in: int = 21600
    grant_pause: float = 0.0
    grant_status: int = 200
    user_id: int = 123456789

    @property
    def access(self) -> str:
        return f"APP_USR-access-token-number-{self.granted}"

    async def token(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.forms.append(form)
        await asyncio.sleep(self.grant_pause)
        spent = form["grant_type"] == "refresh_token" and form["refresh_token"] != self.refresh
        if spent or self.grant_status != 200:
            status = 400 if spent else self.grant_status
            body = {
                "error_description": "Error validating grant.",
                "error": "invalid_grant",
                "status": 400,
                "cause": [],
            }
            return web.json_response(body, status=status)
        self.granted += 1
        self.refresh = f"TG-refresh-token-number-{self.granted}"
        return web.json_response(
            {
                "access_token": self.access,
                "token_type": "bearer",
                "expires_in": self.expires_in,
                "scope": "offline_access read write",
                "user_id": self.user_id,
                "refresh_token": self.refresh,
            }
        )

    async def other(self, request: web.Request) -> web.Response:
        self.asked.append(request)
        return await self.answer(request)


@asynccontextmanager
async def upstream() -> AsyncIterator[Upstream]:
    async def empty(_request: web.Request) -> web.Response:
        return web.json_response({})

    made = Upstream(empty)
    app = web.Application()
    app.router.add_post("/oauth/token", made.token)
    app.router.add_get("/{tail:.*}", made.other)
    async with TestServer(app) as server:
        made.base_url = str(server.make_url("/"))
        yield made


@dataclass
class Told:
    """An answer, read."""

    status: int
    headers: Any
    text: str
    json: Any


class Api:
    """A running mercadolibre_api."""

    def __init__(self, http: aiohttp.ClientSession, base: str) -> None:
        self._http = http
        self.base = base

    async def get(self, path: str, **query: str) -> Told:
        url = self.base.rstrip("/") + path
        async with self._http.get(url, params=query, allow_redirects=False) as answer:
            text = await answer.text()
            is_json = answer.content_type.endswith("json")
            return Told(answer.status, answer.headers, text, await answer.json(content_type=None) if is_json else None)

    async def post(self, path: str, body: Any, **headers: str) -> Told:
        """POST JSON, or text as it is; `_` in a header's name stands for `-`."""
        content = body if isinstance(body, str | bytes) else json.dumps(body)
        told = {name.replace("_", "-"): value for name, value in headers.items()} | {"Content-Type": "application/json"}
        async with self._http.post(self.base.rstrip("/") + path, data=content, headers=told) as answer:
            text = await answer.text()
            return Told(answer.status, answer.headers, text, await answer.json(content_type=None))


@asynccontextmanager
async def mercadolibre_api(
    database_url: str, base_url: str, *, kafka: KafkaSettings = NO_KAFKA, **settings: Any
) -> AsyncIterator[Api]:
    """The service with an application, on a free port; each has a pool of its own, as a process has."""
    application = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "redirect_uri": REDIRECT}
    reached = {"base_url": base_url, "attempts": 1, "circuit_failures": 1000}
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DATABASE_URL", database_url)
        environment.setenv("KAFKA_BOOTSTRAP_SERVERS", kafka.bootstrap_servers)
        environment.setenv("KAFKA_TOPIC_PREFIX", kafka.topic_prefix)
        environment.setenv("SELLSTREAM_SECRETS_KEYS", KEY)
        config = Config(**application | {"api": reached} | settings)
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(build(config))
        prepare_application(service.http, service.name, Health(service.ready))
        server = await stack.enter_async_context(TestServer(service.http))
        http = await stack.enter_async_context(aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()))
        yield Api(http, str(server.make_url("/")))


async def empty(database: Database) -> None:
    """What a test left behind is gone."""
    async with database.connection() as connection:
        await connection.execute("TRUNCATE oauth.tokens, oauth.states, oauth.unsealed_tokens, quota.counters")
