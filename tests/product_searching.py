"""product_search running against the sandbox, real Kafka and real PostgreSQL, for tests."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import aiohttp
from multidict import CIMultiDictProxy

from libs.bus.settings import KafkaSettings
from libs.db.pool import Database
from libs.http import jwt
from libs.secrets.keys import new_key
from services.product_search.app import build
from services.product_search.config import Config
from tests.integration.running_sandbox import Sandbox
from tests.serving import configured, served, where
from tests.stockx_account import acme

KEY = "a key of the tests, long enough to sign"
USER = "7"
SECRETS_KEY = new_key()
LIMITS = {"seconds_between_requests": 0.001, "requests_a_day": 1_000_000}
"""The sandbox does not limit here: how limits are kept is tested with the poller and in test_quota.py."""


@dataclass(frozen=True)
class Told:
    """An answer."""

    status: int
    json: Any
    headers: "CIMultiDictProxy[str]"


class ProductSearch:
    """The running service's HTTP API, as a user calls it."""

    def __init__(self, http: aiohttp.ClientSession, base: str, config: Config) -> None:
        self.http = http
        self.base = base.rstrip("/")
        self.config = config

    async def call(self, path: str, *, method: str = "GET", user: str | None = USER, **query: Any) -> Told:
        """`user` None: without a token."""
        headers = {} if user is None else {"Authorization": f"Bearer {jwt.issue(KEY, user, timedelta(hours=1))}"}
        url = f"{self.base}/api/v1/products{path}"
        async with self.http.request(method, url, params=query, headers=headers) as answer:
            return Told(answer.status, await answer.json(content_type=None), answer.headers)


async def environment_of(sandbox: Sandbox, kafka: KafkaSettings, database: Database, **more: str) -> dict[str, str]:
    """The service's settings for the sandbox; `more` are further ones, without their prefix."""
    accounts = await sandbox.control("GET", "/_accounts")
    ebay = accounts["ebay"]
    settings = {
        "jwt_key": KEY,
        "port": "0",
        "stockx": json.dumps(acme(accounts["stockx"])),
        "goat": json.dumps({"token": accounts["goat"]["token"], "base_url": f"{sandbox.base}/goat/api/v1"}),
        "klekt": json.dumps({"base_url": f"{sandbox.base}/klekt"}),
        "ebay": json.dumps(
            {
                "client_id": ebay["client_id"],
                "client_secret": ebay["client_secret"],
                "base_url": f"{sandbox.base}/ebay",
            }
        ),
        "api__base_url": f"{sandbox.base}/stockx/v2",
        "api__pause_seconds": "0.01",
        "api__longest_pause_seconds": "0.05",
        "api__timeout_seconds": "0.3",
        "api__circuit_failures": "50",
        "accounts_url": f"{sandbox.base}/stockx",
        "limits": json.dumps(LIMITS),
        "patience": "PT2S",
        **more,
    }
    return {
        **where(kafka, database, SECRETS_KEY),
        **{f"PRODUCT_SEARCH_{name.upper()}": value for name, value in settings.items() if value},
    }


@asynccontextmanager
async def serving(environment: dict[str, str]) -> AsyncIterator[ProductSearch]:
    """The service in this process on a free port, with its workers."""
    config = configured(Config, environment)
    async with build(config) as service, served(service) as base, aiohttp.ClientSession() as http:
        yield ProductSearch(http, base, config)
