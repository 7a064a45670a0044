"""A run of ebay_sync in the terminal: its Server-Sent Events, printed line by line until its end."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import aiohttp

from services.ops.service_api import ServiceApi, fail

_RECONNECTS = 10


async def follow(service: ServiceApi, url: str, user: str) -> dict[str, Any]:
    """Print what a run says until its end, which is returned; a lost connection is made again and misses nothing.

    A refusal is said, and ends the command. Raises an aiohttp.ClientError when the service stays away.
    """
    headers, failures = await service.headers(user, timedelta(hours=12)), 0
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as http:
        while True:
            try:
                async with http.get(url, headers=headers) as told:
                    if 400 <= told.status < 500:
                        fail((await told.json(content_type=None))["detail"])
                    told.raise_for_status()
                    async for event in _events(told.content):
                        failures = 0
                        data: dict[str, Any] = json.loads(event["data"])
                        if event.get("event") == "end":
                            return data
                        print(data["line"])
                        headers["Last-Event-ID"] = event["id"]
            except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError):
                if failures >= _RECONNECTS:
                    raise
            failures += 1
            await asyncio.sleep(1)


async def _events(content: aiohttp.StreamReader) -> AsyncIterator[dict[str, str]]:
    """Server-sent events (WHATWG HTML, section 9.2), of which each field stands once."""
    event: dict[str, str] = {}
    async for raw in content:
        name, colon, value = raw.decode().rstrip("\n").partition(":")
        if name:
            event[name] = value.removeprefix(" ")
        elif not colon:
            if "data" in event:
                yield event
            event = {}
