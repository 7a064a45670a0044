"""The marketplaces behind the gateway's HTTP: a good delivery of each, a replayed one, and whatever else is sent."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from libs.marketplaces import MARKETPLACES
from libs.marketplaces.contract import WebhookVerifier
from services.webhook_gateway.accounts import read_accounts
from services.webhook_gateway.key_client import KeyClient
from tests.unit.webhook_gateway.shop import gateway_running
from tests.unit.webhook_gateway.test_hostile import SPECIFIED, bodies
from tests.unit.webhook_gateway.wire import post, say, statuses

KEY = b"a key of the tests, 32 bytes long"
TEXT = "a-secret-of-the-tests-0123456789"
URL = "https://hooks.example/webhooks/square"
JSON = {"Content-Type": "application/json"}
ACCOUNTS: list[dict[str, object]] = [
    {"marketplace": "mercadolibre", "user_ids": [34308], "application_id": 64564675, "topics": ["orders_v2"]},
    {"marketplace": "standard_webhooks", "secrets": ["whsec_" + base64.b64encode(KEY).decode()]},
    {"marketplace": "shopify", "shop_domain": "a.myshopify.com", "secrets": [TEXT]},
    {"marketplace": "square", "notification_url": URL, "signature_keys": [TEXT], "merchant_ids": ["M1"]},
    {
        "marketplace": "ebay",
        "endpoint": "https://hooks.example/webhooks/ebay",
        "verification_token": TEXT,
        "client_id": "client",
        "client_secret": TEXT,
        "base_url": "http://127.0.0.1:1",
    },
    {"marketplace": "mercado_pago", "user_ids": [34308], "secrets": [TEXT]},
]


def verifiers(http: KeyClient) -> Mapping[str, WebhookVerifier]:
    accounts = read_accounts(json.dumps([entry | {"account": "main"} for entry in ACCOUNTS]))
    return {name: MARKETPLACES[name].verifier(settings, http) for name, settings in accounts.items()}


def mac(message: bytes) -> bytes:
    return hmac.digest(TEXT.encode(), message, hashlib.sha256)


def standard(body: bytes, age: float = 0) -> dict[str, str]:
    sent = str(int(time.time() - age))
    proof = hmac.digest(KEY, f"msg_1.{sent}.".encode() + body, hashlib.sha256)
    told = {"webhook-id": "msg_1", "webhook-timestamp": sent}
    return told | {"webhook-signature": "v1," + base64.b64encode(proof).decode()}


def shopify(body: bytes) -> dict[str, str]:
    return {
        "X-Shopify-Hmac-Sha256": base64.b64encode(mac(body)).decode(),
        "X-Shopify-Webhook-Id": "d-1",
        "X-Shopify-Topic": "orders/paid",
        "X-Shopify-Shop-Domain": "a.myshopify.com",
    }


def square(body: bytes) -> dict[str, str]:
    return {"X-Square-HmacSha256-Signature": base64.b64encode(mac(URL.encode() + body)).decode()}


def pago(_body: bytes, data: str = "123") -> dict[str, str]:
    sent = str(int(time.time()))
    proof = mac(f"id:{data};request-id:r-1;ts:{sent};".encode()).hex()
    return {"x-request-id": "r-1", "x-signature": f"ts={sent},v1={proof}"}


@dataclass(frozen=True)
class Good:
    """A delivery that its marketplace would send, and what its body is signed by."""

    name: str
    body: bytes
    sign: Callable[[bytes], Mapping[str, str]] = field(default=lambda _: {})
    query: str = ""


GOOD = [
    Good(
        "mercadolibre",
        b'{"_id":"1","topic":"orders_v2","resource":"/orders/1","user_id":34308,"application_id":64564675}',
    ),
    Good("standard_webhooks", b'{"type":"order.paid","data":{"id":"1"}}', standard),
    Good("shopify", b'{"id":1}', shopify),
    Good("square", b'{"merchant_id":"M1","type":"order.created","event_id":"e-1","data":{"id":"o-1"}}', square),
    Good(
        "mercado_pago",
        b'{"id":1,"live_mode":true,"type":"payment","user_id":34308,"action":"payment.created","data":{"id":"123"}}',
        pago,
        "?data.id=123&type=payment",
    ),
]


@pytest.mark.parametrize("good", GOOD, ids=lambda good: good.name)
async def test_a_good_delivery_is_answered_as_its_contract_says_and_its_copy_too(good: Good) -> None:
    async with (
        KeyClient() as http,
        gateway_running(verifiers(http)) as running,
        aiohttp.ClientSession(running.url) as client,
    ):
        contract = verifiers(http)[good.name].contract
        headers = JSON | dict(good.sign(good.body))
        for path in (f"/webhooks/{good.name}", f"/webhooks/{good.name}/main"):
            answer = await client.post(path + good.query, data=good.body, headers=headers)
            assert answer.status == contract.answer.status, await answer.text()
            assert answer.status in contract.success
            assert await answer.json() == contract.answer.body
        tampered = good.body.replace(b"1", b"2", 1)
        if good.sign(b""):
            refused = await client.post(f"/webhooks/{good.name}{good.query}", data=tampered, headers=headers)
            assert refused.status == 401 or good.name == "mercado_pago"  # its proof does not cover the body
        assert [one.decision.value for one in running.decided][:2] == ["accepted", "duplicate"]
        assert running.published[0].fact.encode() == good.body


async def test_a_replayed_old_signature_is_401() -> None:
    body = b'{"type":"order.paid","data":{"id":"1"}}'
    async with (
        KeyClient() as http,
        gateway_running(verifiers(http)) as running,
        aiohttp.ClientSession(running.url) as client,
    ):
        for age, status in ((270, 200), (310, 401), (86_400, 401), (-400, 401)):
            headers = JSON | standard(body, age)
            answer = await client.post("/webhooks/standard_webhooks", data=body, headers=headers)
            assert answer.status == status, age


async def test_a_topic_that_is_not_subscribed_to_is_404() -> None:
    body = GOOD[0].body.replace(b"orders_v2", b"items")
    async with (
        KeyClient() as http,
        gateway_running(verifiers(http)) as running,
        aiohttp.ClientSession(running.url) as client,
    ):
        answer = await client.post("/webhooks/mercadolibre", data=body, headers=JSON)
        assert answer.status == 404
        assert (await answer.json(content_type=None))["reason"] == "unknown_topic"


@given(
    good=st.sampled_from(GOOD),
    body=st.none() | bodies,
    cut=st.integers(0, 10),
    signed=st.booleans(),
    noise=st.binary(max_size=80),
    where=st.integers(0, 6),
)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_a_marketplaces_sender_sends_is_answered_by_the_specification(
    good: Good, body: bytes | None, cut: int, signed: bool, noise: bytes, where: int
) -> None:
    sent = good.body[: len(good.body) - cut] if body is None else body
    headers = dict(good.sign(sent if signed else good.body))
    if headers and where < len(headers):
        name = sorted(headers)[where]
        headers[name] = noise.decode("latin-1").translate({10: " ", 13: " ", 0: " "})
    told = "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode("latin-1")
    raw = post(f"/webhooks/{good.name}{good.query}", sent).replace(b"Host:", told + b"Host:", 1)
    asyncio.run(_answered(raw))


async def _answered(raw: bytes) -> None:
    async with KeyClient() as http, gateway_running(verifiers(http), body_seconds=0.2) as running:
        answer = statuses(await say(running.port, raw))
        assert len(answer) == 1
        assert set(answer) <= SPECIFIED
        assert all(one.reason != "defect" for one in running.decided)
