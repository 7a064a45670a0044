"""ebay_sync running against the sandbox, real Kafka and real PostgreSQL, for tests."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import aiohttp

from libs.bus.settings import KafkaSettings
from libs.db.pool import Database
from libs.http import jwt
from libs.secrets.keys import new_key
from services.ebay_sync.app import build
from services.ebay_sync.config import Config
from tests.integration.running_sandbox import Sandbox
from tests.serving import configured, served, where

KEY = "a key of the tests, long enough to sign"
USER = "7"
SECRETS_KEY = new_key()
DEADLINE = 60.0
EBAY_TOPICS = ("webhooks", "inventory", "offers", "orders", "projector-dlt", "ebay-sync-dlt")
"""What the service and the projections of its facts read and write; see the fixture `kafka`."""


@dataclass(frozen=True)
class Event:
    """A server-sent event."""

    id: str | None
    name: str
    data: dict[str, Any]

    @property
    def text(self) -> str:
        """The line without its time."""
        return str(self.data["line"]).partition("] ")[2]


class Sync:
    """The running service's HTTP API, as a user calls it."""

    def __init__(self, http: aiohttp.ClientSession, base: str, user: str = USER) -> None:
        self.http = http
        self.base = base.rstrip("/")
        self.headers = {"Authorization": f"Bearer {jwt.issue(KEY, user, timedelta(hours=1))}"}

    async def call(self, method: str, path: str, expect: int = 200, **more: Any) -> Any:
        headers = {**self.headers, **more.pop("headers", {})}
        async with self.http.request(method, f"{self.base}/ebay/sync{path}", headers=headers, **more) as answer:
            text = await answer.text()
            assert answer.status == expect, f"{answer.status}: {text}"
            return json.loads(text) if text else None

    async def start(self, kind: str, **query: str) -> str:
        told = await self.call("POST", f"/{kind}", params=query)
        return str(told["run_id"])

    async def events(self, run_id: str, after: str | None = None, most: int | None = None) -> list[Event]:
        """The events of a run up to its end, or the first so many."""
        headers = self.headers | ({} if after is None else {"Last-Event-ID": after})
        found: list[Event] = []
        async with (
            asyncio.timeout(DEADLINE),
            self.http.get(f"{self.base}/ebay/sync/events/{run_id}", headers=headers) as answer,
        ):
            assert answer.status == 200, await answer.text()
            assert answer.content_type == "text/event-stream"
            async for event in read_events(answer.content):
                found.append(event)
                if most is not None and len(found) == most:
                    break
        return found

    async def done(self, run_id: str) -> dict[str, Any]:
        """The run once it has ended."""
        await self.events(run_id)
        told: dict[str, Any] = await self.call("GET", f"/runs/{run_id}")
        return told

    async def synced(self, kind: str, **query: str) -> dict[str, Any]:
        """A whole run."""
        return await self.done(await self.start(kind, **query))


async def read_events(content: aiohttp.StreamReader) -> AsyncIterator[Event]:
    """Parse a stream as WHATWG HTML, section 9.2, says."""
    fields: dict[str, str] = {}
    async for raw in content:
        line = raw.decode().rstrip("\n")
        if line:
            name, _, value = line.partition(":")
            if name:
                fields[name] = value.removeprefix(" ")
            continue
        if "data" in fields:
            yield Event(fields.get("id"), fields.get("event", "message"), json.loads(fields["data"]))
        fields = {}


async def accounts_of(sandbox: Sandbox, users: tuple[str, ...] = (USER,)) -> list[dict[str, str]]:
    """The sandbox's sellers, one for each user given."""
    told = (await sandbox.control("GET", "/_accounts"))["ebay"]
    return [
        {
            "account": seller["username"],
            "user_id": user,
            "client_id": told["client_id"],
            "client_secret": told["client_secret"],
            "refresh_token": seller["refresh_token"],
        }
        for seller, user in zip(told["sellers"], users, strict=False)
    ]


def environment_of(
    sandbox: Sandbox, kafka: KafkaSettings, database: Database, accounts: Sequence[dict[str, str]], **more: str
) -> dict[str, str]:
    """The service's settings for a running sandbox; `more` are further ones, without their prefix."""
    settings = {
        "accounts": json.dumps(accounts),
        "jwt_key": KEY,
        "port": "0",
        "api__base_url": f"{sandbox.base}/ebay",
        "api__pause_seconds": "0.01",
        "api__longest_pause_seconds": "0.2",
        "api__circuit_failures": "50",
        "pace__retry_pause": "PT0.02S",
        "lease": "PT20S",
        "orders__every": "PT0S",
        **more,
    }
    return {
        **where(kafka, database, SECRETS_KEY),
        **{f"EBAY_SYNC_{name.upper()}": value for name, value in settings.items()},
    }


@asynccontextmanager
async def serving(environment: dict[str, str]) -> AsyncIterator[Sync]:
    """The service in this process on a free port, with its workers."""
    async with (
        build(configured(Config, environment)) as service,
        served(service) as base,
        aiohttp.ClientSession() as http,
    ):
        yield Sync(http, base)
