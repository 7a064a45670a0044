"""Drafts become listings: documented statuses, retries, limits, reasons; and never a second listing."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from libs.bus.message import Outgoing
from libs.bus.publisher import Publisher
from libs.bus.settings import KafkaSettings
from libs.channels.accounts import Channels
from libs.commands.run import Commands
from libs.db.pool import Database
from libs.entities.sequences import Sequences
from libs.jobs import JobQueue, Worker, WorkerSettings
from libs.read_models import READ_MODELS
from libs.read_models.entities import read_model
from libs.secrets.keys import new_key
from libs.selling.channel import Listed, NotYet, Wanted
from schemas.channels import Channel
from schemas.entities import BY_COLLECTION
from schemas.exchange_rates.exchange_rates_published import ExchangeRatesPublishedV1
from schemas.values import Money
from services.ops.sandbox_wiring import services_environment
from services.publisher.book import Book
from services.publisher.publish import Publishing
from services.publisher.queueing import PUBLISH, QUEUE
from services.publisher.rates import PublishedRates
from tests.e2e.checks import records
from tests.integration.running_catalog import Catalog, catalog, example
from tests.integration.running_publisher import WORKER, publisher_service, selling
from tests.integration.running_sandbox import Sandbox, sandbox
from tests.integration.selling_channels import on_sale
from tests.projecting import projecting, scalar, until
from tests.selling import Shop

KEYS = new_key()
MARKETS = {"amazon": "US", "ebay": "US", "mercadolibre": "MX"}
ENTITIES = ("listingDrafts", "publishJobs", "sellListings", "productMatches", "unifiedProducts")


@pytest.fixture
async def made(request: pytest.FixtureRequest) -> AsyncIterator[Sandbox]:
    """The parameter: so long Amazon works on what it has accepted."""
    settle = getattr(request, "param", 0)
    async with sandbox(ebay_items=5, ebay_orders=0, amazon_settle_seconds=settle) as running:
        yield running


@pytest.fixture
async def api(
    request: pytest.FixtureRequest, database: Database, kafka: KafkaSettings, publisher: Publisher, made: Sandbox
) -> AsyncIterator[Catalog]:
    """The catalog, with a product, and the exchange rates of today or (the parameter) so many days ago."""
    rates = ExchangeRatesPublishedV1(
        source="ecb",
        day=datetime.now(UTC).date() - timedelta(days=getattr(request, "param", 0)),
        base="EUR",
        rates={"USD": Decimal("1.25"), "MXN": Decimal(20)},
        fetched_at=datetime.now(UTC),
    )
    await publisher.publish(Outgoing(rates), within=30)
    async with AsyncExitStack() as stack:
        for name in ENTITIES:
            model = read_model(BY_COLLECTION[name])
            await stack.enter_async_context(projecting(model, kafka, publisher, database))
        opened = await stack.enter_async_context(catalog(database.url, kafka))
        assert await opened.create("unifiedProducts") == 1
        yield opened


async def draft(api: Catalog, channel: str, **changes: Any) -> int:
    """A draft that somebody approves at once."""
    payload = {**example("listingDrafts")["payloadJson"], **changes.pop("payload", {})}
    fields = {"channel": channel, "market": MARKETS[channel], "payloadJson": payload, **changes}
    number = await api.create("listingDrafts", **fields)
    await approve(api, number)
    return number


async def approve(api: Catalog, number: int, **changes: Any) -> None:
    approved = {"action": 2, "listingDraftId": number, "status": "approved", "approvedBy": "ana", **changes}
    assert (await api.post("listingDrafts", approved)).status == 200


async def job_of(api: Catalog, number: int) -> dict[str, Any]:
    found: list[dict[str, Any]] = (await api.get("/publishJobs", draftId=number)).json["publishJobs"]
    return found[0] if found else {"status": None, "attempts": 0}


def job_is(api: Catalog, number: int, status: str) -> Callable[[], Any]:
    async def check() -> bool:
        return bool((await job_of(api, number))["status"] == status)

    return check


@pytest.mark.parametrize("made", [0.3], indirect=True)
async def test_a_draft_that_is_approved_becomes_a_listing_on_every_channel(api, kafka, database, made):
    async with publisher_service(database.url, kafka, KEYS, made):
        drafts = {channel: await draft(api, channel) for channel in MARKETS}
        for channel, number in drafts.items():
            await until(job_is(api, number, "completed"), f"the draft of {channel} is published")
    for channel, number in drafts.items():
        (item_id,) = await on_sale(made, channel, f"SS-{number}")
        job = await job_of(api, number)
        assert (job["attempts"], job["lastError"], job["nextRetryAt"]) == (1, None, None)
        assert (await api.get(f"/listingDrafts/{number}")).json["status"] == "published"
        (row,) = (await api.get("/sellListings", channel=channel)).json["sellListings"]
        assert (row["channelItemId"], row["market"], row["unifiedProductId"]) == (item_id, MARKETS[channel], 1)
        assert row["title"] == "Apple iPhone 15 128GB"
        assert row["fxAsOfDate"] == datetime.now(UTC).date().isoformat()
        expected = {"mercadolibre": ("12799.84", "MXN", "0.0625")}.get(channel, ("799.99", "USD", "1"))
        assert (row["sellPriceOriginal"], row["currencyOriginal"], row["fxRateToUsd"]) == expected
        assert row["sellPriceUsd"] == "799.99"
        listing = row["sellListingId"]
        (match,) = (await api.get("/productMatches", entityType="sell", entityId=listing)).json["productMatches"]
        assert (match["unifiedProductId"], match["confidence"], match["matchMethod"]) == (1, "1.0000", "published")


@pytest.mark.parametrize("api", [200], indirect=True)
async def test_old_rates_price_nothing_unless_they_are_allowed_to(api, kafka, database, made):
    """The sandbox's bank publishes days long past: there they are allowed to."""
    number = await draft(api, "mercadolibre")
    async with publisher_service(database.url, kafka, KEYS, made, max_attempts=1):
        await until(job_is(api, number, "failed"), "no rate of the day is known")
    assert "No rate from MXN to USD" in (await job_of(api, number))["lastError"]
    allowed = int(services_environment(await made.control("GET", "/_accounts"), "", "")["PUBLISHER_OLDEST_RATE_DAYS"])
    again = await draft(api, "mercadolibre")
    async with publisher_service(database.url, kafka, KEYS, made, oldest_rate_days=allowed):
        await until(job_is(api, again, "completed"), "it is published")


