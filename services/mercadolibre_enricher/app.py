"""Construction: topic `webhooks` → handlers (asking MercadoLibre) → fact topics."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial

from aiohttp import web

from libs.bus.consumer import Consumer, Tuning
from libs.bus.publisher import Publisher
from libs.db.pool import Database
from libs.http.client import ApiClient
from libs.http.limits import LocalRateLimiter
from libs.jobs import JobQueue
from libs.marketplaces.mercadolibre.client import MercadoLibre
from libs.marketplaces.mercadolibre.oauth import refresh_grant, token_client
from libs.oauth.store import PostgresTokenStore, open_token_database
from libs.oauth.tokens import RotatingTokens, TokenPair
from libs.service import Service
from services.mercadolibre_enricher.config import Account, Config
from services.mercadolibre_enricher.dispatch import TOPICS, on_records
from services.mercadolibre_enricher.fallbacks.app import fallback_workers
from services.mercadolibre_enricher.fallbacks.seeds import QUEUE, Seeds
from services.mercadolibre_enricher.handlers import Deps

NAME = "mercadolibre_enricher"
CLIENT = "mercadolibre"


@asynccontextmanager
async def build(config: Config) -> AsyncIterator[Service]:
    """The service, connected; everything is closed in the opposite order."""
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(open_token_database(config.database.url, f"tokens of {NAME}"))
        publisher = await stack.enter_async_context(Publisher(config.kafka, NAME))
        limiter = LocalRateLimiter(per_second=config.requests_per_second, max_wait=config.api.longest_pause_seconds)
        api = await stack.enter_async_context(ApiClient(CLIENT, config.api, limiter))
        stores = {
            client_id: PostgresTokenStore(database, token_client(client_id), config.secrets.vault)
            for client_id in {account.client_id for account in config.accounts}
        }
        accounts = {
            account.account: await _open(account, api, stores[account.client_id], stack) for account in config.accounts
        }
        deps = Deps(accounts, settle=timedelta(seconds=config.settle_seconds))
        tuning = Tuning(coalesce=timedelta(milliseconds=config.coalesce_milliseconds), concurrency=config.concurrency)
        consumer = Consumer(config.kafka, NAME, TOPICS, publisher, tuning)
        work = await stack.enter_async_context(Database(config.database.url, application=NAME, most=4))
        seeds = Seeds(JobQueue(work, QUEUE), config.seeds.again_after)
        yield Service(
            name=NAME,
            host=config.host,
            port=config.port,
            http=web.Application(),
            ready={"kafka": publisher.check, "consumer": consumer.check, "postgres": _all_checked(stores.values())},
            workers={
                "consumer": partial(consumer.run, partial(on_records, deps=deps, seeds=seeds)),
                **fallback_workers(config, accounts, api, publisher, work, seeds),
            },
        )


async def _open(account: Account, api: ApiClient, store: PostgresTokenStore, stack: AsyncExitStack) -> MercadoLibre:
    if account.refresh_token is not None:
        first = TokenPair(account.access_token.get_secret_value(), account.refresh_token.get_secret_value())
        await store.seed(account.user_id, first, formerly=(CLIENT, account.account))
    grant = refresh_grant(api, account.client_id, account.client_secret)
    tokens = RotatingTokens(CLIENT, account.user_id, store, grant)
    stack.push_async_callback(tokens.close)
    return MercadoLibre(api, tokens, account.user_id)


def _all_checked(stores: Iterable[PostgresTokenStore]) -> Callable[[], Awaitable[None]]:
    async def check() -> None:
        for store in stores:
            await store.check()

    return check
