"""The gateway on real Kafka: what is answered with 2xx is in the topic, once, whatever is killed or away."""

import asyncio
import base64
import hashlib
import hmac
import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import aiohttp
import pytest
from aiohttp import web
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from libs.bus.message import Record
from libs.bus.settings import KafkaSettings
from libs.bus.tail import read_tail
from libs.http.server import Health, prepare_application
from libs.stack import EmbeddedKafka
from libs.stack.ports import free_ports
from schemas.deliveries.delivery_decided import DeliveryDecidedV1
from schemas.envelope import Envelope
from schemas.registry import read_fact
from schemas.topics import topics
from schemas.webhooks.webhook_received import WebhookReceivedV1
from services.webhook_gateway.app import build
from services.webhook_gateway.config import Config

KEY = base64.b64encode(b"a key of the tests, 32 bytes long").decode()
TOKEN = "verification-token-of-the-tests-0123456789"
ENDPOINT = "https://hooks.example/webhooks/ebay"
ACCOUNTS = json.dumps(
    [
        {"marketplace": "mercadolibre", "account": "br", "user_ids": [123456789], "application_id": 1234567890123},
        {
            "marketplace": "mercadolibre",
            "account": "hidden",
            "user_ids": [42],
            "application_id": 1234567890123,
            "path_secret": "a-long-path-secret",
        },
        {"marketplace": "standard_webhooks", "account": "main", "secrets": [f"whsec_{KEY}"]},
        {
            "marketplace": "ebay",
            "account": "main",
            "endpoint": ENDPOINT,
            "verification_token": TOKEN,
            "client_id": "client",
            "client_secret": "a secret of the tests",
            "base_url": "http://127.0.0.1:1",
        },
    ]
)
JSON = {"Content-Type": "application/json"}
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def signed(delivery: str, body: bytes) -> dict[str, str]:
    """The headers of a Standard Webhooks delivery."""
    now = str(int(time.time()))
    digest = hmac.digest(base64.b64decode(KEY), f"{delivery}.{now}.".encode() + body, hashlib.sha256)
    proof = "v1," + base64.b64encode(digest).decode()
    return JSON | {"webhook-id": delivery, "webhook-timestamp": now, "webhook-signature": proof}


def notification(number: int, **more: object) -> bytes:
    """MercadoLibre's notification, as its document shows it, with an identity."""
    body = {"topic": "orders_v2", "resource": f"orders/{number}", "user_id": "123456789"}
    return json.dumps(body | {"application_id": "1234567890123", "_id": f"id-{number}"} | more).encode()


async def log(kafka: KafkaSettings, topic: str = "webhooks") -> list[Record]:
    since = datetime.now(UTC) - timedelta(days=1)
    return [record async for record in read_tail(kafka, topic, since=since, most_per_partition=100_000)]


def ids(records: list[Record]) -> list[str]:
    return sorted(Envelope.of(record.headers).id for record in records)


async def until(condition: Callable[[], Awaitable[bool]], what: str, seconds: float = 30) -> None:
    try:
        async with asyncio.timeout(seconds):
            while not await condition():
                await asyncio.sleep(0.05)
    except TimeoutError:
        pytest.fail(f"it did not happen within {seconds} s: {what}")


@asynccontextmanager
async def gateway(kafka: KafkaSettings, **settings: object) -> AsyncIterator[aiohttp.ClientSession]:
    """The service as its app builds it, in this process; a client of it."""
    with TemporaryDirectory() as folder:
        settings = {"spool_dir": folder} | settings
        config = Config(**{"accounts": ACCOUNTS, "kafka": kafka, "port": 0} | settings)  # type: ignore[arg-type]  # read by pydantic
        stop = asyncio.Event()
        ports: list[int] = []
        async with build(config, ports.append) as service:
            workers = [asyncio.create_task(worker(stop)) for worker in service.workers.values()]
            prepare_application(service.http, service.name, Health(service.ready))
            runner = web.AppRunner(service.http, access_log=None, shutdown_timeout=1, lingering_time=0.2)
            await runner.setup()
            try:
                assert service.listen is not None
                async with service.listen(runner):
                    timeout = aiohttp.ClientTimeout(total=30)
                    async with aiohttp.ClientSession(f"http://127.0.0.1:{ports[0]}", timeout=timeout) as client:
                        await until(lambda: is_ready(client), "the gateway becomes ready")
                        yield client
            finally:
                stop.set()
                await asyncio.gather(*workers)
                await runner.cleanup()


