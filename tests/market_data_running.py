"""market_data running against the sandbox, real Kafka and real PostgreSQL, for tests."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import aiohttp

from libs.bus.settings import KafkaSettings
from libs.db.pool import Database
from libs.http import jwt
from libs.secrets.keys import new_key
from services.market_data.app import build
from services.market_data.config import Config
from tests.integration.running_sandbox import Sandbox
from tests.projecting import until
from tests.serving import configured, served, where
from tests.stockx_account import acme

KEY = "a key of the tests, long enough to sign"
USER = "7"
SECRETS_KEY = new_key()
LIMITS = {"seconds_between_requests": 0.001, "requests_a_day": 1_000_000}
"""The sandbox does not limit here: how limits are kept is tested with the poller and in test_quota.py."""
NEVER = {"market_data": None, "dead_stock": None, "notion_every": None}
"""No run begins by itself."""


class MarketData:
    """The running service's HTTP API, as a user calls it."""

    def __init__(self, http: aiohttp.ClientSession, base: str) -> None:
        self.http = http
        self.base = base.rstrip("/")

    async def text(
        self, method: str, path: str, expect: int = 200, *, user: str | None = USER, data: Any = None, **query: str
    ) -> str:
        """`user` None: without a token."""
        headers = {} if user is None else {"Authorization": f"Bearer {jwt.issue(KEY, user, timedelta(hours=1))}"}
        url = f"{self.base}/api/v1{path}"
        async with self.http.request(method, url, params=query, headers=headers, data=data) as answer:
            text = await answer.text()
            assert answer.status == expect, f"{answer.status}: {text}"
            return text

    async def call(self, method: str, path: str, expect: int = 200, **more: Any) -> Any:
        return json.loads(await self.text(method, path, expect, **more))

    async def start(self, kind: str) -> str:
        run_id: str = (await self.call("POST", "/market-data/runs", 202, kind=kind))["run_id"]
        return run_id

    async def take_in(self, csv: str) -> str:
        told = await self.call("POST", "/inventory/import", 202, data=csv.encode())
        import_id: str = told["import_id"]
        return import_id

    async def ended(self, run_id: str, seconds: float = 30) -> dict[str, Any]:
        """A run once it has ended."""
        told: dict[str, Any] = {}

        async def done() -> bool:
            nonlocal told
            told = await self.call("GET", f"/market-data/runs/{run_id}")
            return told["ended_at"] is not None

        await until(done, f"{run_id} has ended", seconds)
        return told


async def environment_of(sandbox: Sandbox, kafka: KafkaSettings, database: Database, **more: str) -> dict[str, str]:
    """The service's settings for the sandbox; `more` are further ones, without their prefix."""
    accounts = await sandbox.control("GET", "/_accounts")
    settings = {
        "jwt_key": KEY,
        "port": "0",
        "stockx": json.dumps(acme(accounts["stockx"])),
        "goat": json.dumps({"token": accounts["goat"]["token"], "base_url": f"{sandbox.base}/goat/api/v1"}),
        "notion": json.dumps({**accounts["notion"], "user_id": USER, "base_url": f"{sandbox.base}/notion/v1"}),
        "api__base_url": f"{sandbox.base}/stockx/v2",
        "api__pause_seconds": "0.01",
        "api__longest_pause_seconds": "0.05",
        "api__circuit_failures": "50",
        "accounts_url": f"{sandbox.base}/stockx",
        "limits": json.dumps(LIMITS),
        "timetable": json.dumps(NEVER),
        "lock_seconds": "2",
        **more,
    }
    return {
        **where(kafka, database, SECRETS_KEY),
        **{f"MARKET_DATA_{name.upper()}": value for name, value in settings.items() if value},
    }


@asynccontextmanager
async def serving(environment: dict[str, str]) -> AsyncIterator[MarketData]:
    """The service in this process on a free port, with its workers."""
    async with (
        build(configured(Config, environment)) as service,
        served(service) as base,
        aiohttp.ClientSession() as http,
    ):
        yield MarketData(http, base)
