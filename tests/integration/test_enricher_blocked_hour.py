"""An hour of blocked search, in five seconds: the enrichment goes on from orders, questions, listings and files.

The whole service runs against the sandbox, whose clock is 720 times as fast as ours; the backoff is as many times
shorter. Nothing is received by webhook either: every notification is missed, and taken in from `missed_feeds`.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web

from libs.bus.settings import KafkaSettings
from libs.db.pool import Database
from libs.jobs import JobQueue, NewJob, WorkerSettings
from libs.marketplaces.mercadolibre.jobs import QUEUE
from libs.secrets.keys import new_key
from services.mercadolibre_enricher.app import build
from services.mercadolibre_enricher.config import Config
from services.mercadolibre_enricher.fallbacks.import_rows import Format
from services.mercadolibre_enricher.fallbacks.importing import import_file
from services.mercadolibre_enricher.fallbacks.seeds import Seeds
from tests.integration.running_sandbox import Receiver, Sandbox, receiver, sandbox
from tests.projecting import scalar, until
from tests.serving import working

SPEED = 720
HOUR = timedelta(hours=1)
SEARCHES = ("tenis", "iphone 15", "ñandú")

OPEN_JOBS = "SELECT count(*) FROM ops.jobs WHERE status IN ('pending', 'processing', 'retry')"
ENDED = "SELECT count(*) FROM ops.jobs WHERE job_type = $1 AND status = $2"
ENRICHED = "SELECT item_id FROM mercadolibre.ml_item_features"
SCORED = "SELECT item_id FROM mercadolibre.ml_item_scores"
SEEDED = "SELECT item_id FROM ops.item_seeds"
CODES = "SELECT last_error->>'x-policy-agent-block-code' FROM ops.jobs WHERE job_type = 'search'"


@pytest.fixture
async def shop() -> AsyncIterator[Receiver]:
    """An endpoint that takes nothing: what is sent to it is missed."""
    async with receiver() as made:
        yield made


@pytest.fixture
def environment(kafka: KafkaSettings, database_url: str) -> Iterator[None]:
    """What every service reads from the environment."""
    told = {
        "SELLSTREAM_SECRETS_KEYS": new_key(),
        "DATABASE_URL": database_url,
        "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "KAFKA_TOPIC_PREFIX": kafka.topic_prefix,
    }
    before = {name: os.environ.get(name) for name in told}
    os.environ.update(told)
    yield
    for name, value in before.items():
        if value is None:
            del os.environ[name]
        else:
            os.environ[name] = value


@asynccontextmanager
async def enriching(marketplace: Sandbox) -> AsyncIterator[None]:
    """The service as its app builds it; its times are as many times shorter as the sandbox's clock is faster."""
    told = (await marketplace.control("GET", "/_accounts"))["mercadolibre"]
    config = Config.model_validate(
        {
            "api": {"base_url": f"{marketplace.base}/mercadolibre", "circuit_failures": 1000},
            "worker": WorkerSettings(
                backoff_base_seconds=60 / SPEED, backoff_max_seconds=3600 / SPEED, sleep_empty=0.05, sleep_error=0.1
            ),
            "missed": {"every_seconds": 600 / SPEED},
            "accounts": [
                {
                    "account": seller["nickname"].lower(),
                    "user_id": str(seller["user_id"]),
                    "client_id": str(told["application_id"]),
                    "client_secret": told["client_secret"],
                    "refresh_token": seller["refresh_token"],
                }
                for seller in told["sellers"]
            ],
        }
    )
    async with build(config) as service, working(service):
        yield


def search_job(text: str) -> NewJob:
    filters = {"offset": 0, "limit": 50}
    return NewJob("search", {"site_id": "MLM", "query_text": text, "filters_json": filters})


async def test_an_hour_of_blocked_search_loses_no_job_and_the_enrichment_goes_on(
    environment: None, database: Database, shop: Receiver, tmp_path: Path
) -> None:
    queue = JobQueue(database, QUEUE)
    settings = {
        "mercadolibre_target": shop.url("/hook"),
        "mercadolibre_search": "blocked",
        "mercadolibre_token_seconds": 30 * 86400,
        "mercadolibre_items": 12,
        "mercadolibre_quirks": 0.2,
        "speed": SPEED,
    }
    shop.answer = _take_nothing
    async with sandbox(**settings) as marketplace, enriching(marketplace):
        began = await now(marketplace)
        await queue.enqueue(*(search_job(text) for text in SEARCHES))
        items = (await marketplace.control("GET", "/_world/items"))["items"]
        imported = [item["id"] for item in items[:5]]
        file = tmp_path / "items.csv"
        file.write_text("item_id\n" + "\n".join([*imported, "nonsense"]) + "\n")
        done = await import_file(file, Format.CSV, database, Seeds(queue, timedelta(days=1)), tmp_path / "report")
        assert (done.queued, done.refused) == (5, 1)

        while await now(marketplace) - began < HOUR:
            await marketplace.control("POST", "/_world/steps", {"steps": 5, "marketplace": "mercadolibre"})
            await asyncio.sleep(0.4)  # five minutes there
        named = await items_named(marketplace) | set(imported)

        async def all_is_done() -> bool:
            return named <= await texts(database, SEEDED) and await scalar(database, OPEN_JOBS) == 0

        await until(all_is_done, "every item that the hour named is known, and every job has ended", 60)
        assert await scalar(database, ENDED, "search", "failed_permanent") == len(SEARCHES)
        assert await texts(database, CODES) == {"PA_UNAUTHORIZED_RESULT_FROM_POLICIES"}
        seeded = await texts(database, SEEDED)
        assert await texts(database, ENRICHED) == seeded, "each item that anything named was enriched"
        assert await texts(database, SCORED) == seeded
        assert await scalar(database, ENDED, "enrich", "succeeded") == len(seeded)
        assert await scalar(database, ENDED, "enrich", "failed_permanent") == 0
        sources = await texts(database, "SELECT source FROM ops.item_seeds")
        assert "import" in sources
        assert sources & {"order", "question", "listing"}, "whichever of them named an item first"
        assert await scalar(database, "SELECT count(*) FROM ops.missed_notifications WHERE outcome = 'published'")

        await marketplace.control("PUT", "/_mercadolibre", {"search": "open"})
        await queue.enqueue(search_job(items[-1]["title"].split()[0]))

        async def searched() -> bool:
            return await scalar(database, ENDED, "search", "succeeded") == 1

        await until(searched, "the first search after the hour")


async def texts(database: Database, sql: str) -> set[str]:
    """A column of texts."""
    async with database.connection() as connection:
        return {row[0] for row in await connection.fetch(sql)}


async def _take_nothing(_received: object) -> web.Response:
    return web.Response(status=503)


async def now(marketplace: Sandbox) -> datetime:
    """The sandbox's time."""
    return datetime.fromisoformat((await marketplace.control("GET", "/_world/summary"))["now"])


async def items_named(marketplace: Sandbox) -> set[str]:
    """The items of all orders and questions; listings that changed come on top."""
    world = {name: (await marketplace.control("GET", f"/_world/{name}"))[name] for name in ("orders", "questions")}
    of_orders = {line["item"]["id"] for order in world["orders"] for line in order["order_items"]}
    return of_orders | {question["item_id"] for question in world["questions"]}
