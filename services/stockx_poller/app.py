"""Construction: commands → StockX → facts in `listing_operations`, `listings` and `orders`, account by account."""

import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from importlib.metadata import version
from secrets import token_hex

from aiohttp import web
from pydantic import SecretStr

from libs.bus.consumer import Consumer
from libs.bus.dead_letter import DeadLetters
from libs.bus.publisher import Publisher
from libs.db.pool import Database
from libs.http.client import ApiClient
from libs.http.openapi import Api
from libs.marketplaces.stockx.client import StockX
from libs.marketplaces.stockx.oauth import StockXApplication, refresh_grant, token_client
from libs.oauth.store import PostgresTokenStore, open_token_database
from libs.oauth.tokens import RotatingTokens, TokenPair
from libs.privacy.sealer import open_sealer
from libs.quota.allowance import SharedAllowance
from libs.quota.limiter import SharedRateLimiter
from libs.secrets.keys import SecretsError
from libs.secrets.system_config import SystemConfig
from libs.service import Service
from services.stockx_poller.batching import Packing
from services.stockx_poller.config import Account, Config
from services.stockx_poller.handlers import TOPICS, Inbox
from services.stockx_poller.lease import Lease
from services.stockx_poller.quota import QuotaReport
from services.stockx_poller.routes import BEARER, ListingsApi
from services.stockx_poller.runner import Runner
from services.stockx_poller.scheduler import Rules
from services.stockx_poller.survey import Survey
from services.stockx_poller.users import Users
from services.stockx_poller.work import Work

NAME = "stockx_poller"
CLIENT = "stockx"

_DESCRIPTION = "StockX listings: changed by command, followed to the end of each operation, within StockX's limits."
_SECURITY = {BEARER: {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
_MARGIN = 5.0


@asynccontextmanager
async def build(config: Config) -> AsyncIterator[Service]:
    """The service, connected; everything is closed in the opposite order."""
    async with AsyncExitStack() as stack:
        tokens = await stack.enter_async_context(open_token_database(config.database.url, f"tokens of {NAME}"))
        most = 4 * len(config.accounts) + 8
        database = await stack.enter_async_context(Database(config.database.url, application=NAME, most=most))
        sealer = await stack.enter_async_context(open_sealer(config.database.url, config.secrets.vault, NAME))
        publisher = await stack.enter_async_context(Publisher(config.kafka, NAME, seal=sealer))
        letters = DeadLetters(config.kafka, publisher, NAME)
        limiter = SharedRateLimiter(database, config.limits.rules())
        allowance = SharedAllowance(database, config.limits.item_quotas())
        api = await stack.enter_async_context(ApiClient(CLIENT, config.api, limiter))
        settings = config.api.model_copy(update={"base_url": config.accounts_url})
        accounts = await stack.enter_async_context(ApiClient(f"{CLIENT}_accounts", settings))
        packing = Packing(
            pace=config.limits.seconds_between_requests,
            largest=config.largest_batch,
            largest_creation=config.largest_creation,
            gather=config.timing.gather.total_seconds(),
            longest=config.timing.longest_gather.total_seconds(),
        )
        rules = Rules(packing, config.reserve)
        survey = Survey(database, config.limits, allowance)
        owner = f"{socket.gethostname()}:{os.getpid()}:{token_hex(3)}"
        runners: dict[str, Runner] = {}
        kept = SystemConfig(database, config.secrets.vault)
        for account in config.accounts:
            store = PostgresTokenStore(tokens, token_client(account.client_id), config.secrets.vault)
            secret = await _secret(kept, "stockx_client_secret", account.client_secret)
            key = await _secret(kept, "stockx_api_key", account.api_key)
            rotating = await _open(account, secret, accounts, store, config, stack)
            stockx = StockX(
                api,
                rotating,
                key,
                allowance,
                largest_batch=config.largest_batch,
                largest_creation=config.largest_creation,
            )
            prepare = _prepare(stockx, publisher, letters, config)
            runners[account.account] = Runner(database, account.account, owner, config.lease, prepare, survey, rules)

        def wake(account: str) -> None:
            runners[account].wake()

        inbox = Inbox(database, runners.keys(), wake)
        consumer = Consumer(config.kafka, NAME, TOPICS, publisher)
        users = Users(config.jwt_key.get_secret_value() if config.jwt_key else None, config.accounts)
        report = QuotaReport(database, survey, config.limits, rules)
        http = web.Application()
        routes = ListingsApi(users, database, report, wake).routes()
        Api(NAME, version("sellstream"), _DESCRIPTION, routes=routes, security_schemes=_SECURITY).add_to(http)
        yield Service(
            name=NAME,
            host=config.host,
            port=config.port,
            http=http,
            ready={"kafka": publisher.check, "commands": consumer.check, "postgres": database.check},
            workers={
                "commands": partial(consumer.run, inbox.on_records),
                **{f"account {name}": runner.run for name, runner in runners.items()},
            },
        )


def _prepare(stockx: StockX, publisher: Publisher, letters: DeadLetters, config: Config) -> Callable[[Lease], Work]:
    def prepare(lease: Lease) -> Work:
        needed = min(config.api.timeout_seconds + _MARGIN, config.lease.total_seconds() / 2)
        return Work(lease, stockx, publisher, letters, config.timing, needed)

    return prepare


async def _secret(kept: SystemConfig, key: str, told: SecretStr | None) -> SecretStr:
    """An account's own secret, which others need not share; else the one that is kept for the application."""
    if told is not None:
        return told
    secret = await kept.get(key)
    if not secret:
        where = "in STOCKX_POLLER_ACCOUNTS"
        raise SecretsError(f"{key} is nowhere: set it once by `sellstream secrets set {key}`, or {where}")
    return SecretStr(secret)


async def _open(
    account: Account,
    secret: SecretStr,
    api: ApiClient,
    store: PostgresTokenStore,
    config: Config,
    stack: AsyncExitStack,
) -> RotatingTokens:
    if account.refresh_token is not None:
        first = TokenPair(account.access_token.get_secret_value(), account.refresh_token.get_secret_value())
        await store.seed(account.account, first)
    application = StockXApplication(
        client_id=account.client_id,
        client_secret=secret,
        accounts_url=str(config.accounts_url).rstrip("/"),
    )
    tokens = RotatingTokens(CLIENT, account.account, store, refresh_grant(api, application))
    stack.push_async_callback(tokens.close)
    return tokens
