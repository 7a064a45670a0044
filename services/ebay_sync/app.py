"""Construction: eBay's pages → facts in `inventory` and `offers`; an HTTP API and a page to begin, see and stop it.

Beside it: topic `webhooks` → handlers (asking eBay for what changed) → facts, and a poll for orders.
"""

import os
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial
from importlib.metadata import version
from secrets import token_hex

from aiohttp import web

from libs.bus.consumer import Consumer, Tuning
from libs.bus.dead_letter import DeadLetters
from libs.bus.publisher import Publisher
from libs.db.pool import Database
from libs.http.client import ApiClient
from libs.http.limits import LocalRateLimiter
from libs.http.openapi import Api
from libs.marketplaces.ebay.client import Ebay
from libs.marketplaces.ebay.oauth import EbayApplication, refresh_grant, token_client
from libs.marketplaces.ebay.translate import Owner
from libs.oauth.store import PostgresTokenStore, open_token_database
from libs.oauth.tokens import RotatingTokens, TokenPair
from libs.polling.poller import OnePoll, Pace, Poller
from libs.polling.turns import Key, Turns
from libs.privacy.sealer import open_sealer
from libs.quota.limiter import SharedRateLimiter
from libs.quota.rules import Quota, Rule
from libs.service import Service
from libs.service import Worker as Job
from schemas.webhooks.webhook_received import EVENT as RECEIVED
from services.ebay_sync.config import Account, Config
from services.ebay_sync.handlers import Deps, on_webhooks
from services.ebay_sync.journal import Journal
from services.ebay_sync.order_book import OrderBook
from services.ebay_sync.order_poll import RETRY, TURNS, OrderPoll
from services.ebay_sync.page_routes import Page
from services.ebay_sync.presence import Presence
from services.ebay_sync.routes import BEARER, SyncApi
from services.ebay_sync.run import Kind, Run
from services.ebay_sync.runs import Runs
from services.ebay_sync.schedule import Schedule
from services.ebay_sync.sellers import Seller, Sellers
from services.ebay_sync.stock import Stock
from services.ebay_sync.stream import Streams
from services.ebay_sync.unreadable_orders import UnreadableOrders
from services.ebay_sync.users import Users
from services.ebay_sync.work import Work
from services.ebay_sync.worker import Worker

NAME = "ebay_sync"
CLIENT = "ebay"

_DESCRIPTION = "Inventory and offers of eBay accounts: synchronised in the background, told live, stopped at will."
_INVENTORY_API = (
    "GET /sell/inventory/v1/inventory_item",
    "GET /sell/inventory/v1/inventory_item/{sku}",
    "POST /sell/inventory/v1/bulk_get_inventory_item",
    "GET /sell/inventory/v1/offer",
)
_SECURITY = {BEARER: {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}


@asynccontextmanager
async def build(config: Config) -> AsyncIterator[Service]:
    """The service, connected; everything is closed in the opposite order."""
    async with AsyncExitStack() as stack:
        tokens = await stack.enter_async_context(open_token_database(config.database.url, f"tokens of {NAME}"))
        # A run writes, waits for the projector, and reads what to ask next; looks and polls write; the API reads.
        most = 4 * config.runs + config.notified.concurrency + len(config.accounts) + 8
        database = await stack.enter_async_context(Database(config.database.url, application=NAME, most=most))
        sealer = await stack.enter_async_context(open_sealer(config.database.url, config.secrets.vault, NAME))
        publisher = await stack.enter_async_context(Publisher(config.kafka, NAME, seal=sealer))
        limiter = _limiter(config, database)
        api = await stack.enter_async_context(ApiClient(CLIENT, config.api, limiter))
        clients = {}
        for account in config.accounts:
            store = PostgresTokenStore(tokens, token_client(account.client_id), config.secrets.vault)
            clients[account.account] = await _open(account, api, store, stack)

        def prepare(run: Run, journal: Journal) -> Work:
            stock = Stock(database, publisher, Owner(run.account, run.user_id), run)
            ebay = clients[run.account]
            presence = Presence(run.kind, ebay, journal)
            return Work(run, ebay, presence, stock, journal, database, config.pace, config.environment)

        runs = Runs(database)
        owner = f"{socket.gethostname()}:{os.getpid()}:{token_hex(3)}"
        worker = Worker(
            runs, database, prepare, owner=owner, accounts=tuple(clients), most=config.runs, lease=config.lease
        )
        due = {Kind.INVENTORY: config.inventory_every, Kind.OFFERS: config.offers_every}
        every = {kind: one for kind, one in due.items() if one is not None}
        schedule = Schedule(runs, database, worker, config.accounts, every, config.keep)
        sellers = tuple(Seller.of(one, clients[one.account]) for one in config.accounts)
        orders = OrderBook(database, publisher)
        deps = Deps(Sellers(sellers), database, publisher, orders, config.notified.settle)
        tuning = Tuning(coalesce=config.notified.coalesce, concurrency=config.notified.concurrency)
        consumer = Consumer(config.kafka, NAME, [RECEIVED.topic], publisher, tuning)
        unreadable = UnreadableOrders(database, DeadLetters(config.kafka, publisher, NAME), config.kafka)
        turns = Turns(database, TURNS, owner)
        poll = OrderPoll(turns, orders, unreadable, config.orders)
        polled = sellers if config.orders.every else ()
        polls: dict[Key, OnePoll] = {(one.account,): partial(poll.poll, one) for one in polled}
        poller = Poller(turns, polls, Pace(config.orders.every, RETRY))
        # Without an account there is nobody to ask: notifications wait in the topic until there is one.
        notified: dict[str, Job] = {"notifications": partial(consumer.run, partial(on_webhooks, deps=deps))}
        streams = Streams(runs)
        users = Users(config.jwt_key.get_secret_value() if config.jwt_key else None, config.accounts)
        http = web.Application()
        http.on_shutdown.append(streams.close)
        routes = (*SyncApi(users, runs, worker, streams).routes(), *Page(users).routes())
        Api(NAME, version("sellstream"), _DESCRIPTION, routes=routes, security_schemes=_SECURITY).add_to(http)
        yield Service(
            name=NAME,
            host=config.host,
            port=config.port,
            http=http,
            # Not the consumer: the API answers also while the group finds together, or the notifications halt.
            ready={"kafka": publisher.check, "postgres": database.check},
            workers={
                "worker": worker.work,
                "schedule": schedule.work,
                "orders": poller.work,
                **(notified if sellers else {}),
            },
        )


def _limiter(config: Config, database: Database) -> SharedRateLimiter:
    """The pace is this process's own; the day's quota is that of all replicas, and survives a restart."""
    patience = config.api.longest_pause_seconds
    local = LocalRateLimiter(per_second=config.requests_per_second, max_wait=patience)
    rules = {}
    if config.requests_per_day is not None:
        day = Rule(Quota("ebay.inventory", config.requests_per_day, timedelta(days=1)))
        rules = dict.fromkeys(_INVENTORY_API, day)
    return SharedRateLimiter(database, rules, local=local, max_wait=patience)


async def _open(account: Account, api: ApiClient, store: PostgresTokenStore, stack: AsyncExitStack) -> Ebay:
    if account.refresh_token is not None:
        first = TokenPair(account.access_token.get_secret_value(), account.refresh_token.get_secret_value())
        await store.seed(account.account, first)
    application = EbayApplication(client_id=account.client_id, client_secret=account.client_secret)
    tokens = RotatingTokens(CLIENT, account.account, store, refresh_grant(api, application))
    stack.push_async_callback(tokens.close)
    return Ebay(api, tokens, account.marketplace_id)