async def is_ready(client: aiohttp.ClientSession, url: str = "/readyz") -> bool:
    with suppress(aiohttp.ClientConnectionError):
        async with client.get(url) as response:
            return response.status == 200
    return False


@dataclass
class Process:
    """The gateway as a process of its own."""

    url: str
    process: asyncio.subprocess.Process

    async def stop(self, signum: signal.Signals) -> int:
        if self.process.returncode is None:
            self.process.send_signal(signum)
        async with asyncio.timeout(40):
            return await self.process.wait()


@asynccontextmanager
async def gateway_process(
    kafka: KafkaSettings, client: aiohttp.ClientSession, output: Path, **settings: str
) -> AsyncIterator[Process]:
    (port,) = free_ports(1)
    environ = {
        "PATH": os.environ["PATH"],
        "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "KAFKA_TOPIC_PREFIX": kafka.topic_prefix,
        "WEBHOOK_GATEWAY_ACCOUNTS": ACCOUNTS,
        "WEBHOOK_GATEWAY_PORT": str(port),
        "SELLSTREAM_STATE_DIR": str(output.parent / "state"),
    }
    with output.open("ab") as told:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services.webhook_gateway", env=environ | settings, stdout=told, stderr=told
        )
    started = Process(f"http://127.0.0.1:{settings.get('WEBHOOK_GATEWAY_PORT', port)}", process)
    try:
        await until(lambda: is_ready(client, f"{started.url}/readyz"), f"the gateway is ready; it told {output}")
        yield started
    finally:
        await started.stop(signal.SIGKILL)


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
        yield session


async def test_an_accepted_delivery_is_in_the_topic_byte_for_byte(kafka: KafkaSettings) -> None:
    body = b'{"type":"order.paid",  "data":{"id":"A-1","buyer":"S\xc3\xa3o"}}\n'
    headers = signed("msg_1", body)
    async with gateway(kafka) as client:
        answer = await client.post("/webhooks/standard_webhooks", data=body, headers=headers)
        assert answer.status == 200
        (record,) = await log(kafka)
    assert record.value == body
    assert record.key == b"standard_webhooks:main:order:A-1"
    kept = dict(record.headers)
    assert kept["http_webhook-signature"].decode() == headers["webhook-signature"]
    assert kept["http_webhook-timestamp"].decode() == headers["webhook-timestamp"]
    envelope = Envelope.of(record.headers)
    fact = read_fact(envelope, record.value)
    assert isinstance(fact, WebhookReceivedV1)
    assert (fact.marketplace, fact.account, fact.delivery_id) == ("standard_webhooks", "main", "msg_1")


async def test_mercadolibre_is_answered_as_its_document_says(kafka: KafkaSettings) -> None:
    async with gateway(kafka) as client:
        answer = await client.post("/mercadolibre/webhook", data=notification(1234567890), headers=JSON)
        assert (answer.status, await answer.json()) == (200, {"ok": True})
        wrong = await client.post("/mercadolibre/webhook", data=b"{", headers=JSON)
        assert wrong.status == 400
        assert (await wrong.json())["ok"] is False
        ping = await client.get("/mercadolibre/ping")
        assert await ping.json() == {"status": "ok", "service": "mercadolibre"}
        assert len(await log(kafka)) == 1
        told = await (await client.get("/metrics")).text()
        assert 'gateway_deadline_seconds{marketplace="mercadolibre"} 0.5\n' in told, "what its answers are measured by"


async def test_how_late_its_loop_comes_is_told(kafka: KafkaSettings) -> None:
    async with gateway(kafka) as client:

        async def looked() -> float:
            told = await (await client.get("/metrics")).text()
            return float(told.partition("\ngateway_loop_lag_seconds_count ")[2].split("\n")[0])

        before = await looked()
        await until(lambda: _more(looked, before), "the loop's lag is observed", 5)


async def _more(counted: Callable[[], Awaitable[float]], than: float) -> bool:
    return await counted() > than


