"""Tokens of the application itself (client credentials, RFC 6749 section 4.4): for what everybody may see."""

import asyncio
import time
from collections.abc import Callable

from libs.http.client import ApiClient
from libs.marketplaces.ebay.oauth import TOKENS, EbayApplication

SCOPE = "https://api.ebay.com/oauth/api_scope"
EARLY = 60.0
"""Seconds before its end in which a token is not used any more."""


class ApplicationTokens:
    """A libs.http.tokens.TokenProvider. eBay grants 1,000 a day, each for two hours: one is kept in memory."""

    def __init__(
        self, api: ApiClient, application: EbayApplication, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._api = api
        self._application = application
        self._clock = clock
        self._token = ""
        self._ends = 0.0
        self._granting = asyncio.Lock()

    async def token(self) -> str:
        """The token; raises Unauthorized if eBay grants none, Unavailable, RateLimited."""
        async with self._granting:
            if not self._token or self._clock() >= self._ends:
                form = {"grant_type": "client_credentials", "scope": SCOPE}
                told = await TOKENS.grant(self._api, form, repeatable=True, headers=self._application.headers())
                self._token, self._ends = told.access, self._clock() + told.life.total_seconds() - EARLY
            return self._token

    async def refresh(self, rejected: str) -> str:
        """Another token than the one that eBay has refused."""
        if rejected == self._token:
            self._token = ""
        return await self.token()
