"""The specification of the gateway's answers, line by line, over real sockets. README.md has the same lines."""

import json
from typing import Any
from uuid import UUID

import aiohttp
import pytest

from schemas.deliveries.delivery_decided import Decision
from schemas.webhooks.webhook_received import WebhookReceivedV1
from tests.unit.webhook_gateway.shop import MOST, Running, body_of, sign

JSON = "application/json"


async def deliver(
    client: aiohttp.ClientSession, path: str, body: bytes, *, signature: str | None = None, **headers: str
) -> aiohttp.ClientResponse:
    told = {"Content-Type": JSON, "X-Shop-Signature": signature or sign(body)} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    response = await client.post(path, data=body, headers=told)
    await response.read()
    return response


async def problem(response: aiohttp.ClientResponse) -> dict[str, Any]:
    assert response.content_type == "application/problem+json"
    told: dict[str, Any] = await response.json(content_type=None)
    assert told["status"] == response.status
    assert told["request_id"] == response.headers["X-Request-Id"]
    assert told["detail"]
    return told


async def test_a_good_delivery_is_accepted_as_its_marketplace_expects(
    client: aiohttp.ClientSession, running: Running
) -> None:
    response = await deliver(client, "/webhooks/shop", body_of(1))
    assert response.status == 202
    assert await response.json() == {"taken": True}
    assert [one.decision for one in running.decided] == [Decision.ACCEPTED]


async def test_the_body_is_stored_byte_for_byte_with_the_headers_that_prove_it(
    client: aiohttp.ClientSession, running: Running
) -> None:
    body = b'{ "id":1,\n"topic" : "orders", "name":"S\xc3\xa3o \\u00e9" }  \n'
    assert (await deliver(client, "/webhooks/shop/main", body)).status == 202
    (outgoing,) = running.published
    fact = outgoing.fact
    assert isinstance(fact, WebhookReceivedV1)
    assert fact.encode() == body
    assert list(outgoing.headers) == [("http_x-shop-signature", sign(body).encode())]
    assert fact.extensions() == {
        "marketplace": "shop",
        "account": "main",
        "deliveryid": "1",
        "notificationtopic": "orders",
    }
    assert fact.key() == "shop:main:order-1"
    assert outgoing.id == running.decided[0].webhook_id
    assert UUID(outgoing.id or "").version == 5


async def test_a_duplicate_is_answered_the_same_and_published_once(
    client: aiohttp.ClientSession, running: Running
) -> None:
    first = await deliver(client, "/webhooks/shop", body_of(1))
    again = await deliver(client, "/webhooks/shop/main", body_of(1, attempt=2))
    assert (again.status, await again.read()) == (first.status, await first.read())
    assert len(running.published) == 1
    assert [one.decision for one in running.decided] == [Decision.ACCEPTED, Decision.DUPLICATE]
    assert running.decided[0].webhook_id == running.decided[1].webhook_id


@pytest.mark.parametrize("signature", ["0" * 64, "not hexadecimal", "x" * 5000])
async def test_a_bad_signature_is_401(client: aiohttp.ClientSession, running: Running, signature: str) -> None:
    response = await deliver(client, "/webhooks/shop", body_of(1), signature=signature)
    assert response.status == 401
    assert (await problem(response))["reason"] == "bad_signature"
    assert not running.published


async def test_a_missing_signature_is_401(client: aiohttp.ClientSession) -> None:
    response = await client.post("/webhooks/shop", data=body_of(1), headers={"Content-Type": JSON})
    assert response.status == 401


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/webhooks/nobody", "unknown_marketplace"),
        ("/webhooks/" + "x" * 3000, "unknown_marketplace"),
        ("/webhooks/%F0%9F%92%A5/main", "unknown_marketplace"),
        ("/webhooks/shop/nobody", "unknown_account"),
        ("/webhooks/shop/..%2f..%2fetc", "unknown_account"),
    ],
)
async def test_an_unknown_marketplace_or_account_is_404(
    client: aiohttp.ClientSession, running: Running, path: str, reason: str
) -> None:
    response = await deliver(client, path, body_of(1))
    assert response.status == 404
    assert (await problem(response))["reason"] == reason
    (decided,) = running.decided
    assert decided.account is None
    assert decided.marketplace == ("unknown" if reason == "unknown_marketplace" else "shop")


async def test_an_account_that_only_the_body_names_is_404_too(client: aiohttp.ClientSession) -> None:
    response = await deliver(client, "/webhooks/shop", body_of(1, seller="nobody"))
    assert response.status == 404


async def test_too_large_is_413(client: aiohttp.ClientSession, running: Running) -> None:
    body = body_of(1, more="x" * MOST)
    response = await deliver(client, "/webhooks/shop", body)
    assert response.status == 413
    assert (await problem(response))["reason"] == "too_large"
    assert (await deliver(client, "/webhooks/shop", body_of(2, more="x" * (MOST - 60)))).status == 202


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "application/jsonp", "application/json; charset=latin-1", "a", "/;=", "multipart/x"],
)
async def test_a_wrong_type_is_415(client: aiohttp.ClientSession, content_type: str) -> None:
    response = await deliver(client, "/webhooks/shop", body_of(1), Content_Type=content_type)
    assert response.status == 415


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", 'Application/JSON;charset="UTF8"'])
async def test_utf_8_may_be_said(client: aiohttp.ClientSession, content_type: str) -> None:
    assert (await deliver(client, "/webhooks/shop", body_of(1), Content_Type=content_type)).status == 202


