"""A seller's account at the sandbox's StockX: for tests of the client."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from libs.http.client import ApiClient, ApiSettings
from libs.http.limits import RateLimiter
from libs.marketplaces.stockx.client import StockX
from libs.marketplaces.stockx.limits import Allowance, Unlimited
from libs.marketplaces.stockx.oauth import StockXApplication, refresh_grant
from tests.ebay_account import QUICK, OneToken
from tests.integration.running_sandbox import Sandbox


@dataclass
class Account:
    """What a test works with: the client, its tokens, the sandbox's application."""

    stockx: StockX
    tokens: OneToken
    api: ApiClient
    accounts: ApiClient
    application: StockXApplication
    name: str


@asynccontextmanager
async def account(
    made: Sandbox,
    seller: int = 0,
    *,
    limiter: RateLimiter | None = None,
    allowance: Allowance | None = None,
    **settings: Any,
) -> AsyncIterator[Account]:
    """A seller of a running sandbox."""
    told = (await made.control("GET", "/_accounts"))["stockx"]
    application = StockXApplication(
        client_id=told["client_id"],
        client_secret=SecretStr(told["client_secret"]),
        redirect_uri=told["redirect_uri"],
        accounts_url=f"{made.base}/stockx",
    )
    options = {**QUICK, **settings}
    async with (
        ApiClient("stockx", ApiSettings(base_url=f"{made.base}/stockx/v2", **options), limiter) as api,
        ApiClient("stockx_accounts", ApiSettings(base_url=f"{made.base}/stockx", **options)) as accounts,
    ):
        chosen = told["sellers"][seller]
        tokens = OneToken(refresh_grant(accounts, application), chosen["refresh_token"])
        stockx = StockX(api, tokens, SecretStr(told["api_key"]), allowance or Unlimited())
        yield Account(stockx, tokens, api, accounts, application, chosen["name"])


def acme(told: Mapping[str, Any]) -> dict[str, str]:
    """The sandbox's first seller as services' settings name an account; `told`: what it says of StockX's accounts."""
    return {
        "account": "acme",
        "client_id": told["client_id"],
        "client_secret": told["client_secret"],
        "api_key": told["api_key"],
        "refresh_token": told["sellers"][0]["refresh_token"],
    }
