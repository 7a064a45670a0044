"""Construction: the HTTP API, one module of routes per subject."""

import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from importlib.metadata import version

from aiohttp import web

from libs.bus.publisher import Publisher
from libs.commands.run import Commands
from libs.db.pool import Database
from libs.http.client import ApiClient
from libs.http.openapi import Api
from libs.jobs import JobQueue
from libs.marketplaces.mercadolibre.jobs import QUEUE
from libs.marketplaces.mercadolibre.oauth import refresh_grant, token_client
from libs.oauth.accounts import authorized_accounts
from libs.oauth.states import PostgresStates
from libs.oauth.store import PostgresTokenStore
from libs.quota.limiter import SharedRateLimiter
from libs.read_models import READ_MODELS
from libs.service import Service
from services.mercadolibre_api import jobs_routes, oauth_routes, ping_routes, proxy_routes, search_runs_routes
from services.mercadolibre_api.config import Config
from services.mercadolibre_api.oauth_routes import Authorization
from services.mercadolibre_api.upstream import Upstream

NAME = "mercadolibre_api"
CLIENT = "mercadolibre"

_DESCRIPTION = "MercadoLibre: authorisation, proxies to its API, and the commands of the search pipeline."


@asynccontextmanager
async def build(config: Config) -> AsyncIterator[Service]:
    """The service, connected; everything is closed in the opposite order."""
    if config.debug:
        logging.getLogger(__package__).setLevel(logging.DEBUG)
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(Database(config.database.url, application=NAME))
        limiter = SharedRateLimiter(database, config.limits.rules(), max_wait=config.api.longest_pause_seconds)
        api = await stack.enter_async_context(ApiClient(CLIENT, config.api, limiter))
        authorization = await _authorization(config, database, api, stack)
        accounts = authorization.accounts if authorization is not None else None
        # While Kafka is away everything but the commands goes on.
        publisher = await stack.enter_async_context(Publisher(config.kafka, NAME, waits=False))
        commands = Commands(database, config.kafka, publisher, NAME, READ_MODELS)
        await stack.enter_async_context(commands)
        upstream = Upstream(api, limiter, accounts, config.user_id)
        routes = (
            *ping_routes.routes(),
            *oauth_routes.routes(authorization),
            *proxy_routes.routes(upstream, config.site, config.search_reach),
            *jobs_routes.routes(JobQueue(database, QUEUE), config.worker_key),
            *search_runs_routes.routes(commands, config.worker_key),
        )
        http = web.Application(client_max_size=search_runs_routes.MOST_BYTES)
        Api(NAME, version("sellstream"), _DESCRIPTION, routes=routes).add_to(http)
        yield Service(name=NAME, host=config.host, port=config.port, http=http, ready={"postgres": database.check})


async def _authorization(
    config: Config, database: Database, api: ApiClient, stack: AsyncExitStack
) -> Authorization | None:
    application = config.application
    if application is None:
        return None
    client, vault = token_client(application.client_id), config.secrets.vault
    grant = refresh_grant(api, application.client_id, application.client_secret)
    accounts = authorized_accounts(CLIENT, PostgresTokenStore(database, client, vault), grant)
    return Authorization(
        application,
        page=str(config.authorization_url),
        states=PostgresStates(database, client, vault, timedelta(seconds=config.state_seconds)),
        accounts=await stack.enter_async_context(accounts),
        api=api,
    )
