"""A real HTTP server on 127.0.0.1 that answers as a test tells it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from libs.http.client import ApiClient, ApiSettings

Route = Callable[[web.Request], Awaitable[web.StreamResponse]]


@pytest.fixture
def client_of():
    """`async with client_of(answer, **settings) as api`: a client whose every request is answered by `answer`."""

    @asynccontextmanager
    async def opened(answer: Route, limiter=None, **settings: object) -> AsyncIterator[ApiClient]:
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", answer)
        async with TestServer(app) as server:
            told = {"pause_seconds": 0.001, "timeout_seconds": 5.0, **settings}
            async with ApiClient("test", ApiSettings(base_url=str(server.make_url("/")), **told), limiter) as api:
                yield api

    return opened
