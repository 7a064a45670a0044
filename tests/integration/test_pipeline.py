"""The search pipeline against the sandbox: search → enrich → score, and what goes on while search is blocked."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from statistics import quantiles
from typing import Any

import pytest

from libs.bus.publisher import Publisher
from libs.bus.settings import KafkaSettings
from libs.db.pool import Database
from libs.jobs import JobQueue, NewJob, Status, WorkerSettings
from libs.marketplaces.mercadolibre.jobs import QUEUE, JobType
from libs.projection.rebuild import Rebuild
from libs.read_models.item_scores.project import READ_MODEL as ITEM_SCORES
from libs.read_models.items.project import READ_MODEL as ITEMS
from libs.read_models.search_runs.project import READ_MODEL as SEARCH_RUNS
from libs.secrets.keys import new_key
from services.mercadolibre_enricher.app import build
from services.mercadolibre_enricher.config import Config
from services.mercadolibre_enricher.fallbacks.seeds import Seed, Seeds, Source
from tests.integration.running_sandbox import Sandbox, sandbox
from tests.projecting import projecting, scalar, until
from tests.serving import working

MODELS = (SEARCH_RUNS, ITEMS, ITEM_SCORES)
IMPATIENT = WorkerSettings(backoff_base_seconds=0.05, backoff_max_seconds=0.1, sleep_empty=0.05, sleep_error=0.1)


@pytest.fixture
def queue(database: Database) -> JobQueue:
    return JobQueue(database, QUEUE)


async def accounts_of(marketplace: Sandbox) -> list[dict[str, str]]:
    """The enricher's accounts: the sandbox's sellers."""
    told = (await marketplace.control("GET", "/_accounts"))["mercadolibre"]
    return [
        {
            "account": seller["nickname"].lower(),
            "user_id": str(seller["user_id"]),
            "client_id": str(told["application_id"]),
            "client_secret": told["client_secret"],
            "refresh_token": seller["refresh_token"],
        }
        for seller in told["sellers"]
    ]


@asynccontextmanager
async def enriching(
    marketplace: Sandbox, kafka: KafkaSettings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[None]:
    """The whole enricher, as its app builds it, with workers that do not wait long."""
    monkeypatch.setenv("SELLSTREAM_SECRETS_KEYS", new_key())
    monkeypatch.setenv("DATABASE_URL", database.url)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", kafka.bootstrap_servers)
    monkeypatch.setenv("KAFKA_TOPIC_PREFIX", kafka.topic_prefix)
    config = Config.model_validate(
        {
            "api": {"base_url": f"{marketplace.base}/mercadolibre", "circuit_failures": 1000},
            "worker": IMPATIENT,
            "missed": {"every_seconds": 0},
            "accounts": await accounts_of(marketplace),
        }
    )
    async with build(config) as service, working(service):
        yield


@pytest.fixture
def shown(tmp_path: Path) -> Iterator[Path]:
    """A file for the output of processes; a test that fails shows it."""
    log = tmp_path / "workers.log"
    yield log
    print(log.read_text())


def search_job(**payload: Any) -> NewJob:
    filters = {"offset": 0, "limit": 50}
    return NewJob(JobType.SEARCH, {"site_id": "MLM", "query_text": "a", "filters_json": filters} | payload)


async def all_ended(queue: JobQueue) -> dict[str, dict[Status, int]]:
    """The counts of jobs, once none is open."""

    async def ended() -> bool:
        found = await queue.counts()
        return bool(found) and all(status.ended for counts in found.values() for status in counts)

    await until(ended, "every job has ended")
    return await queue.counts()


async def rows(database: Database, view: str, order: str) -> list[dict[str, Any]]:
    async with database.connection() as connection:
        return [dict(one) for one in await connection.fetch(f"SELECT * FROM mercadolibre.{view} ORDER BY {order}")]


async def listed(marketplace: Sandbox, site: str = "MLM") -> dict[str, dict[str, Any]]:
    """What the sandbox's open search tells, by item."""
    answer = await marketplace.get(f"/mercadolibre/sites/{site}/search?q=a&limit=50")
    told = json.loads(await answer.text(), parse_float=Decimal)
    return {item["id"]: item for item in told["results"]}


