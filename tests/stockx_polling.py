"""stockx_poller running against the sandbox, real Kafka and real PostgreSQL, for tests."""

import json
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp

from libs.bus.settings import KafkaSettings
from libs.db.pool import Database
from libs.http import jwt
from libs.secrets.keys import new_key
from services.stockx_poller.app import build
from services.stockx_poller.config import Config
from tests.integration.running_sandbox import Sandbox
from tests.projecting import until
from tests.serving import configured, process, served, where
from tests.stockx_account import acme

KEY = "a key of the tests, long enough to sign"
USER = "7"
SECRETS_KEY = new_key()
SPEED = 60.0
"""The sandbox's clock against ours; our limits are scaled alike, but slower: 10 ms on the way are 0.6 s there."""

LIMITS = {
    "seconds_between_requests": 5.0 / SPEED,
    "requests_a_day": 1_000_000,
    "items": 500,
    "items_window_seconds": 400.0 / SPEED,
    "items_a_day": 1_000_000,
}
TIMING = {
    "first_poll": 0.1,
    "longest_poll": 2.0,
    "batch": 1.5,
    "give_up": 60.0,
    "settle": 2.0,
    "gather": 0.1,
    "sweep": 3.0,
    "orders": 1.0,
    "history": 2.0,
}


class Poller:
    """The running service's HTTP API, as a user calls it."""

    def __init__(self, http: aiohttp.ClientSession, base: str, user: str = USER) -> None:
        self.http = http
        self.url = base.rstrip("/")
        self.base = self.url + "/api/v1/stockx"
        self.headers = {"Authorization": f"Bearer {jwt.issue(KEY, user, timedelta(hours=1))}"}

    async def call(self, method: str, path: str, body: Any = None, expect: int = 202, *, key: str | None = None) -> Any:
        headers = self.headers | ({"Idempotency-Key": key} if key else {})
        async with self.http.request(method, self.base + path, json=body, headers=headers) as answer:
            text = await answer.text()
            assert answer.status == expect, f"{answer.status}: {text}"
            return json.loads(text)

    async def ended(self, command_id: str, seconds: float = 30) -> dict[str, Any]:
        """A command once it has ended."""
        told: dict[str, Any] = {}

        async def done() -> bool:
            nonlocal told
            told = await self.call("GET", f"/commands/{command_id}", expect=200)
            return told["ended_at"] is not None

        await until(done, f"{command_id} has ended", seconds)
        return told


async def environment_of(sandbox: Sandbox, kafka: KafkaSettings, database: Database, **more: str) -> dict[str, str]:
    """The service's settings for the sandbox's first seller; `more` are further ones, without their prefix."""
    told = (await sandbox.control("GET", "/_accounts"))["stockx"]
    settings = {
        "accounts": json.dumps([{**acme(told), "user_id": USER}]),
        "jwt_key": KEY,
        "port": "0",
        "api__base_url": f"{sandbox.base}/stockx/v2",
        "api__pause_seconds": "0.01",
        "api__longest_pause_seconds": "0.2",
        "api__circuit_failures": "50",
        "accounts_url": f"{sandbox.base}/stockx",
        "limits": json.dumps(LIMITS),
        "timing": json.dumps(TIMING),
        "lease": "PT2S",
        **more,
    }
    return {
        **where(kafka, database, SECRETS_KEY),
        **{f"STOCKX_POLLER_{name.upper()}": value for name, value in settings.items()},
    }


@asynccontextmanager
async def serving(environment: dict[str, str]) -> AsyncIterator[Poller]:
    """The service in this process on a free port, with its workers."""
    async with (
        build(configured(Config, environment)) as service,
        served(service) as base,
        aiohttp.ClientSession() as http,
    ):
        yield Poller(http, base)


@asynccontextmanager
async def replica(
    environment: dict[str, str], http: aiohttp.ClientSession, log: Path | None = None
) -> AsyncIterator[tuple[Poller, Process]]:
    """The service as a process of its own, killed at the end; `log` is given what it tells."""
    async with process("stockx_poller", environment, http, log) as (base, running):
        yield Poller(http, base), running