async def test_a_secret_in_the_path_is_needed_and_never_logged(
    kafka: KafkaSettings, client: aiohttp.ClientSession, tmp_path: Path
) -> None:
    body = notification(7, user_id=42)
    output = tmp_path / "gateway.log"
    async with gateway_process(kafka, client, output) as running:
        for path, status in (
            ("/mercadolibre/webhook", 404),
            ("/webhooks/mercadolibre/hidden/not-the-secret", 404),
            ("/webhooks/mercadolibre/hidden/a-long-path-secret", 200),
            ("/mercadolibre/webhook/a-long-path-secret", 200),
        ):
            answer = await client.post(running.url + path, data=body, headers=JSON)
            assert answer.status == status, path
        assert await running.stop(signal.SIGTERM) == 0
    assert len(await log(kafka)) == 1
    told = output.read_text()
    assert '"decision": "accepted"' in told
    assert "a-long-path-secret" not in told
    assert "orders/7" not in told


async def test_ebays_challenge_is_answered_and_a_key_out_of_reach_is_no_refusal(kafka: KafkaSettings) -> None:
    signature = base64.b64encode(b'{"alg":"ecdsa","kid":"key-1","signature":"MEUCIQ==","digest":"SHA1"}').decode()
    async with gateway(kafka) as client:
        answer = await client.get("/webhooks/ebay/main", params={"challenge_code": "a code"})
        expected = hashlib.sha256(f"a code{TOKEN}{ENDPOINT}".encode()).hexdigest()
        assert (answer.status, await answer.json()) == (200, {"challengeResponse": expected})
        away = await client.post("/webhooks/ebay/main", data=b"{}", headers=JSON | {"X-EBAY-SIGNATURE": signature})
        assert away.status == 503
        assert int(away.headers["Retry-After"]) >= 1
        assert (await client.get("/webhooks/shopify", params={"challenge_code": "x"})).status == 404
        assert (await client.get("/webhooks/mercadolibre", params={"challenge_code": "x"})).status == 405


async def test_equal_deliveries_at_the_same_time_are_in_the_topic_once(kafka: KafkaSettings) -> None:
    async with gateway(kafka) as client:
        answers = await asyncio.gather(
            *(client.post("/mercadolibre/webhook", data=notification(1, attempts=n), headers=JSON) for n in range(30))
        )
        assert {answer.status for answer in answers} == {200}
        assert len(await log(kafka)) == 1


async def test_every_decision_is_an_event(kafka: KafkaSettings) -> None:
    async with gateway(kafka) as client:
        for path, body in (
            ("/mercadolibre/webhook", notification(1)),
            ("/mercadolibre/webhook", notification(1)),
            ("/webhooks/mercadolibre/nobody", notification(1)),
            ("/webhooks/etsy", b"{}"),
            ("/webhooks/standard_webhooks/main", b"{}"),
        ):
            await client.post(path, data=body, headers=JSON)
    decided = []
    for record in await log(kafka, "deliveries"):
        fact = read_fact(Envelope.of(record.headers), record.value)
        assert isinstance(fact, DeliveryDecidedV1)
        assert (record.key or b"").decode() == fact.key()
        decided.append((fact.marketplace, fact.account, fact.decision.value, fact.reason, fact.status))
    assert sorted(decided, key=str) == sorted(
        [
            ("mercadolibre", "br", "accepted", None, 200),
            ("mercadolibre", "br", "duplicate", None, 200),
            ("mercadolibre", None, "refused", "unknown_account", 404),
            ("unknown", None, "refused", "unknown_marketplace", 404),
            ("standard_webhooks", "main", "refused", "bad_signature", 401),
        ],
        key=str,
    )