async def test_a_search_becomes_runs_results_features_and_scores(
    kafka: KafkaSettings,
    publisher: Publisher,
    database: Database,
    queue: JobQueue,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with sandbox(mercadolibre_search="open", mercadolibre_items=12) as marketplace:
        truth = await listed(marketplace)
        assert truth
        async with enriching(marketplace, kafka, database, monkeypatch):
            await queue.enqueue(search_job())
            counts = await all_ended(queue)
    assert counts == {
        "search": {Status.SUCCEEDED: 1},
        "enrich": {Status.SUCCEEDED: len(truth)},
        "score": {Status.SUCCEEDED: len(truth)},
    }
    (run,) = await rows(database, "ml_search_runs", "id")
    assert (run["site_id"], run["query_text"], run["status"], run["http_status"]) == ("MLM", "a", "succeeded", 200)
    assert json.loads(run["filters_json"]) == {"offset": 0, "limit": 50}
    results = await rows(database, "ml_search_results", "position")
    assert [one["item_id"] for one in results] == list(truth)
    features = {one["item_id"]: one for one in await rows(database, "ml_item_features", "item_id")}
    scores = {one["item_id"]: one for one in await rows(database, "ml_item_scores", "item_id")}
    assert features.keys() == scores.keys() == truth.keys()
    for found in results:
        told, seen = truth[found["item_id"]], features[found["item_id"]]
        for column in ("title", "price", "currency_id", "condition", "listing_type_id", "category_id", "permalink"):
            assert found[column] == told[column], column
            assert seen[column] == told[column], column
        assert found["seller_id"] == told["seller"]["id"]
        assert found["seller_nickname"] == told["seller"]["nickname"]
        assert seen["seller_id"] == str(told["seller"]["id"])
        assert seen["available_quantity"] == told["available_quantity"]
        assert (seen["reputation_level"], seen["power_seller_status"]) == ("5_green", "gold")
        assert seen["source"] == "search_run"
        components = json.loads(scores[found["item_id"]]["components_json"])
        total = sum(Decimal(one["points"]) for one in components)
        assert abs(total - scores[found["item_id"]]["score"]) < Decimal("0.01")
        by_name = {one["name"]: one for one in components}
        assert seen["catalog_product_id"] == told["catalog_product_id"]
        if told["catalog_product_id"] is None:
            assert by_name["price"]["value"] is None, "no catalog product: no prices to compare with"
        assert by_name["seller"]["reason"].startswith("level 5_green, medal gold")
    for model in MODELS:
        async with projecting(model, kafka, publisher, database):
            assert (await Rebuild(model, kafka, database).verify()).equal


async def test_a_price_is_judged_by_what_all_sellers_ask_for_the_same_product(
    kafka: KafkaSettings, database: Database, queue: JobQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four sellers, two of them in Mexico: their listings share catalog products."""
    async with sandbox(mercadolibre_search="open", mercadolibre_items=24, mercadolibre_sellers=4) as marketplace:
        truth = await listed(marketplace)
        async with enriching(marketplace, kafka, database, monkeypatch):
            await queue.enqueue(search_job())
            await all_ended(queue)
            # The first items were scored before the last ones' prices were known: once more, with all of them.
            await queue.enqueue(*(NewJob(JobType.SCORE, {"item_id": item_id}) for item_id in truth))
            await all_ended(queue)
    offers: dict[tuple[str, str], list[str]] = {}
    for item_id, told in truth.items():
        if told["catalog_product_id"] is not None:
            offers.setdefault((told["catalog_product_id"], told["condition"]), []).append(item_id)
    compared = {item_id: set(ids) - {item_id} for ids in offers.values() if len(ids) > 5 for item_id in ids}
    assert len({truth[item_id]["seller"]["id"] for item_id in compared}) == 2, "both sellers' prices are compared"
    scores = {one["item_id"]: one for one in await rows(database, "ml_item_scores", "item_id")}
    assert scores.keys() == truth.keys()
    for item_id, score in scores.items():
        price = next(one for one in json.loads(score["components_json"]) if one["name"] == "price")
        assert score["catalog_product_id"] == truth[item_id]["catalog_product_id"]
        if item_id not in compared:
            assert (price["value"], price["points"]) == (None, "0.0000"), price
            continue
        asked = [Decimal(truth[other]["price"]) for other in compared[item_id]]
        cheap, dear = (quantiles(asked, n=10, method="inclusive")[place] for place in (0, 8))
        value = min(max((dear - truth[item_id]["price"]) / (dear - cheap), Decimal(0)), Decimal(1))
        assert abs(Decimal(price["value"]) - value) < Decimal("0.0001"), price
        assert f"median of {len(asked)} offers" in price["reason"]
        assert score["coverage"] == 1


async def test_while_search_is_blocked_the_fallbacks_go_on_and_no_job_is_lost(
    kafka: KafkaSettings, database: Database, queue: JobQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with sandbox(mercadolibre_search="open", mercadolibre_items=12) as marketplace:
        known = await listed(marketplace)
        await marketplace.control("PUT", "/_mercadolibre", {"search": "blocked"})
        async with enriching(marketplace, kafka, database, monkeypatch):
            seeds = Seeds(queue, timedelta(days=1))
            await queue.enqueue(*(search_job(query_text=text) for text in ("a", "e", "o")))
            await seeds.plant([Seed(item_id, Source.ORDER) for item_id in known])
            await seeds.plant([Seed("MLM999999999999", Source.IMPORT)])
            counts = await all_ended(queue)
    assert counts == {
        "search": {Status.FAILED_PERMANENT: 3},
        "enrich": {Status.SUCCEEDED: len(known), Status.FAILED_PERMANENT: 1},
        "score": {Status.SUCCEEDED: len(known)},
    }
    runs = await rows(database, "ml_search_runs", "id")
    assert len(runs) == 18, "six attempts of each search, and each has left its run"
    for run in runs:
        error = json.loads(run["error_json"])
        assert (run["status"], run["http_status"], error["code"]) == ("failed", 403, "PolicyAgent")
        assert error["x-policy-agent-block-code"] == "PA_UNAUTHORIZED_RESULT_FROM_POLICIES"
        assert error["msg"].startswith("blocked by WAF")
    last = await scalar(database, "SELECT last_error FROM ops.jobs WHERE job_type = 'search' LIMIT 1")
    assert json.loads(str(last))["x-policy-agent-block-code"] == "PA_UNAUTHORIZED_RESULT_FROM_POLICIES"
    assert len(await rows(database, "ml_item_scores", "item_id")) == len(known)


async def test_what_no_worker_can_read_fails_at_once(
    kafka: KafkaSettings, database: Database, queue: JobQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with sandbox() as marketplace, enriching(marketplace, kafka, database, monkeypatch):
        await queue.enqueue(
            search_job(site_id="nowhere"), NewJob(JobType.ENRICH, {"item_id": "../users/me"}), NewJob(JobType.SCORE, {})
        )
        counts = await all_ended(queue)
    assert counts == {kind: {Status.FAILED_PERMANENT: 1} for kind in ("search", "enrich", "score")}
    errors = await rows_of_errors(database)
    assert {one["code"] for one in errors} == {"InvalidPayload"}


async def rows_of_errors(database: Database) -> list[dict[str, Any]]:
    async with database.connection() as connection:
        return [json.loads(one["last_error"]) for one in await connection.fetch("SELECT last_error FROM ops.jobs")]


async def test_sellstream_enricher_run_is_killed_and_another_one_goes_on(
    kafka: KafkaSettings, publisher: Publisher, database: Database, queue: JobQueue, shown: Path
) -> None:
    """Killed amid its jobs: the next worker takes over what was locked, and stops when it is told to."""
    async with (
        sandbox(mercadolibre_search="open", mercadolibre_items=12) as marketplace,
        projecting(ITEMS, kafka, publisher, database),  # what the killed one had published, the projector applies
    ):
        known = await listed(marketplace)
        environment = {
            **os.environ,
            "SELLSTREAM_SECRETS_KEYS": new_key(),
            "DATABASE_URL": database.url,
            "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
            "KAFKA_TOPIC_PREFIX": kafka.topic_prefix,
            "MERCADOLIBRE_ENRICHER_ACCOUNTS": json.dumps(await accounts_of(marketplace)),
            "MERCADOLIBRE_ENRICHER_API__BASE_URL": f"{marketplace.base}/mercadolibre",
            "LOCK_SECONDS": "1.5",
            "CONCURRENCY": "3",
            "SLEEP_EMPTY": "0.2",
            "BACKOFF_BASE_SECONDS": "0.2",
        }
        seeds = Seeds(queue, timedelta(0))
        await seeds.plant([Seed(item_id, Source.IMPORT) for item_id in known])
        sellers = len({item["seller"]["id"] for item in known.values()})

        async def both_sellers() -> bool:
            """From then on no token is being refreshed: one that is killed in that moment is lost."""
            assert first.returncode is None, f"the worker ended with {first.returncode}"
            sql = "SELECT count(DISTINCT seller_id) FROM read_models.items"
            return await table_is_there(database) and await scalar(database, sql) == sellers

        async def nothing_open() -> bool:
            counts = (await queue.counts())["enrich"]
            return all(status.ended for status in counts)

        async with worker(environment, shown, "services.mercadolibre_enricher.run_worker", "enrich") as first:
            await until(both_sellers, "items of each seller are enriched", 60)
            await seeds.plant([Seed(item_id, Source.IMPORT) for item_id in known])
            await asyncio.sleep(0.05)
            first.kill()
        async with worker(environment, shown, "services.ops.cli", "enricher", "run", "enrich") as second:
            await until(nothing_open, "every item is enriched", 60)
            second.send_signal(signal.SIGINT)  # as a terminal does
            assert await asyncio.wait_for(second.wait(), 30) == 0
    counts = await queue.counts()
    assert counts["enrich"].keys() == {Status.SUCCEEDED}
    assert counts["score"] == {Status.PENDING: len(known)}
    assert {one["item_id"] for one in await rows(database, "ml_item_features", "item_id")} == known.keys()
    async with projecting(ITEMS, kafka, publisher, database):
        assert (await Rebuild(ITEMS, kafka, database).verify()).equal


async def table_is_there(database: Database) -> bool:
    return await scalar(database, "SELECT to_regclass('read_models.items')") is not None


@asynccontextmanager
async def worker(
    environment: dict[str, str], log: Path, module: str, *arguments: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A running process; when the block fails, its log tells where it was."""
    with log.open("ab") as out:
        running = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", module, *arguments), env=environment, stdout=out, stderr=asyncio.subprocess.STDOUT
        )
    try:
        yield running
    except BaseException:
        if running.returncode is None:
            running.send_signal(signal.SIGABRT)
            await asyncio.wait([asyncio.create_task(running.wait())], timeout=5)
        raise
    finally:
        if running.returncode is None:
            running.kill()
        await running.wait()
