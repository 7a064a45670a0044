"""Fetching the public keys with which marketplaces sign: short, bounded, over one session."""

import json
from collections.abc import Mapping
from typing import Any, Self

import aiohttp

_TIMEOUT_SECONDS = 3.0
_MOST_BYTES = 64 * 1024


class NotFetched(Exception):
    """A URL did not answer 200 with JSON of a sane size in time."""


class JsonFetcher:
    """The contract's `FetchJson` over aiohttp."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS))
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def __call__(self, url: str, headers: Mapping[str, str]) -> Any:
        """The JSON at a URL; raise NotFetched."""
        assert self._session is not None
        try:
            async with self._session.get(url, headers=headers, allow_redirects=False) as response:
                if response.status != 200:
                    raise NotFetched(f"{response.url.host} answered {response.status}")
                body = bytearray()
                async for part in response.content.iter_any():
                    body += part
                    if len(body) > _MOST_BYTES:
                        raise NotFetched(f"{response.url.host} answered more than {_MOST_BYTES} bytes")
                return json.loads(bytes(body))
        except (aiohttp.ClientError, TimeoutError, ValueError, RecursionError) as error:
            raise NotFetched(f"{type(error).__name__}: {error}") from error
