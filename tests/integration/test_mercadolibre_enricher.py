"""The enricher on real Kafka and PostgreSQL, with a MercadoLibre on 127.0.0.1: from notification to fact."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import aiohttp
import pytest
from aiokafka import AIOKafkaConsumer
from pydantic import SecretStr

from libs.bus.consumer import Consumer, Tuning
from libs.bus.lane import Retries
from libs.bus.message import Outgoing
from libs.bus.publisher import Publisher
from libs.bus.settings import KafkaSettings
from libs.db.pool import Database
from libs.http.client import ApiClient, ApiSettings
from libs.marketplaces.mercadolibre.client import MercadoLibre
from libs.marketplaces.mercadolibre.oauth import refresh_grant
from libs.oauth.store import PostgresTokenStore
from libs.oauth.tokens import RotatingTokens, TokenPair
from libs.secrets.keys import new_key, read_keys
from libs.secrets.vault import Vault
from schemas.envelope import Envelope
from schemas.registry import read_fact
from schemas.webhooks.webhook_received import WebhookReceivedV1
from services.mercadolibre_enricher.handlers import Deps, on_webhooks
from tests.mercadolibre_double import SELLER, MercadoLibreDouble, mercadolibre_double, recorded

NAME = "mercadolibre_enricher"
CLIENT = "mercadolibre/6456467593800000"
VAULT = Vault(read_keys(new_key()))
ORDER = "2000016796107000"
QUICK = Tuning(coalesce=timedelta(milliseconds=200), concurrency=64, retries=Retries(pauses=(0.01, 0.01)))
LONG_AGO = datetime(2026, 6, 5, tzinfo=UTC)


@pytest.fixture
async def double() -> AsyncIterator[MercadoLibreDouble]:
    async with mercadolibre_double() as opened:
        yield opened


@asynccontextmanager
async def enriching(
    kafka: KafkaSettings, double: MercadoLibreDouble, database: Database, *, access: str | None = None
) -> AsyncIterator[None]:
    """The service as its app builds it, with short retries. `access` is the configured access token."""
    stop = asyncio.Event()
    async with AsyncExitStack() as stack:
        publisher = await stack.enter_async_context(Publisher(kafka, NAME))
        settings = ApiSettings(base_url=double.base_url, attempts=1, circuit_failures=1000)
        api = await stack.enter_async_context(ApiClient("mercadolibre", settings))
        store = PostgresTokenStore(database, CLIENT, VAULT)
        await store.seed("acme", TokenPair(double.access if access is None else access, "TG-refresh-token-0"))
        grant = refresh_grant(api, "6456467593800000", SecretStr("client-secret"))
        tokens = RotatingTokens("mercadolibre", "acme", store, grant)
        stack.push_async_callback(tokens.close)
        deps = Deps({"acme": MercadoLibre(api, tokens, SELLER)})
        consumer = Consumer(kafka, NAME, ["webhooks"], publisher, QUICK)
        task = asyncio.create_task(consumer.run(partial(on_webhooks, deps=deps), stop))
        try:
            yield
        finally:
            stop.set()
            await task


def notice(resource: str | None = f"/orders/{ORDER}", topic: str = "orders_v2", marketplace: str = "mercadolibre"):
    fact = WebhookReceivedV1(
        marketplace=marketplace,
        account="acme",
        delivery_id="d",
        notification_topic=topic,
        resource=resource,
        subject=f"{marketplace}:acme:{resource}",
        body=json.dumps({"topic": topic, "resource": resource, "user_id": int(SELLER)}).encode(),
    )
    return Outgoing(fact, time=LONG_AGO)


async def records(kafka: KafkaSettings, topic: str, count: int, quiet: float = 0.0) -> list[Any]:
    """The first `count` records of a topic; with `quiet`, fail if another comes within so many seconds."""
    client = AIOKafkaConsumer(
        kafka.topic(topic), bootstrap_servers=kafka.bootstrap_servers, auto_offset_reset="earliest"
    )
    await client.start()
    found: list[Any] = []
    try:
        async with asyncio.timeout(30):
            while len(found) < count:
                found.append(await client.getone())
        if quiet:
            more = await client.getmany(timeout_ms=int(quiet * 1000))
            assert not more, f"{topic} has more than {count} records"
    except TimeoutError:
        pytest.fail(f"{topic} has {len(found)} records after 30 s, not {count}")
    finally:
        await client.stop()
    return found


def fact_of(record: Any) -> Any:
    return read_fact(Envelope.of(record.headers), record.value)


def errors_of(record: Any) -> tuple[str, str]:
    headers = dict(record.headers)
    return headers["x-error-class"].decode(), headers["__connect.errors.exception.message"].decode()


async def test_a_notification_becomes_a_fact_that_names_its_cause(kafka, publisher, double, database):
    await publisher.publish(notice())
    async with enriching(kafka, double, database):
        (record,) = await records(kafka, "orders", 1)
    (cause,) = await records(kafka, "webhooks", 1)
    order = fact_of(record)
    assert order.order_id == ORDER
    assert order.account == "acme"
    assert record.key == f"mercadolibre:{ORDER}".encode()
    envelope = Envelope.of(record.headers)
    assert envelope.causation_id == Envelope.of(cause.headers).id
    assert envelope.source == "/sellstream/mercadolibre_enricher"


async def test_a_burst_costs_one_fetch_and_one_fact(kafka, publisher, double, database):
    async with enriching(kafka, double, database):
        await asyncio.gather(*(publisher.publish(notice()) for _ in range(5)))
        await publisher.publish(notice("/questions/13066000001", "questions"))
        await records(kafka, "questions", 1)
        await records(kafka, "orders", 1, quiet=0.5)
    assert double.requests[f"/orders/{ORDER}"] == 1


async def test_notifications_out_of_order_never_make_the_state_go_back(kafka, publisher, double, database):
    path = f"/orders/{ORDER}"
    async with enriching(kafka, double, database):
        double.things[path] |= {"status": "cancelled", "last_updated": "2026-06-05T18:00:00.000-04:00"}
        await publisher.publish(notice())
        await records(kafka, "orders", 1)
        double.things[path] |= {"status": "paid", "last_updated": "2026-06-05T17:00:00.000-04:00"}  # a lagging replica
        await publisher.publish(notice())
        await publisher.publish(notice("/items/MLB4739200000", "items"))
        await records(kafka, "listings", 1)
        (record,) = await records(kafka, "orders", 1, quiet=0.5)
    assert fact_of(record).marketplace_status == "cancelled"


async def test_each_failure_has_its_place_in_the_dead_letters(kafka, publisher, double, database):
    double.fail("/orders/1", 403, '{"blocked_by": "PolicyAgent"}', times=10)
    double.fail("/orders/2", 200, "<html>", times=10)
    double.fail("/orders/3", 500, times=10)
    double.fail("/items/MLB5", 403, '{"error": "access_denied"}', times=10)
    for resource in ("/orders/1", "/orders/2", "/orders/3", "/users/4"):
        await publisher.publish(notice(resource))
    await publisher.publish(notice("/items/MLB5", "items"))
    await publisher.publish(notice("/unheard/6", "brand_new_topic"))
    await publisher.publish(notice("/orders/404"))  # ignored
    await publisher.publish(notice("/x", "quotations"))  # ignored
    await publisher.publish(notice("/x", "MARKETPLACE_ACCOUNT_DELETION", marketplace="ebay"))  # ignored
    async with enriching(kafka, double, database):
        letters = await records(kafka, "mercadolibre-enricher-dlt", 6, quiet=0.5)
    classes = {json.loads(letter.value)["resource"]: errors_of(letter)[0] for letter in letters}
    assert classes == {
        "/orders/1": "policy",
        "/orders/2": "poison",
        "/orders/3": "dependency",
        "/users/4": "contract",
        "/items/MLB5": "policy",
        "/unheard/6": "contract",
    }
    assert double.requests["/orders/3"] == 3
    assert double.requests["/orders/404"] == 1


async def test_a_restart_in_the_middle_loses_nothing_and_keeps_the_id(kafka, publisher, double, database):
    """Stopped while MercadoLibre is away; the next run does the work, and repeating it gives the same id."""
    path = f"/orders/{ORDER}"
    double.fail(path, 429, "local_rate_limited", times=1, **{"Retry-After": "60"})
    await publisher.publish(notice())
    async with enriching(kafka, double, database):
        async with asyncio.timeout(30):
            while not double.requests[path]:
                await asyncio.sleep(0.02)
    async with enriching(kafka, double, database):
        (first,) = await records(kafka, "orders", 1)
    await publisher.publish(notice())
    async with enriching(kafka, double, database):  # a new process remembers nothing: the same fact, the same id
        _, again = await records(kafka, "orders", 2)
    assert Envelope.of(first.headers).id == Envelope.of(again.headers).id


async def test_fifty_rejections_at_once_cost_one_refresh_and_a_restart_keeps_the_new_pair(
    kafka, publisher, double, database
):
    order = recorded("order__paid")
    double.things |= {f"/orders/{number}": {**order, "id": number} for number in range(1, 51)}
    await asyncio.gather(*(publisher.publish(notice(f"/orders/{number}")) for number in range(1, 51)))
    async with enriching(kafka, double, database, access="expired"):
        await records(kafka, "orders", 50)
    assert double.requests["/oauth/token"] == 1
    double.access = "APP_USR-revoked"  # the access token dies again while the service is down
    await publisher.publish(notice())
    async with enriching(kafka, double, database, access="expired"):
        await records(kafka, "orders", 51)
    assert double.granted == 2
    assert (await PostgresTokenStore(database, CLIENT, VAULT).load("acme")).refresh == "TG-refresh-token-2"


async def test_two_replicas_refresh_once(double, database):
    settings = ApiSettings(base_url=double.base_url)
    async with ApiClient("mercadolibre", settings) as api:
        store = PostgresTokenStore(database, CLIENT, VAULT)
        await store.seed("acme", TokenPair("expired", "TG-refresh-token-0"))
        grant = refresh_grant(api, "6456467593800000", SecretStr("client-secret"))
        replicas = [RotatingTokens("mercadolibre", "acme", store, grant) for _ in range(3)]
        fresh = await asyncio.gather(*(replica.refresh("expired") for replica in replicas))
    assert set(fresh) == {"APP_USR-access-token-1"}
    assert double.granted == 1


async def test_a_newly_configured_refresh_token_replaces_the_stored_pair(database):
    store = PostgresTokenStore(database, CLIENT, VAULT)
    await store.seed("acme", TokenPair("", "TG-first"))
    async with store.hold("acme") as held:
        await held.save(TokenPair("access", "TG-rotated"))
    await store.seed("acme", TokenPair("", "TG-first"))  # a restart with the same settings
    assert (await store.load("acme")).refresh == "TG-rotated"
    await store.seed("acme", TokenPair("", "TG-second"))  # a person authorised again
    assert (await store.load("acme")).refresh == "TG-second"


async def test_the_process_starts_serves_and_stops(kafka, publisher, double, database, database_url, unused_tcp_port):
    environment = {
        **os.environ,
        "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "KAFKA_TOPIC_PREFIX": kafka.topic_prefix,
        "DATABASE_URL": database_url,
        "SELLSTREAM_SECRETS_KEYS": new_key(),
        "MERCADOLIBRE_ENRICHER_PORT": str(unused_tcp_port),
        "MERCADOLIBRE_ENRICHER_API__BASE_URL": double.base_url,
        "MERCADOLIBRE_ENRICHER_ACCOUNTS": json.dumps(
            [
                {
                    "account": "acme",
                    "user_id": SELLER,
                    "client_id": "6456467593800000",
                    "client_secret": "client-secret",
                    "refresh_token": "TG-refresh-token-0",
                }
            ]
        ),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.mercadolibre_enricher", env=environment, stdout=asyncio.subprocess.PIPE
    )
    try:
        await publisher.publish(notice("/shipments/43210001234", "shipments"))
        (record,) = await records(kafka, "shipments", 1)
        assert fact_of(record).shipment_id == "43210001234"
        async with aiohttp.ClientSession(f"http://127.0.0.1:{unused_tcp_port}") as session:
            async with session.get("/readyz") as answer:
                assert answer.status == 200, await answer.text()
            async with session.get("/metrics") as answer:
                assert "http_client_requests_total" in await answer.text()
    finally:
        process.send_signal(signal.SIGTERM)
        output, _ = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 0, output.decode()
    assert "TG-refresh-token" not in output.decode()
    assert "client-secret" not in output.decode()
    assert "APP_USR-access-token-1" not in output.decode()