async def test_a_compressed_body_is_415(client: aiohttp.ClientSession) -> None:
    response = await deliver(client, "/webhooks/shop", body_of(1), Content_Encoding="gzip")
    assert response.status == 415


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"id": 1',
        b"[]",
        b'"text"',
        b'{"id": 1, "more": "\xff"}',
        b'\xef\xbb\xbf{"id": 1}',
        '{"id": 1}'.encode("utf-16"),
        b'{"id": 1, "more": NaN}',
        b'{"id": 1, "more": ' + b"[" * 5000 + b"]" * 5000 + b"}",
        b'{"id": 1, "more": "\\ud800"}',
        b'{"id": "", "topic": "orders"}',
        b'{"id": "' + b"x" * 600 + b'"}',
        b'{"id": "a\\u0000b"}',
    ],
)
async def test_not_json_is_400(client: aiohttp.ClientSession, running: Running, body: bytes) -> None:
    response = await deliver(client, "/webhooks/shop", body)
    assert response.status == 400
    assert (await problem(response))["reason"] == "bad_payload"
    assert not running.published


async def test_a_key_that_cannot_be_fetched_is_503(client: aiohttp.ClientSession, running: Running) -> None:
    response = await deliver(client, "/webhooks/shop", body_of(1, keys="away"))
    assert response.status == 503
    assert response.headers["Retry-After"] == "7"
    assert running.decided[0].decision is Decision.UNAVAILABLE


async def test_a_defect_of_ours_is_500_and_told_of(client: aiohttp.ClientSession, running: Running) -> None:
    response = await deliver(client, "/webhooks/shop/main", body_of(1, keys="broken"))
    assert response.status == 500
    await problem(response)
    (decided,) = running.decided
    assert (decided.decision, decided.reason, decided.account) == (Decision.UNAVAILABLE, "defect", "main")
    assert (await deliver(client, "/webhooks/shop", body_of(2))).status == 202


async def test_a_parameter_that_stands_twice_is_400(client: aiohttp.ClientSession) -> None:
    assert (await deliver(client, "/webhooks/shop?a=1&a=2", body_of(1))).status == 400
    assert (await deliver(client, "/webhooks/shop?a=1&b=2", body_of(1))).status == 202


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_another_method_is_405_and_says_which_is_right(client: aiohttp.ClientSession, method: str) -> None:
    for path in ("/webhooks/shop", "/mercadolibre/webhook"):
        response = await client.request(method, path)
        assert response.status == 405
        assert "POST" in response.headers["Allow"]


async def test_a_challenge_is_answered_where_the_marketplace_asks_one(client: aiohttp.ClientSession) -> None:
    response = await client.get("/webhooks/shop/main?challenge_code=abc")
    assert response.status == 200
    assert await response.json() == {"challengeResponse": "abcmain"}
    assert (await client.get("/webhooks/shop")).status == 400
    assert (await client.get("/webhooks/nobody?challenge_code=abc")).status == 404
    refused = await client.get("/webhooks/mercadolibre?challenge_code=abc")
    assert refused.status == 405
    assert refused.headers["Allow"] == "POST"


async def test_mercadolibre_has_its_own_path_and_its_own_form_of_errors(
    client: aiohttp.ClientSession, running: Running
) -> None:
    good = await deliver(client, "/mercadolibre/webhook", body_of(1))
    assert good.status == 202  # the contract of the tests' own verifier
    bad = await deliver(client, "/mercadolibre/webhook", b"{", signature="0")
    assert bad.status == 401
    assert bad.content_type == JSON
    told = json.loads(await bad.read())
    assert told["ok"] is False
    assert told["error"]
    assert [one.marketplace for one in running.decided] == ["mercadolibre"] * 2


async def test_ping(client: aiohttp.ClientSession) -> None:
    response = await client.get("/mercadolibre/ping")
    assert response.status == 200
    assert await response.json() == {"status": "ok", "service": "mercadolibre"}


async def test_the_description_names_every_configured_marketplace(client: aiohttp.ClientSession) -> None:
    document = await (await client.get("/openapi.json")).json()
    assert set(document["webhooks"]) == {"shop", "mercadolibre"}
    assert "200, 202 as success, within 5 s" in document["webhooks"]["shop"]["post"]["description"]
    assert (await client.get("/docs")).status == 200


async def test_every_decision_tells_what_happened_without_the_body(
    client: aiohttp.ClientSession, running: Running
) -> None:
    body = body_of(1, buyer="Maria Silva")
    response = await deliver(client, "/webhooks/shop/main", body, X_Request_Id="req-1")
    assert response.headers["X-Request-Id"] == "req-1"
    (decided,) = running.decided
    assert decided.delivery_ref == "req-1"
    assert (decided.marketplace, decided.account, decided.notification_topic) == ("shop", "main", "orders")
    assert (decided.status, decided.reason, decided.body_bytes) == (202, None, len(body))
    assert decided.key() == "shop:main"
    assert "Maria" not in decided.model_dump_json()
