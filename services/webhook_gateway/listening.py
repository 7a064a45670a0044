"""The gateway's port: webhooks go to the edge server, whatever else is asked to the application behind it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

from aiohttp import web

from libs.http.edge import EdgeServer, Limits
from libs.http.edge.descriptors import connections_that_fit
from libs.service import Listen
from services.webhook_gateway.endpoint import Endpoint

LONGEST_TARGET = 8190
"""As long as aiohttp's own limit: the same request is not refused by one and taken by the other."""

OnPort = Callable[[int], None]


def listener(
    endpoint: Endpoint,
    host: str,
    port: int,
    body_timeout: timedelta,
    *,
    shared: bool = False,
    on_port: OnPort = lambda _: None,
) -> Listen:
    """What a service listens with. `on_port` is told the port, which the system has chosen where `port` is 0."""

    @asynccontextmanager
    async def listen(runner: web.AppRunner) -> AsyncIterator[None]:
        application = runner.server
        if application is None:
            raise RuntimeError("the application is not set up")
        limits = Limits(
            target=LONGEST_TARGET,
            body_seconds=body_timeout.total_seconds(),
            connections=connections_that_fit(Limits().connections),
        )
        edge = EdgeServer(endpoint, application, limits, handed_over=lambda: len(application.connections))
        on_port(await edge.listen(host, port, shared=shared))
        try:
            yield
        finally:
            await edge.close()

    return listen