async def test_a_further_draft_of_a_listing_tells_it_again(api, kafka, database, made):
    """Amazon has one listing of a product: it may have been off, and the interlock must hear that it is not."""
    drafts = [await draft(api, "amazon") for _ in range(2)]
    async with publisher_service(database.url, kafka, KEYS, made):
        for number in drafts:
            await until(job_is(api, number, "completed"), f"the draft {number} is published")
    assert len(await api.all_rows("sellListings")) == 1
    assert len(await records(kafka, "sell_listings")) == 2


async def test_failures_are_retried_as_documented_until_the_attempts_are_spent(api, kafka, database, made):
    await made.control("POST", "/_faults", {"marketplace": "ebay", "kind": "outage", "path": "/sell/*", "count": 2})
    async with publisher_service(database.url, kafka, KEYS, made, max_attempts=3):
        number = await draft(api, "ebay")
        await until(job_is(api, number, "completed"), "the third attempt succeeds")
        assert (await job_of(api, number))["attempts"] == 3
        assert len(await on_sale(made, "ebay", f"SS-{number}")) == 1
        assert await states(kafka) == [
            "queued", "processing", "failed", "retrying", "processing", "failed", "retrying", "processing", "completed",
        ]  # fmt: skip

        fault = await made.control("POST", "/_faults", {"marketplace": "ebay", "kind": "outage", "path": "/sell/*"})
        lost = await draft(api, "ebay")

        async def spent() -> bool:
            job = await job_of(api, lost)
            return bool(job["status"] == "failed" and job["attempts"] == 3)

        await until(spent, "the attempts are spent")
        row = (await api.get(f"/listingDrafts/{lost}")).json
        assert row["status"] == "draft"
        assert "Unavailable" in row["errorMessage"]
        await made.control("DELETE", f"/_faults/{fault['id']}")
        await approve(api, lost, errorMessage=None)
        await until(job_is(api, lost, "completed"), "it is published when it is approved again")
        assert (await job_of(api, lost))["attempts"] == 1


async def test_what_cannot_be_listed_goes_back_with_the_reason(api, kafka, database, made):
    async with publisher_service(database.url, kafka, KEYS, made):
        cases = {
            await draft(api, "mercadolibre", payload={"category_id": "MLB1"}): "item.category_id.invalid",
            await draft(api, "ebay", payload={"quantity": 0}): "payloadJson.quantity",
            await draft(api, "amazon", payload={"title": ""}): "payloadJson.title is required",
            await draft(api, "amazon", market="CA"): "no account sells on amazon in CA",
        }
        for number, words in cases.items():
            await until(job_is(api, number, "failed"), words)
            row = (await api.get(f"/listingDrafts/{number}")).json
            assert (row["status"], words in row["errorMessage"]) == ("draft", True), row["errorMessage"]
            job = await job_of(api, number)
            assert (job["attempts"], words in job["lastError"]) == (1, True)
    assert await on_sale(made, "ebay", "SS-2") == []


