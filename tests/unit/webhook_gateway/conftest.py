"""A gateway on a socket, and a client of it."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.unit.webhook_gateway.shop import Running, gateway_running


@pytest.fixture
async def running() -> AsyncIterator[Running]:
    async with gateway_running() as started:
        yield started


@pytest.fixture
async def client(running: Running) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(running.url, timeout=aiohttp.ClientTimeout(total=10)) as session:
        yield session
