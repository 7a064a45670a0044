"""What verifiers may ask of the network: public keys and the tokens for them; short, bounded, no redirects."""

import json
from collections.abc import Mapping
from typing import Any, Self

import aiohttp
from yarl import URL

from libs.marketplaces.contract import Unreachable

TIMEOUT_SECONDS = 3.0
MOST_BYTES = 64 * 1024


class KeyClient:
    """The contract's `Http` over one aiohttp session."""

    def __init__(self, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(timeout=self._timeout, cookie_jar=aiohttp.DummyCookieJar())
        return self

    async def __aexit__(self, *_exc: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def request_json(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> tuple[int, Any]:
        """Status and JSON of the answer (None where it has no body); raise Unreachable."""
        if self._session is None:
            raise RuntimeError("the client of keys is used outside of its context")
        if self._session.closed:
            raise Unreachable("the gateway is stopping")
        try:
            target = URL(url)
            async with self._session.request(
                method, target, headers=headers, data=body, allow_redirects=False
            ) as response:
                raw = await _bounded(response)
                return response.status, json.loads(raw) if raw else None
        except TimeoutError:
            raise Unreachable(f"{_host(url)} did not answer within {self._timeout.total:g} s") from None
        except aiohttp.ClientError as error:
            raise Unreachable(f"{_host(url)} cannot be reached: {type(error).__name__}") from error
        except (ValueError, RecursionError):
            raise Unreachable(f"{_host(url)} did not answer JSON") from None


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for part in response.content.iter_any():
        body += part
        if len(body) > MOST_BYTES:
            response.close()
            raise Unreachable(f"{response.url.host} answered more than {MOST_BYTES} bytes")
    return bytes(body)


def _host(url: str) -> str:
    try:
        return URL(url).host or "the URL"
    except ValueError:
        return "the URL"
