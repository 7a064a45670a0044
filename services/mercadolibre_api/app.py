"""Construction: the HTTP API, one module of routes per subject."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version

from aiohttp import web

from libs.db.pool import Database
from libs.http.openapi import Api
from libs.service import Service
from services.mercadolibre_api import ping_routes
from services.mercadolibre_api.config import Config

NAME = "mercadolibre_api"

_DESCRIPTION = "MercadoLibre: authorisation, proxies to its API, and the commands of the search pipeline."


@asynccontextmanager
async def build(config: Config) -> AsyncIterator[Service]:
    """The service, connected; everything is closed in the opposite order."""
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(Database(config.database.url, application=NAME))
        routes = (*ping_routes.routes(),)
        http = web.Application()
        Api(NAME, version("sellstream"), _DESCRIPTION, routes=routes).add_to(http)
        yield Service(name=NAME, host=config.host, port=config.port, http=http, ready={"postgres": database.check})
