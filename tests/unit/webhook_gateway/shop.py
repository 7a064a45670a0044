"""A small marketplace of the tests' own: it signs with HMAC-SHA256 over the raw bytes, and takes 202 as success."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from aiohttp import web

from libs.bus.batch_writer import read_header_block
from libs.bus.group_commit import Log
from libs.bus.message import Outgoing
from libs.http.server import Health, prepare_application
from libs.marketplaces.contract import (
    Answer,
    BadPayload,
    BadSignature,
    CannotVerify,
    Contract,
    Delivery,
    Notification,
    UnknownAccount,
    WebhookVerifier,
)
from libs.marketplaces.json_object import read_object
from schemas.deliveries.delivery_decided import DeliveryDecidedV1
from schemas.envelope import Envelope, Header
from schemas.event import Fact
from schemas.registry import read_fact
from services.webhook_gateway.deadlines import Deadlines
from services.webhook_gateway.decisions import Decisions
from services.webhook_gateway.endpoint import Endpoint
from services.webhook_gateway.handlers import Gateway
from services.webhook_gateway.intake import Intake, Publication
from services.webhook_gateway.listening import listener
from services.webhook_gateway.places import Marketplace, Places
from services.webhook_gateway.record import Recorder
from services.webhook_gateway.records import Record
from services.webhook_gateway.routes import add_routes
from services.webhook_gateway.spool import Spool
from services.webhook_gateway.transport import Transport
from services.webhook_gateway.window import Window

T = TypeVar("T")

SECRET = b"a secret of the tests"
MOST = 64 * 1024


def sign(body: bytes) -> str:
    return hmac.new(SECRET, body, hashlib.sha256).hexdigest()


def body_of(number: object, **more: object) -> bytes:
    return json.dumps({"id": number, "topic": "orders", **more}).encode()


class ShopVerifier:
    """Each body is `{"id": …, "topic": …}`; `"keys": "away"` stands for a key that cannot be fetched."""

    def __init__(self, name: str, *, deadline: timedelta = timedelta(seconds=5)) -> None:
        self.contract = Contract(
            marketplace=name,
            success=frozenset({200, 202}),
            answer=Answer(202, {"taken": True}),
            deadline=deadline,
            retries="never",
            kept_headers=("x-shop-signature",),
            max_body_bytes=MOST,
        )

    def verify(self, delivery: Delivery) -> Notification:
        told = delivery.headers.get("x-shop-signature", "")
        if not hmac.compare_digest(told, sign(delivery.body)):
            raise BadSignature("The signature does not match the body.")
        body = read_object(delivery.body)
        if not isinstance(body.get("id"), str | int):
            raise BadPayload("The body has no id.")
        if body.get("keys") == "broken":
            raise RuntimeError("a defect of the verifier")
        if body.get("keys") == "away":
            raise CannotVerify("The key cannot be fetched.", timedelta(seconds=7))
        if delivery.account is None and body.get("seller", "main") != "main":
            raise UnknownAccount("No such seller.")
        return Notification("main", str(body["id"]), str(body.get("topic")), f"order-{body['id']}")

    def answer_challenge(self, query: Mapping[str, str], account: str | None) -> Mapping[str, str]:
        if "challenge_code" not in query:
            raise BadPayload("The challenge_code is missing.")
        return {"challengeResponse": query["challenge_code"] + (account or "")}


class QuietVerifier(ShopVerifier):
    """A marketplace that sends no challenge."""

    answer_challenge = None  # type: ignore[assignment]


class Topic(Log[T]):
    """A log that takes every record, tells so in the next turn of the loop, and reads it as any consumer would."""

    def __init__(self, read: Callable[[Envelope, Fact, list[Header]], None]) -> None:
        self._read = read

    def append(self, key: bytes, value: bytes, headers: bytes, timestamp_ms: int, waiter: T) -> None:
        told = read_header_block(headers)
        envelope = Envelope.of(told)
        fact = read_fact(envelope, value)
        assert key.decode() == fact.key() == envelope.subject
        assert timestamp_ms == int(envelope.time.timestamp() * 1000)
        self._read(envelope, fact, told)
        asyncio.get_running_loop().call_soon(self.ended, [waiter], None)


@dataclass
class Running:
    """A gateway that listens, and everything that it would have written to Kafka."""

    port: int = 0
    published: list[Outgoing] = field(default_factory=list)
    decided: list[DeliveryDecidedV1] = field(default_factory=list)
    lines: list[dict[str, object]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def webhooks(self) -> Topic[Publication]:
        return Topic(self._published)

    def decisions(self) -> Topic[Record]:
        return Topic(self._decided)

    def _published(self, envelope: Envelope, fact: Fact, headers: list[Header]) -> None:
        kept = [(name, value) for name, value in headers if name.startswith("http_")]
        self.published.append(Outgoing(fact, id=envelope.id, time=envelope.time, headers=kept))

    def _decided(self, _envelope: Envelope, fact: Fact, _headers: list[Header]) -> None:
        assert isinstance(fact, DeliveryDecidedV1)
        self.decided.append(fact)


@asynccontextmanager
async def intake_of(topic: Log[Publication]) -> AsyncIterator[Intake]:
    """An intake that goes directly to a topic, with an empty spool."""
    with TemporaryDirectory() as folder:
        async with Spool(Path(folder), 1024 * 1024) as spool:
            window = Window(timedelta(hours=1), 1000)
            intake = Intake(topic, window, spool, waiting_bytes=1024 * 1024, spool_after=60)
            assert intake.go_direct()
            yield intake
            intake.close()


@asynccontextmanager
async def gateway_running(
    verifiers: Mapping[str, WebhookVerifier] | None = None,
    *,
    body_seconds: float = 5,
    put_lines: Callable[[list[str]], None] | None = None,
    tell_seconds: float = 0,
) -> AsyncIterator[Running]:
    """The gateway's own edge and application on a socket; each marketplace has the account `main`.

    Without verifiers: `shop`, and a marketplace of its kind under the name `mercadolibre`.
    """
    if verifiers is None:
        verifiers = {"shop": ShopVerifier("shop"), "mercadolibre": QuietVerifier("mercadolibre")}
    running = Running()
    margin, longest_wait, body_timeout = (timedelta(seconds=one) for one in (0.1, 5, body_seconds))
    places = Places(
        {name: Marketplace(one, frozenset({"main"}), margin, longest_wait) for name, one in verifiers.items()}
    )
    deadlines = Deadlines()
    async with (
        Decisions(running.decisions(), most=10_000) as decisions,
        intake_of(running.webhooks()) as intake,
    ):
        put_lines = put_lines or (lambda lines: running.lines.extend(map(json.loads, lines)))
        recorder = Recorder(decisions, put_lines, tell_seconds=tell_seconds)
        gateway = Gateway(intake, deadlines, recorder, timedelta(seconds=10))
        app = web.Application()
        add_routes(app, places.marketplaces, Transport(gateway, places, body_timeout))
        prepare_application(app, "webhook_gateway", Health({}))
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5, lingering_time=0.2)
        await runner.setup()

        def on_port(port: int) -> None:
            running.port = port

        endpoint = Endpoint(gateway, places)
        try:
            async with listener(endpoint, "127.0.0.1", 0, body_timeout, on_port=on_port)(runner):
                yield running
        finally:
            await runner.cleanup()
            recorder.flush()
            deadlines.close()
