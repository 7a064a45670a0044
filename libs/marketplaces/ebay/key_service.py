"""eBay's service for public keys: `getPublicKey` of the Notification API, with an application token."""

import asyncio
import base64
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from libs.marketplaces.contract import Http, Unreachable
from libs.marketplaces.ebay.public_keys import KeyAway
from libs.marketplaces.ebay.signature import PublicKey

SCOPE = "https://api.ebay.com/oauth/api_scope"

EARLY = 60.0
"""Seconds before its end in which a token is not used any more."""

BETWEEN_GRANTS = 120.0
"""Seconds between two answers about a token, whatever they were: eBay grants 1,000 a day per application."""


class KeyService:
    """Fetches keys. `base_url` is eBay's API of one environment, such as https://api.ebay.com."""

    def __init__(
        self,
        http: Http,
        base_url: str,
        client_id: str,
        client_secret: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._http = http
        self._base_url = base_url.rstrip("/")
        basic = base64.b64encode(f"{client_id}:{client_secret}".encode()).decode("ascii")
        self._token_headers = {
            "Authorization": f"Basic {basic}",
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
        }
        self._clock = clock
        self._token: str | None = None
        self._token_ends = 0.0
        self._next_grant = 0.0
        self._granting = asyncio.Lock()

    async def fetch_key(self, key_id: str) -> PublicKey | None:
        """The key with an id, None where there is none (404); raise KeyAway. The id must be safe in a path."""
        url = f"{self._base_url}/commerce/notification/v1/public_key/{key_id}"
        token = await self._valid_token()
        status, record = await self._ask("GET", url, {"Authorization": f"Bearer {token}", "Accept": "application/json"})
        if status == 404:
            return None
        if status == 401 and token == self._token:
            self._token = None  # revoked before its time; the next fetch asks for another
        if status != 200:
            raise KeyAway(f"eBay answered {status} when it was asked for a public key.")
        try:
            return PublicKey.read(record)
        except ValueError as error:
            raise KeyAway(f"eBay's public key cannot be used: {error}.", timedelta(minutes=1)) from error

    async def _valid_token(self) -> str:
        async with self._granting:
            if self._token is None or self._clock() >= self._token_ends:
                self._token = await self._grant()
            return self._token

    async def _grant(self) -> str:
        """A new application token (client credentials, RFC 6749 section 4.4)."""
        wait = self._next_grant - self._clock()
        if wait > 0:
            raise KeyAway("An eBay application token was asked for moments ago.", timedelta(seconds=wait))
        form = urlencode({"grant_type": "client_credentials", "scope": SCOPE}).encode()
        url = f"{self._base_url}/identity/v1/oauth2/token"
        status, told = await self._ask("POST", url, self._token_headers, form)
        self._next_grant = self._clock() + BETWEEN_GRANTS
        token = told.get("access_token") if isinstance(told, dict) else None
        lasts = told.get("expires_in") if isinstance(told, dict) else None
        if status != 200 or not isinstance(token, str) or not token.isascii() or not isinstance(lasts, int | float):
            raise KeyAway(
                f"eBay granted no application token (status {status}): check client_id and client_secret.",
                timedelta(seconds=BETWEEN_GRANTS),
            )
        self._token_ends = self._clock() + lasts - EARLY
        return token

    async def _ask(self, method: str, url: str, headers: dict[str, str], body: bytes | None = None) -> tuple[int, Any]:
        try:
            return await self._http.request_json(method, url, headers, body)
        except Unreachable as error:
            raise KeyAway(f"eBay does not answer: {error}") from error