@dataclass
class Dear(Shop):
    """Lists everything for 900 dollars, whatever is wanted."""

    async def publish(self, wanted: Wanted) -> Listed:
        self.on_sale.add(wanted.sku)
        return Listed(wanted.sku, wanted.sku, Money(amount=Decimal(900), currency="USD"), 1)


async def test_what_a_marketplace_lists_beyond_the_limits_is_taken_off(api, kafka, database, made, publisher):
    shop, queue = Dear(Channel.EBAY), JobQueue(database, QUEUE)
    async with (
        publisher_service(database.url, kafka, KEYS, made, workers=("consumer",)),
        Commands(database, kafka, publisher, "publisher", READ_MODELS, patience=20) as commands,
    ):
        book = Book(commands, Sequences(database))
        settings = WorkerSettings(**WORKER, locked_by="tests")
        publishing = Publishing(book, Channels({("ebay", "US"): shop}), PublishedRates(kafka), settings.backoff, 6)
        number = await draft(api, "ebay")
        stop = asyncio.Event()
        working = asyncio.create_task(Worker(queue, {PUBLISH: publishing}, settings).run(stop))
        await until(job_is(api, number, "failed"), "it is given up")
        stop.set()
        await working
    assert shop.calls == [f"SS-{number}"]
    assert not shop.on_sale, "nobody can buy it for that"
    row = (await api.get(f"/listingDrafts/{number}")).json
    assert row["status"] == "draft"
    assert "for 900 USD (900.00 USD), which is not between 749.99 and 849.99 USD: it was taken" in row["errorMessage"]
    assert (await api.get("/sellListings")).json["sellListings"] == []


@dataclass
class Wavering(Shop):
    """A marketplace at which a listing is live before anybody is told; meanwhile somebody rejects the draft."""

    reject: Callable[[], Any] | None = None
    slow: bool = False
    pending: set[str] = field(default_factory=set)  # live when it is asked for again

    async def publish(self, wanted: Wanted) -> Listed:
        (self.pending if self.slow else self.on_sale).add(wanted.sku)
        if self.reject is not None:
            await self.reject()
        if self.slow:
            raise NotYet("it works on it", 0.1)
        return Listed(wanted.sku, wanted.sku, wanted.price, 1)

    async def withdraw(self, sku: str) -> None:
        self.calls.append(f"withdraw {sku}")
        if sku in self.pending:
            self.pending.remove(sku)
            self.on_sale.add(sku)
            raise NotYet("it still works on it", 0.1)
        self.on_sale.discard(sku)


@asynccontextmanager
async def publishing_at(
    shop: Wavering, api: Catalog, kafka: KafkaSettings, database: Database, made: Sandbox, publisher: Publisher
) -> AsyncIterator[int]:
    """An approved draft, which is published in the shop."""
    queue = JobQueue(database, QUEUE)
    async with (
        publisher_service(database.url, kafka, KEYS, made, workers=("consumer",)),
        Commands(database, kafka, publisher, "publisher", READ_MODELS, patience=20) as commands,
    ):
        book = Book(commands, Sequences(database))
        settings = WorkerSettings(**WORKER, locked_by="tests")
        publishing = Publishing(book, Channels({("ebay", "US"): shop}), PublishedRates(kafka), settings.backoff, 6)
        number = await draft(api, "ebay")
        stop = asyncio.Event()
        working = asyncio.create_task(Worker(queue, {PUBLISH: publishing}, settings).run(stop))
        yield number
        stop.set()
        await working


@pytest.mark.parametrize("slow", [False, True], ids=["while it is listed", "while the marketplace works on it"])
async def test_a_draft_that_is_rejected_meanwhile_is_taken_off(api, kafka, database, made, publisher, slow):
    rejected = {"action": 2, "listingDraftId": 1, "status": "rejected"}
    shop = Wavering(Channel.EBAY, slow=slow, reject=partial(api.post, "listingDrafts", rejected))
    async with publishing_at(shop, api, kafka, database, made, publisher) as number:
        await until(job_is(api, number, "failed"), "it is given up")
    assert not shop.on_sale, "nobody can buy what nobody approves"
    assert "not approved" in (await job_of(api, number))["lastError"]
    assert (await api.get(f"/listingDrafts/{number}")).json["status"] == "rejected"
    assert (await api.get("/sellListings")).json["sellListings"] == []


async def test_a_job_that_is_deleted_while_the_marketplace_works_on_it_leaves_nothing_on_sale(
    api, kafka, database, made, publisher
):
    shop = Wavering(
        Channel.EBAY,
        slow=True,
        reject=partial(api.post, "publishJobs", {"action": 3, "draftId": 1, "status": "queued"}),
    )

    async def withdrawn() -> bool:
        return shop.calls == ["withdraw SS-1"] * 2

    async with publishing_at(shop, api, kafka, database, made, publisher):
        await until(withdrawn, "what the marketplace has made is withdrawn")
    assert not shop.on_sale
    assert (await api.get("/publishJobs")).json["publishJobs"] == []
    assert (await api.get("/listingDrafts/1")).json["status"] == "approved"
    assert (await api.get("/sellListings")).json["sellListings"] == []


