"""A seller's account at the sandbox's eBay, or at a server that takes any token: for tests of the client."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from libs.http.client import ApiClient, ApiSettings
from libs.marketplaces.ebay.client import Ebay
from libs.marketplaces.ebay.oauth import EbayApplication, refresh_grant
from libs.oauth.tokens import Grant
from tests.integration.running_sandbox import Sandbox

QUICK = {"pause_seconds": 0.001, "longest_pause_seconds": 0.05, "timeout_seconds": 20.0}


@dataclass
class OneToken:
    """A token provider (libs.http.tokens) that keeps nothing and shares nothing; it counts its refreshes."""

    grant: Grant
    refresh_token: str
    access: str | None = None
    refreshes: int = field(default=0)

    async def token(self) -> str:
        return self.access or await self.refresh("")

    async def refresh(self, rejected: str) -> str:
        self.refreshes += 1
        self.access = (await self.grant(self.refresh_token)).access
        return self.access


class AnyToken:
    """For servers that take every token."""

    async def token(self) -> str:
        return "any"

    async def refresh(self, rejected: str) -> str:
        return "another"


@dataclass
class Account:
    """What a test works with: the client, its tokens, the sandbox's application."""

    ebay: Ebay
    tokens: OneToken
    api: ApiClient
    application: EbayApplication
    name: str


@asynccontextmanager
async def account(made: Sandbox, seller: int = 0, **settings: object) -> AsyncIterator[Account]:
    """A seller of a running sandbox."""
    told = (await made.control("GET", "/_accounts"))["ebay"]
    application = EbayApplication(
        client_id=told["client_id"],
        client_secret=told["client_secret"],
        ru_name=told["ru_name"],
        authorize_url=f"{made.base}/ebay/oauth2/authorize",
    )
    options = ApiSettings(base_url=f"{made.base}/ebay", **{**QUICK, **settings})
    async with ApiClient("ebay", options) as api:
        chosen = told["sellers"][seller]
        tokens = OneToken(refresh_grant(api, application), chosen["refresh_token"])
        yield Account(Ebay(api, tokens), tokens, api, application, chosen["username"])