async def test_the_senders_trace_goes_on_in_the_topic(
    kafka: KafkaSettings, client: aiohttp.ClientSession, tmp_path: Path
) -> None:
    traced = JSON | {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
    async with gateway_process(kafka, client, tmp_path / "gateway.log") as running:
        url = running.url + "/mercadolibre/webhook"
        assert (await client.post(url, data=notification(1), headers=traced)).status == 200
        assert (await client.post(url, data=notification(2), headers=JSON | {"traceparent": "x"})).status == 200
        assert await running.stop(signal.SIGTERM) == 0
    traces = {
        Envelope.of(record.headers).subject: (Envelope.of(record.headers).traceparent or "").split("-")
        for record in await log(kafka)
    }
    first, second = traces["mercadolibre:br:123456789:/orders/1"], traces["mercadolibre:br:123456789:/orders/2"]
    assert first[1] == TRACE
    assert first[2] != "00f067aa0ba902b7"  # a span of ours, and not the sender's
    assert second[1] not in {TRACE, "0" * 32}
    (decided, _) = await log(kafka, "deliveries")
    assert TRACE in (Envelope.of(decided.headers).traceparent or "")


async def test_a_restart_forgets_no_delivery(kafka: KafkaSettings) -> None:
    for _ in range(2):
        async with gateway(kafka) as client:
            for number in range(20):
                answer = await client.post("/mercadolibre/webhook", data=notification(number), headers=JSON)
                assert answer.status == 200
    assert len(await log(kafka)) == 20
    async with gateway(kafka, window=timedelta(milliseconds=1)) as client:
        assert (await client.post("/mercadolibre/webhook", data=notification(0), headers=JSON)).status == 200
    records = await log(kafka)
    assert len(records) == 21, "after the window a delivery is taken in again"
    assert len(set(ids(records))) == 20, "under the same id"


async def test_killed_before_the_answer_a_redelivery_is_not_published_again(
    kafka: KafkaSettings, client: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """SIGKILL in the middle of a burst; then the marketplace delivers everything again."""
    output = tmp_path / "gateway.log"
    answered: set[int] = set()

    async def deliver(url: str, number: int) -> None:
        with suppress(aiohttp.ClientError):
            async with client.post(f"{url}/mercadolibre/webhook", data=notification(number), headers=JSON) as answer:
                if answer.status == 200:
                    answered.add(number)

    async with gateway_process(kafka, client, output) as running:
        burst = [asyncio.create_task(deliver(running.url, number)) for number in range(300)]

        async def some_are_answered() -> bool:
            return len(answered) >= 20

        await until(some_are_answered, "twenty deliveries are answered")
        await running.stop(signal.SIGKILL)
        await asyncio.gather(*burst)
    durable = {Envelope.of(record.headers).subject for record in await log(kafka)}
    assert {f"mercadolibre:br:123456789:/orders/{number}" for number in answered} <= durable

    async with gateway_process(kafka, client, output) as running:
        answered.clear()
        await asyncio.gather(*(deliver(running.url, number) for number in range(300)))
        assert answered == set(range(300))
    found = ids(await log(kafka))
    assert len(found) == 300
    assert len(set(found)) == 300


async def in_the_topic(kafka: KafkaSettings, count: int, seconds: float = 90) -> list[Record]:
    """The topic as soon as it holds so many records."""

    async def complete() -> bool:
        return len(await log(kafka)) >= count

    await until(complete, f"{count} deliveries are in the topic", seconds)
    return await log(kafka)


def of_one_order(version: int) -> bytes:
    """A delivery of its own about the same order as the others."""
    return notification(1, _id=f"version-{version}")


def versions(records: list[Record]) -> list[int]:
    """The order in which `of_one_order` stands in the topic."""
    return [int(json.loads(record.value or b"")["_id"].partition("-")[2]) for record in records]


async def deliver_versions(client: aiohttp.ClientSession, url: str, numbers: range) -> None:
    """One behind the other, each answered 200: in time, because beyond its deadline the answer would be 503."""
    for number in numbers:
        async with client.post(f"{url}/mercadolibre/webhook", data=of_one_order(number), headers=JSON) as answer:
            assert answer.status == 200, (number, await answer.text())


async def test_while_kafka_stands_still_deliveries_are_taken_in_from_the_spool_once_and_in_order(
    own_broker: EmbeddedKafka, own_kafka: KafkaSettings
) -> None:
    async with gateway(own_kafka) as client:
        await deliver_versions(client, "", range(5))
        own_broker.brokers[0].pause()
        try:
            await deliver_versions(client, "", range(5, 30))
            await deliver_versions(client, "", range(3, 10))  # delivered again: from the window, from the spool
            assert (await client.post("/webhooks/etsy", data=b"{}", headers=JSON)).status == 404
            assert (await client.get("/readyz")).status == 200
        finally:
            own_broker.brokers[0].resume()
        await deliver_versions(client, "", range(30, 40))
        assert versions(await in_the_topic(own_kafka, 40)) == list(range(40))
        await deliver_versions(client, "", range(45))
        assert versions(await in_the_topic(own_kafka, 45)) == list(range(45))
    decisions = [read_fact(Envelope.of(one.headers), one.value) for one in await log(own_kafka, "deliveries")]
    counted = Counter(one.decision.value for one in decisions if isinstance(one, DeliveryDecidedV1))
    assert counted == {"accepted": 45, "duplicate": 7 + 40, "refused": 1}


async def test_a_broker_that_died_comes_back(own_broker: EmbeddedKafka, own_kafka: KafkaSettings) -> None:
    async with gateway(own_kafka) as client:
        await own_broker.brokers[0].kill()
        try:
            await deliver_versions(client, "", range(10))
            assert (await client.get("/livez")).status == 200
        finally:
            await own_broker.brokers[0].start()
            await own_broker.brokers[0].ready()
        assert versions(await in_the_topic(own_kafka, 10)) == list(range(10))
    assert len(await log(own_kafka)) == 10


async def test_killed_with_deliveries_in_the_spool_it_forwards_them_before_newer_ones(
    own_broker: EmbeddedKafka, own_kafka: KafkaSettings, client: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """SIGKILL while Kafka stands still, a start while it still does, and new deliveries about the same order."""
    output = tmp_path / "gateway.log"
    async with gateway_process(own_kafka, client, output) as running:
        own_broker.brokers[0].pause()
        try:
            await deliver_versions(client, running.url, range(20))
            await running.stop(signal.SIGKILL)
            async with gateway_process(own_kafka, client, output) as again:
                await deliver_versions(client, again.url, range(15, 30))
                own_broker.brokers[0].resume()
                await deliver_versions(client, again.url, range(25, 40))
                assert versions(await in_the_topic(own_kafka, 40)) == list(range(40))
                await deliver_versions(client, again.url, range(40))
                assert await again.stop(signal.SIGTERM) == 0
        finally:
            own_broker.brokers[0].resume()
    assert versions(await log(own_kafka)) == list(range(40))


async def test_started_while_the_broker_is_dead_it_serves_from_the_spool(
    own_broker: EmbeddedKafka, own_kafka: KafkaSettings, client: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """The broker is killed before the gateway has ever met it; what the spool took is forwarded once it is there."""
    await own_broker.brokers[0].kill()
    try:
        async with gateway_process(own_kafka, client, tmp_path / "gateway.log") as running:
            assert await is_ready(client, f"{running.url}/livez")
            await deliver_versions(client, running.url, range(20))
            await running.stop(signal.SIGKILL)
        async with gateway_process(own_kafka, client, tmp_path / "gateway.log") as again:
            await deliver_versions(client, again.url, range(10, 30))
            assert (await client.get(f"{again.url}/readyz")).status == 200, "the spool takes deliveries: it is of use"
            await own_broker.brokers[0].start()
            await own_broker.brokers[0].ready()
            assert versions(await in_the_topic(own_kafka, 30)) == list(range(30))
            await deliver_versions(client, again.url, range(40))
            assert await again.stop(signal.SIGTERM) == 0
    finally:
        if own_broker.brokers[0].pid is None:
            await own_broker.brokers[0].start()
            await own_broker.brokers[0].ready()
    assert versions(await log(own_kafka)) == list(range(40))


async def test_two_gateways_share_a_port_and_both_serve(
    kafka: KafkaSettings, client: aiohttp.ClientSession, tmp_path: Path
) -> None:
    (port,) = free_ports(1)
    shared = {"WEBHOOK_GATEWAY_SHARED_PORT": "true", "WEBHOOK_GATEWAY_PORT": str(port)}
    logs = [tmp_path / f"gateway-{number}.log" for number in (1, 2)]
    async with (
        gateway_process(kafka, client, logs[0], **shared),
        gateway_process(kafka, client, logs[1], **shared),
    ):

        async def both_have_started() -> bool:
            return all('"event": "started"' in output.read_text() for output in logs)

        await until(both_have_started, "both gateways listen")
        for number in range(200):  # a connection each: the kernel deals connections out, not requests
            async with (
                aiohttp.ClientSession() as alone,
                alone.post(
                    f"http://127.0.0.1:{port}/mercadolibre/webhook", data=notification(number), headers=JSON
                ) as answer,
            ):
                assert answer.status == 200, await answer.text()

        async def all_are_told() -> bool:
            return sum(answered_in(output) for output in logs) == 200

        await until(all_are_told, "every answer is in a log")
    assert all(answered_in(output) > 0 for output in logs), [answered_in(output) for output in logs]
    found = ids(await log(kafka))
    assert (len(found), len(set(found))) == (200, 200)


def answered_in(output: Path) -> int:
    return output.read_text().count('"event": "delivery"')


async def test_a_full_spool_is_503_and_nothing_is_lost(own_broker: EmbeddedKafka, own_kafka: KafkaSettings) -> None:
    async with gateway(own_kafka, spool_bytes=20_000) as client:
        await deliver_versions(client, "", range(1))
        own_broker.brokers[0].pause()
        statuses = []
        try:
            for number in range(1, 60):
                async with client.post("/mercadolibre/webhook", data=of_one_order(number), headers=JSON) as answer:
                    statuses.append(answer.status)
                    if answer.status == 503:
                        assert int(answer.headers["Retry-After"]) >= 1
                        assert (await answer.json())["ok"] is False
            assert (await client.get("/readyz")).status == 503
        finally:
            own_broker.brokers[0].resume()
        taken = [0, *(number for number, status in enumerate(statuses, 1) if status == 200)]
        assert 5 < len(taken) < 50
        assert set(statuses) == {200, 503}
        assert versions(await in_the_topic(own_kafka, len(taken))) == taken
        await deliver_versions(client, "", range(60))
        assert sorted(versions(await in_the_topic(own_kafka, 60))) == list(range(60))


async def set_largest(kafka: KafkaSettings, size: int) -> None:
    """What the topic takes, for a moment less than it is declared with."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers)
    await admin.start()
    try:
        config = topics()["webhooks"].config() | {"max.message.bytes": str(size)}
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, kafka.topic("webhooks"), config)])
        await asyncio.sleep(1)  # the broker hears of it from the controller, a moment later
    finally:
        await admin.close()


async def test_a_delivery_that_kafka_refuses_stops_no_other_and_is_tried_again(
    kafka: KafkaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.webhook_gateway.forwarder.AGAIN_SECONDS", 2)
    large = json.dumps({"type": "order.paid", "data": {"id": "A-1", "text": "x" * 20_000}}).encode()
    async with gateway(kafka) as client:
        await deliver_versions(client, "", range(3))
        await set_largest(kafka, 10_000)
        for _ in range(2):
            answer = await client.post("/webhooks/standard_webhooks", data=large, headers=signed("msg_1", large))
            assert answer.status == 200, "the disk has it"
            await deliver_versions(client, "", range(3, 30))
        assert versions(await in_the_topic(kafka, 30, 10)) == list(range(30))
        await set_largest(kafka, 2_097_152)
        found = await in_the_topic(kafka, 31, 20)
    assert [record.value for record in found if len(record.value or b"") > 10_000] == [large]
    assert len(set(ids(found))) == 31


async def test_the_largest_body_is_in_the_topic(kafka: KafkaSettings) -> None:
    body = json.dumps({"type": "order.paid", "data": {"id": "A-1"}}).encode().ljust(1024 * 1024)
    async with gateway(kafka) as client:
        answer = await client.post("/webhooks/standard_webhooks", data=body, headers=signed("msg_1", body))
        assert answer.status == 200
        (record,) = await in_the_topic(kafka, 1, 10)
    assert record.value == body


async def test_it_stops_in_time_while_kafka_is_away(
    own_broker: EmbeddedKafka, own_kafka: KafkaSettings, client: aiohttp.ClientSession, tmp_path: Path
) -> None:
    async with gateway_process(own_kafka, client, tmp_path / "gateway.log") as running:
        own_broker.brokers[0].pause()
        try:
            await deliver_versions(client, running.url, range(3))
            assert await running.stop(signal.SIGTERM) == 0
        finally:
            own_broker.brokers[0].resume()
    async with gateway_process(own_kafka, client, tmp_path / "gateway.log"):
        assert versions(await in_the_topic(own_kafka, 3)) == [0, 1, 2]
