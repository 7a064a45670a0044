"""Construction: the timetable and people begin runs; workers do them; facts in `market_data`, `stock_items`,
`recorded_sales`, `products`; reports from the read models."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from importlib.metadata import version

from aiohttp import web

from libs.bus.consumer import Consumer
from libs.bus.dead_letter import DeadLetters
from libs.bus.publisher import Publisher
from libs.commands.run import Commands
from libs.db.pool import Database
from libs.http.openapi import Api
from libs.jobs import JobQueue, Worker, WorkerSettings
from libs.oauth.store import open_token_database
from libs.products.unreadable import UnreadableAnswers
from libs.quota.quota import Quotas
from libs.read_models import READ_MODELS
from libs.service import Service
from libs.service import Worker as Job
from schemas.webhooks.webhook_received import EVENT as RECEIVED
from services.market_data.config import Config
from services.market_data.handlers import Deps, on_webhooks
from services.market_data.imports import InventoryImport
from services.market_data.notion_sales import SOURCE, NotionSales
from services.market_data.report_routes import ReportApi
from services.market_data.reports import Reports
from services.market_data.reserve import Reserve
from services.market_data.routes import BEARER, MOST_BYTES, RunsApi
from services.market_data.run import Kind
from services.market_data.runs import QUEUE, Runs
from services.market_data.schedule import Schedule
from services.market_data.sync import GOAT, MarketSync
from services.market_data.told_products import ToldProducts
from services.market_data.upstreams import open_goat, open_notion, open_stockx
from services.market_data.users import Users
from services.market_data.work import Task, handlers

NAME = "market_data"

_DESCRIPTION = "Market data of what is in stock, recorded daily; imports of inventory and sales; the dead-stock report."
_SECURITY = {BEARER: {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
_SLACK = 64 * 1024  # a form's own bytes


@asynccontextmanager
async def build(config: Config) -> AsyncIterator[Service]:
    """The service, connected; everything is closed in the opposite order."""
    async with AsyncExitStack() as stack:
        tokens = await stack.enter_async_context(open_token_database(config.database.url, f"tokens of {NAME}"))
        database = await stack.enter_async_context(Database(config.database.url, application=NAME, most=16))
        publisher = await stack.enter_async_context(Publisher(config.kafka, NAME, waits=False))
        queue = JobQueue(database, QUEUE)
        runs, reports = Runs(database, queue), Reports(database, config.dead_after_days)
        commands = Commands(database, config.kafka, publisher, NAME, READ_MODELS)
        await stack.enter_async_context(commands)
        answers = UnreadableAnswers(database, DeadLetters(config.kafka, publisher, NAME), NAME)
        tasks = await _tasks(config, database, tokens, publisher, commands, answers, reports, stack)
        kinds = frozenset(tasks)
        settings = WorkerSettings(locked_by=NAME, lock_seconds=config.lock_seconds)
        users = Users(config.jwt_key.get_secret_value() if config.jwt_key else None)
        http = web.Application(client_max_size=MOST_BYTES + _SLACK)
        runs_api = RunsApi(users, database, runs, kinds, config.most_rows)
        routes = (*runs_api.routes(), *ReportApi(users, reports).routes())
        Api(NAME, version("sellstream"), _DESCRIPTION, routes=routes, security_schemes=_SECURITY).add_to(http)
        yield Service(
            name=NAME,
            host=config.host,
            port=config.port,
            http=http,
            ready={"kafka": publisher.check, "postgres": database.check},
            workers={
                "schedule": Schedule(database, runs, config.timetable, kinds).work,
                "unreadable answers": answers.work,
                "runs": Worker(queue, handlers(runs, tasks), settings).run,
                **_notified(config, runs, publisher, kinds),
            },
        )


def _notified(config: Config, runs: Runs, publisher: Publisher, kinds: frozenset[Kind]) -> dict[str, Job]:
    """Notion's webhooks; without a Notion database to read they are nobody's here."""
    if config.notion is None or Kind.NOTION_PAGE not in kinds:
        return {}
    deps = Deps(runs, config.notion.destination, config.notion.user_id)
    consumer = Consumer(config.kafka, NAME, [RECEIVED.topic], publisher)
    return {"webhooks": partial(consumer.run, partial(on_webhooks, deps=deps))}


async def _tasks(
    config: Config,
    database: Database,
    tokens: Database,
    publisher: Publisher,
    commands: Commands,
    answers: UnreadableAnswers,
    reports: Reports,
    stack: AsyncExitStack,
) -> dict[Kind, Task]:
    """What this service can do with what it is configured for."""
    tasks: dict[Kind, Task] = {Kind.DEAD_STOCK: reports}
    if config.stockx is None:
        return tasks
    stockx = await open_stockx(config.stockx, config, database, tokens, answers, stack)
    goat = None if config.goat is None else await open_goat(config.goat, stack)
    reserve = Reserve(Quotas(database), config.limits.requests().quota, config.reserve)
    tasks[Kind.INVENTORY_IMPORT] = InventoryImport(
        publisher, stockx.products, ToldProducts(database, commands, "csv"), reserve
    )
    tasks[Kind.MARKET_DATA] = MarketSync(database, publisher, stockx, goat, answers.of(GOAT), reserve, config.currency)
    if config.notion is not None:
        notion = await open_notion(config.notion, stack)
        sales = NotionSales(
            database,
            publisher,
            stockx.products,
            ToldProducts(database, commands, SOURCE),
            notion,
            answers.of(SOURCE),
            config.notion,
            reserve,
        )
        tasks |= {Kind.NOTION_SALES: sales, Kind.NOTION_PAGE: sales.pages}
    return tasks