async def states(kafka: KafkaSettings) -> list[str]:
    """The states that the first publish job went through, as the topic tells them."""
    return [json.loads(one.value)["status"] for one in await records(kafka, "publish_jobs") if one.key == b"1"]


ROUNDS: tuple[tuple[dict[str, int], str | None], ...] = (
    ({"amazon": 0, "ebay": 0, "mercadolibre": 1}, None),  # the put, the item's put, the item's post
    ({"amazon": 1, "ebay": 2, "mercadolibre": 4}, None),  # the look at it, the offer's post, the item's put
    ({"ebay": 3}, "sell_listings"),  # the publishing; before the listing is recorded
    ({}, "product_matches"),  # before its match is
    ({}, None),
)
"""When the publisher is killed: behind which request of each channel's listing, and at the lock of which read model."""


async def test_a_kill_at_any_step_leads_to_no_second_listing_and_loses_none(api, kafka, database, made):
    settings = await selling(made, attempts=1)
    environment = {
        "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "KAFKA_TOPIC_PREFIX": kafka.topic_prefix,
        "DATABASE_URL": database.url,
        "SELLSTREAM_SECRETS_KEYS": KEYS,
        **{f"SELLING_{name.upper()}": json.dumps(value) for name, value in settings.items()},
        **{name.upper(): str(value) for name, value in WORKER.items()},
    }
    async with publisher_service(database.url, kafka, KEYS, made, workers=("consumer",)):
        drafts = await killed_again_and_again(api, made, database, environment)
    for channel, each in drafts:
        assert len(await on_sale(made, channel, f"SS-{each}")) == 1, (channel, each)
        assert (await job_of(api, each))["attempts"] == 1
    rows = (await api.all_rows("sellListings")).values()
    # Amazon has one listing of a product, whatever the SKU is that it is sold under.
    told = sorted(row["channel"] for row in rows if row["channel"] != "amazon")
    assert told == sorted(channel for channel, _ in drafts if channel != "amazon")


async def killed_again_and_again(
    api: Catalog, made: Sandbox, database: Database, environment: dict[str, str]
) -> list[tuple[str, int]]:
    """Round after round; the drafts, all published in the end."""
    drafts: list[tuple[str, int]] = []
    begun = [(channel, await draft(api, channel)) for channel in MARKETS]
    for requests, locked in ROUNDS:
        async with AsyncExitStack() as stack, killed_at_the_end(environment):
            for channel, each in begun:
                await until(job_is(api, each, "completed"), f"the draft {each} of {channel} is published", 60)
            drafts += begun
            for channel, number in requests.items():
                fault = {"marketplace": channel, "kind": "lost", "path": "/*", "after": number, "delay": 3600}
                await made.control("POST", "/_faults", {**fault, "count": 1})
            begun = [(channel, await draft(api, channel)) for channel in requests]
            if locked is not None:
                await stack.enter_async_context(lock_of(database, locked))
                begun.append(("mercadolibre", await draft(api, "mercadolibre")))
            waits = partial(all_wait, made, database, {*requests}, locked is not None)
            await until(waits, f"the publisher waits: {requests}, {locked}", 60)
        await made.control("DELETE", "/_faults")
    return drafts


async def all_wait(made: Sandbox, database: Database, channels: set[str], locked: bool) -> bool:
    """Whether these channels wait for the answers to what was carried out; and, if so, a command for its lock."""
    told = (await made.control("GET", "/_faults"))["faults"]
    waiting = """
        SELECT count(*) > 0 FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'publisher' AND wait_event_type = 'Lock'
    """
    stuck = {one["marketplace"] for one in told if one["hits"]} == channels
    return stuck and (not locked or bool(await scalar(database, waiting)))


@asynccontextmanager
async def lock_of(database: Database, read_model: str) -> AsyncIterator[None]:
    """Nobody commands a read model meanwhile."""
    async with database.transaction() as connection:
        await connection.execute(
            """
            SELECT 1 FROM projection.checkpoints c JOIN projection.builds b ON b.id = c.build
            WHERE b.read_model = $1 FOR UPDATE OF c
            """,
            read_model,
        )
        yield


@asynccontextmanager
async def killed_at_the_end(environment: dict[str, str]) -> AsyncIterator[None]:
    """The publisher's worker, until SIGKILL."""
    made = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.publisher_process",
        env={**os.environ, **environment},
        stdout=DEVNULL,
        stderr=DEVNULL,
    )
    try:
        yield
        assert made.returncode is None, "the publisher has ended by itself"
    finally:
        if made.returncode is None:
            made.send_signal(signal.SIGKILL)
        await made.wait()
