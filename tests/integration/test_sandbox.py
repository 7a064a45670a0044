"""The sandbox over real HTTP: MercadoLibre's API, faults, and notifications that come, come again and get lost."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from aiohttp import web
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from tests.integration.running_sandbox import Received, Receiver, Sandbox, receiver, sandbox

PATIENT = {"mercadolibre_ack_seconds": 30, "ebay_ack_seconds": 30, "square_ack_seconds": 30}
"""Answer windows that a busy machine does not miss."""


@pytest.fixture
async def running() -> AsyncIterator[Sandbox]:
    """A sandbox without endpoints, after 300 changes."""
    async with sandbox() as made:
        await made.control("POST", "/_world/steps", {"steps": 300})
        yield made


@pytest.fixture
async def shop() -> AsyncIterator[Receiver]:
    async with receiver() as made:
        yield made


async def first(made: Sandbox, collection: str, seller: int, **wanted: Any) -> dict[str, Any]:
    """The first resource of a seller with these values."""
    owners = {
        "orders": lambda body: body["seller"]["id"],
        "shipments": lambda body: body["origin"]["sender_id"],
        "questions": lambda body: body["seller_id"],
        "payments": lambda body: body["collector"]["id"],
        "items": lambda body: body["seller_id"],
    }
    accounts = await made.control("GET", "/_accounts")
    user = accounts["mercadolibre"]["sellers"][seller]["user_id"]
    bodies = (await made.control("GET", f"/_world/{collection}"))[collection]
    return next(body for body in bodies if owners[collection](body) == user and wanted.items() <= body.items())


async def refusal(answer: aiohttp.ClientResponse) -> tuple[int, str, str]:
    body = await answer.json()
    assert body["status"] == answer.status
    assert body["cause"] == []
    return answer.status, body["error"], body.get("message", body.get("error_description"))


# --- OAuth


async def test_the_way_from_the_sellers_consent_to_rotating_tokens(running: Sandbox) -> None:
    accounts = (await running.control("GET", "/_accounts"))["mercadolibre"]
    verifier = "verifier-verifier-verifier-verifier-verifier"
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    seller = accounts["sellers"][1]["user_id"]
    query = (
        f"response_type=code&client_id={accounts['application_id']}&redirect_uri={accounts['redirect_uri']}"
        f"&state=xyz&code_challenge={challenge}&code_challenge_method=S256&user_id={seller}"
    )
    answer = await running.get(f"/mercadolibre/authorization?{query}")
    assert answer.status == 302
    back = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert back["state"] == ["xyz"]

    form = {"grant_type": "authorization_code", "code": back["code"][0], "redirect_uri": accounts["redirect_uri"]}
    pair = await (await running.grant({**form, "code_verifier": verifier})).json()
    assert (pair["user_id"], pair["expires_in"], pair["scope"]) == (seller, 21600, "offline_access read write")
    me = await (await running.get("/mercadolibre/users/me", pair["access_token"])).json()
    assert me["id"] == seller

    refresh = {"grant_type": "refresh_token", "refresh_token": pair["refresh_token"]}
    assert (await running.grant(refresh)).status == 200
    status, error, text = await refusal(await running.grant(refresh))
    assert (status, error) == (400, "invalid_grant")
    assert text.startswith("Error validating grant.")


async def test_the_token_endpoint_takes_a_form_not_a_query(running: Sandbox) -> None:
    accounts = (await running.control("GET", "/_accounts"))["mercadolibre"]
    query = {"grant_type": "refresh_token", "client_id": "1", "client_secret": accounts["client_secret"]}
    answer = await running.post("/mercadolibre/oauth/token", {}, params=query)
    assert (await refusal(answer))[:2] == (400, "invalid_request")


async def test_an_access_token_ends_in_sandbox_time(running: Sandbox) -> None:
    token = await running.token()
    assert (await running.get("/mercadolibre/users/me", token)).status == 200
    await running.control("POST", "/_clock", {"advance_seconds": 21600})
    assert await refusal(await running.get("/mercadolibre/users/me", token)) == (
        401,
        "unauthorized",
        "invalid access token",
    )


# --- Resources


async def test_every_resource_is_as_the_world_says(running: Sandbox) -> None:
    token = await running.token()
    order = await first(running, "orders", 0, status="paid")
    answer = await running.get(f"/mercadolibre/orders/{order['id']}", token)
    assert await answer.json() == order
    assert len(str(order["id"])) == 16
    assert order["date_created"].endswith(".000-04:00")

    shipment = await first(running, "shipments", 0)
    path = f"/mercadolibre/shipments/{shipment['id']}"
    assert await (await running.get(path, token, **{"x-format-new": "true"})).json() == shipment
    old = await (await running.get(path, token)).json()
    items = await (await running.get(f"{path}/items", token)).json()
    assert old["order_id"] == items[0]["order_id"]
    assert "lead_time" not in old

    question = await first(running, "questions", 0)
    path = f"/mercadolibre/questions/{question['id']}"
    assert await (await running.get(f"{path}?api_version=4", token)).json() == question
    assert question["date_created"].endswith("Z")
    assert len(question["date_created"].partition(".")[2]) == len("123456789Z")
    older = await (await running.get(path, token)).json()
    assert older["from"] == {"id": question["buyer_id"]}
    assert older["date_created"].endswith("-04:00")

    payment = await first(running, "payments", 0)
    answer = await running.get(f"/mercadolibre/collections/{payment['id']}", token)
    assert await answer.json() == {"collection": payment}
    assert (await running.get(f"/mercadolibre/payments/{payment['id']}", token)).status == 404

    item = await first(running, "items", 0)
    path = f"/mercadolibre/items/{item['id']}"
    assert await (await running.get(path, token)).json() == item
    assert await (await running.get(f"{path}?attributes=id,price", token)).json() == {
        "id": item["id"],
        "price": item["price"],
    }


async def test_names_keep_their_letters_on_the_wire(running: Sandbox) -> None:
    bodies = (await running.control("GET", "/_world/orders"))["orders"]
    names = "".join(order["buyer"]["first_name"] + order["buyer"]["last_name"] for order in bodies)
    assert any(not letter.isascii() for letter in names)


async def test_several_items_at_once_have_a_code_each(running: Sandbox) -> None:
    own, other = await first(running, "items", 0), await first(running, "items", 1)
    token = await running.token()
    answer = await running.get(f"/mercadolibre/items?ids={own['id']},{other['id']},MLM1&attributes=id", token)
    assert [(each["code"], each["body"].get("error"), each["body"].get("id")) for each in await answer.json()] == [
        (200, None, own["id"]),
        (403, "access_denied", None),
        (404, "not_found", None),
    ]


async def test_orders_are_found_page_by_page(running: Sandbox) -> None:
    token = await running.token()
    whole = await (await running.get("/mercadolibre/orders/search?sort=date_desc", token)).json()
    total = whole["paging"]["total"]
    found: list[int] = []
    while len(found) < total:
        path = f"/mercadolibre/orders/search?sort=date_desc&limit=7&offset={len(found)}"
        page = await (await running.get(path, token)).json()
        assert page["paging"] == {"total": total, "offset": len(found), "limit": 7}
        found += [order["id"] for order in page["results"]]
    assert sorted(found, reverse=True) == found
    assert found[: len(whole["results"])] == [order["id"] for order in whole["results"]]
    paid = await (await running.get("/mercadolibre/orders/search?order.status=paid", token)).json()
    assert {order["status"] for order in paid["results"]} == {"paid"}
    wide = await (await running.get("/mercadolibre/orders/search?limit=1000", token)).json()
    assert wide["paging"]["limit"] == 50


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/orders/2000000000000001", (404, "order_not_found")),
        ("/orders/abc", (400, "invalid_order_id")),
        ("/orders/search?seller=1", (403, "caller.id.invalid")),
        ("/orders/search?limit=x", (400, "bad_request")),
        ("/orders/search?order.date_created.from=yesterday", (400, "bad_request")),
        ("/shipments/1", (404, "shipment_not_found")),
        ("/questions/1", (404, "question_not_found")),
        ("/collections/1", (404, "collection_not_found")),
        ("/items/MLM1", (404, "not_found")),
        ("/items?ids=", (400, "bad_request")),
        ("/missed_feeds?app_id=1", (403, "forbidden")),
        ("/sites/MLM/search?q=dunk", (403, "forbidden")),
        ("/payments/1", (404, "not_found")),
        ("/nowhere", (404, "not_found")),
    ],
)
async def test_errors_in_the_marketplaces_words(running: Sandbox, path: str, expected: tuple[int, str]) -> None:
    answer = await running.get(f"/mercadolibre{path}", await running.token())
    assert (await refusal(answer))[:2] == expected


async def test_nothing_without_a_token_and_nothing_of_others(running: Sandbox) -> None:
    order = await first(running, "orders", 1)
    path = f"/mercadolibre/orders/{order['id']}"
    assert await refusal(await running.get(path)) == (401, "unauthorized", "authorization value not present")
    assert await refusal(await running.get(path, "APP_USR-1")) == (401, "unauthorized", "invalid access token")
    assert (await refusal(await running.get(path, await running.token(0))))[:2] == (403, "not_owned_order")
    for collection, name in (("shipments", "shipments"), ("questions", "questions"), ("payments", "collections")):
        thing = await first(running, collection, 1)
        answer = await running.get(f"/mercadolibre/{name}/{thing['id']}", await running.token(0))
        assert (await refusal(answer))[:2] == (403, "access_denied")


# --- Faults


async def test_faults_answer_as_ordered_and_end_with_their_count(running: Sandbox) -> None:
    token = await running.token()
    order = await first(running, "orders", 0)
    path = f"/mercadolibre/orders/{order['id']}"

    async def under(**fault: Any) -> aiohttp.ClientResponse:
        await running.control("DELETE", "/_faults")
        await running.control("POST", "/_faults", {"marketplace": "mercadolibre", "path": "/orders/*", **fault})
        return await running.get(path, token)

    answer = await under(kind="outage", status=502, count=1)
    assert (answer.status, (await answer.json())["status"]) == (502, 502)
    assert (await running.get(path, token)).status == 200  # the count is spent
    answer = await under(kind="blocked")
    assert answer.status == 403
    assert await answer.json() == {
        "message": "At least one policy returned UNAUTHORIZED.",
        "code": "PA_UNAUTHORIZED_RESULT_FROM_POLICIES",
        "status": 403,
        "blocked_by": "PolicyAgent",
    }
    answer = await under(kind="rate_limited", plain_text=True, retry_after=7)
    assert (answer.status, answer.content_type, await answer.text()) == (429, "text/plain", "local_rate_limited")
    assert answer.headers["Retry-After"] == "7"
    answer = await under(kind="rate_limited")
    assert (answer.status, (await answer.json())["status"], "Retry-After" in answer.headers) == (429, 429, False)
    assert (await refusal(await under(kind="unauthorized")))[0] == 401
    assert (await refusal(await under(kind="not_found")))[0] == 404
    answer = await under(kind="garbage")
    assert answer.status == 200
    with pytest.raises(ValueError, match=r".+"):
        await answer.json()
    assert (await under(kind="garbage", garbage="html")).content_type == "text/html"
    answer = await under(kind="partial", missing=["buyer", "feedback"])
    assert (answer.status, answer.headers["X-Content-Missing"]) == (206, "buyer,feedback")
    left = {key: value for key, value in order.items() if key not in ("buyer", "feedback")}
    assert await answer.json() == left
    assert await (await under(kind="slow", delay=0.01)).json() == order
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await under(kind="timeout", delay=0.01)
    assert (await running.get("/mercadolibre/users/me", token)).status == 200  # another path
    assert await running.control("DELETE", "/_faults") == {"cleared": 1}
    assert (await running.get(path, token)).status == 200


async def test_the_control_api_says_what_is_wrong(running: Sandbox) -> None:
    problem = await running.control("POST", "/_faults", {"marketplace": "elsewhere", "kind": "outage"}, expect=400)
    assert "elsewhere" in problem["detail"]
    problem = await running.control("POST", "/_faults", {"marketplace": "ebay", "kind": "fire"}, expect=400)
    assert problem["errors"][0]["field"] == "kind"
    problem = await running.control("POST", "/_poison", {"kinds": ["arsenic"]}, expect=400)
    assert "arsenic" in problem["detail"]
    assert "garbage_json" in problem["detail"]
    await running.control("GET", "/_world/unicorns", expect=404)
    await running.control("PATCH", "/_world/orders/1", {"status": "paid"}, expect=404)
    await running.control("POST", "/_world/orders", {"status": "eaten"}, expect=400)
    await running.control("POST", "/_world/orders", {"seller_id": 1}, expect=400)


# --- Notifications


async def arrivals(seed: int) -> tuple[list[bytes], list[tuple[Any, ...]]]:
    """What arrives from a sandbox with this seed, and what it says that it sent."""
    async with (
        receiver() as shop,
        sandbox(seed=seed, concurrency=1, mercadolibre_target=shop.url("/hook"), **PATIENT) as made,
    ):
        await made.control("POST", "/_world/steps", {"steps": 60, "duplicates": 0.2, "reordering": 0.3, "poison": 0.1})
        summary = await made.settled()
        assert summary["delivered"] == summary["attempts"] == len(shop.received)
        deliveries = await made.sent()
        told = [(each["id"], each["resource"], each["body_sha256"], each["duplicate_of"]) for each in deliveries]
        return [arrived.body for arrived in shop.received], told


async def test_the_same_seed_sends_the_same_bytes_in_the_same_order() -> None:
    bodies, told = await arrivals(5)
    assert (bodies, told) == await arrivals(5)
    assert bodies != (await arrivals(6))[0]


async def test_duplicates_repeat_bytes_and_reordering_lets_others_overtake() -> None:
    bodies, told = await arrivals(5)
    hashes_sent = [sha for _, _, sha, _ in told]
    hashes_received = [hashlib.sha256(body).hexdigest() for body in bodies]
    assert Counter(hashes_sent) == Counter(hashes_received)
    assert hashes_sent != hashes_received
    by_number = {number: sha for number, _, sha, _ in told}
    duplicates = [(original, sha) for _, _, sha, original in told if original is not None]
    assert duplicates
    assert all(by_number[original] == sha for original, sha in duplicates)


async def test_eight_attempts_within_an_hour_then_missed_feeds_for_two_days(shop: Receiver) -> None:
    async def fail(_received: Received) -> web.Response:
        return web.json_response({"why": "down"}, status=503)

    shop.answer = fail
    async with sandbox(mercadolibre_target=shop.url("/hook"), mercadolibre_quirks=0, **PATIENT) as made:
        order = (await made.control("POST", "/_world/orders"))["order"]
        sent = len(await made.sent())
        for number, minutes in enumerate((1, 2, 4, 8, 15, 15, 15), start=1):
            await made.settled(attempts=sent * number)
            await made.control("POST", "/_clock", {"advance_seconds": 60 * minutes})
        summary = await made.settled(attempts=sent * 8)
        assert (summary["lost"], summary["waiting"]) == (sent, 0)

        delivery = (await made.sent(f"?resource=/orders/{order['id']}"))[0]
        times = [datetime.fromisoformat(attempt["at"]) for attempt in delivery["attempts"]]
        waits = [(later - earlier).total_seconds() for earlier, later in pairwise(times)]
        for wait, minutes in zip(waits, (1, 2, 4, 8, 15, 15, 15), strict=True):
            assert wait >= 60 * minutes - 0.01
        bodies = [json.loads(each.body) for each in shop.received]
        orders = [body for body in bodies if body["resource"] == f"/orders/{order['id']}"]
        assert [body["attempts"] for body in orders] == [1, 2, 3, 4, 5, 6, 7, 8]
        assert len({(body["_id"], body["sent"], body["received"]) for body in orders}) == 1

        token = await made.token()
        application = (await made.control("GET", "/_accounts"))["mercadolibre"]["application_id"]
        path = f"/mercadolibre/missed_feeds?app_id={application}"
        answer = await made.get(f"{path}&topic=orders_v2", token)
        message = (await answer.json())["messages"][0]
        assert message["_id"] == orders[0]["_id"]
        assert message["attempts"] == 8
        assert message["request"]["url"] == shop.url("/hook")
        assert json.loads(message["request"]["data"])["attempts"] == 8
        assert message["response"]["http_code"] == 503
        assert message["response"]["body"] == {"why": "down"}
        assert (await (await made.get(f"{path}&topic=shipments", token)).json())["messages"] == []
        await made.control("POST", "/_clock", {"advance_seconds": 2 * 86400 - 3600})
        assert len((await (await made.get(path, await made.token())).json())["messages"]) == sent
        await made.control("POST", "/_clock", {"advance_seconds": 3600})
        assert (await (await made.get(path, await made.token())).json())["messages"] == []


async def test_a_slow_200_is_lost_and_comes_again(shop: Receiver) -> None:
    async def slow(_received: Received) -> web.Response:
        await asyncio.sleep(0.6)
        return web.Response(status=200)

    shop.answer = slow
    async with sandbox(mercadolibre_target=shop.url("/hook"), mercadolibre_ack_seconds=0.5) as made:
        await made.control("POST", "/_poison", {"kinds": ["unknown_topic"]})
        await made.settled(attempts=1)
        delivery = (await made.sent())[0]
        assert (delivery["state"], delivery["attempts"][0]["failure"]) == ("waiting", "http_timeout")


@pytest.mark.parametrize("status", [201, 202, 204, 302, 400, 500])
async def test_mercadolibre_takes_nothing_but_200(shop: Receiver, status: int) -> None:
    async def answer(_received: Received) -> web.Response:
        headers = {"Location": "/elsewhere"} if status == 302 else {}
        return web.Response(status=status if len(shop.received) == 1 else 200, headers=headers)

    shop.answer = answer
    async with sandbox(mercadolibre_target=shop.url("/hook"), **PATIENT) as made:
        await made.control("POST", "/_poison", {"kinds": ["unknown_topic"]})
        await made.settled(attempts=1)
        await made.control("POST", "/_clock", {"advance_seconds": 60})
        summary = await made.settled()
        assert (summary["delivered"], summary["attempts"]) == (1, 2)
        delivery = (await made.sent())[0]
        assert [each["status"] for each in delivery["attempts"]] == [status, 200]
        assert {each.path for each in shop.received} == {"/hook"}


async def test_an_endpoint_that_is_away_is_tried_again() -> None:
    async with receiver() as gone:
        url = gone.url("/hook")
    async with sandbox(mercadolibre_target=url, **PATIENT) as made:
        await made.control("POST", "/_poison", {"kinds": ["unknown_topic"]})
        await made.settled(attempts=1)
        delivery = (await made.sent())[0]
        assert (delivery["state"], delivery["attempts"][0]["failure"]) == ("waiting", "other_error")


async def test_poison_comes_as_ordered_and_its_resources_lead_nowhere(shop: Receiver) -> None:
    async with sandbox(mercadolibre_target=shop.url("/hook"), mercadolibre_quirks=0, **PATIENT) as made:
        await made.control("POST", "/_poison")
        await made.settled()
        by_kind = {each["poison"]: each for each in await made.sent("?poison=true")}
        assert {"garbage_json", "empty", "foreign_user", "unknown_topic"} <= by_kind.keys()
        assert b"" in [arrived.body for arrived in shop.received]
        token = await made.token()
        missing = await made.get("/mercadolibre" + by_kind["missing_resource"]["resource"], token)
        assert missing.status == 404
        garbage = await made.get("/mercadolibre" + by_kind["garbage_resource"]["resource"], token)
        assert garbage.status == 200
        with pytest.raises(ValueError, match=r".+"):
            await garbage.json()


async def test_an_order_on_request_and_its_change(shop: Receiver) -> None:
    async with sandbox(mercadolibre_target=shop.url("/hook"), mercadolibre_quirks=0, **PATIENT) as made:
        seller = (await made.control("GET", "/_accounts"))["mercadolibre"]["sellers"][1]["user_id"]
        order = (await made.control("POST", "/_world/orders", {"seller_id": seller, "status": "paid"}))["order"]
        assert (order["status"], order["seller"]["id"]) == ("paid", seller)
        assert order["paid_amount"] == order["total_amount"]
        changed = await made.control("PATCH", f"/_world/orders/{order['id']}", {"status": "cancelled"})
        assert changed["order"]["status"] == "cancelled"
        assert changed["order"]["last_updated"] > order["last_updated"]
        token = await made.token(1)
        answer = await made.get(f"/mercadolibre/orders/{order['id']}", token)
        assert await answer.json() == changed["order"]
        await made.settled()
        resources = {json.loads(each.body)["resource"] for each in shop.received}
        assert f"/orders/{order['id']}" in resources
        assert f"/collections/{order['payments'][0]['id']}" in resources


async def test_traffic_runs_for_its_time_and_everything_arrives(shop: Receiver) -> None:
    targets = {f"{name}_target": shop.url(f"/{name}") for name in ("mercadolibre", "ebay", "square")}
    async with sandbox(**targets, **PATIENT) as made:
        await made.control("POST", "/_traffic", {"rate": 300, "seconds": 0.5, "duplicates": 0.1, "reordering": 0.2})
        async with asyncio.timeout(30):
            while (await made.control("GET", "/_traffic"))["running"]:
                await asyncio.sleep(0.02)
        summary = await made.settled()
        assert (await made.control("GET", "/_traffic"))["changes"] == 150
        assert summary["delivered"] == len(shop.received)
        assert {arrived.path for arrived in shop.received} == {"/mercadolibre", "/ebay", "/square"}


# --- eBay and Square


async def test_ebays_notifications_verify_with_the_key_from_its_api(shop: Receiver) -> None:
    async with sandbox(ebay_target=shop.url("/hook"), **PATIENT) as made:
        account = (await made.control("GET", "/_accounts"))["ebay"]
        await made.control("POST", "/_world/steps", {"steps": 5})
        await made.settled()
        basic = {"Authorization": aiohttp.encode_basic_auth(account["client_id"], account["client_secret"])}
        form = {"grant_type": "client_credentials", "scope": "https://api.ebay.com/oauth/api_scope"}
        granted = await (await made.post("/ebay/identity/v1/oauth2/token", form, headers=basic)).json()
        assert (granted["token_type"], granted["expires_in"]) == ("Application Access Token", 7200)
        for arrived in shop.received:
            header = json.loads(base64.b64decode(arrived.headers["x-ebay-signature"]))
            path = f"/ebay/commerce/notification/v1/public_key/{header['kid']}"
            record = await (await made.get(path, granted["access_token"])).json()
            assert (record["algorithm"], record["digest"]) == ("ECDSA", "SHA1")
            pem = record["key"].replace("KEY-----", "KEY-----\n", 1).replace("-----END", "\n-----END")
            key = load_pem_public_key(pem.encode())
            assert isinstance(key, ec.EllipticCurvePublicKey)
            key.verify(base64.b64decode(header["signature"]), arrived.body, ec.ECDSA(hashes.SHA1()))

        path = "/ebay/commerce/notification/v1/public_key/"
        for token, key_id, expected in (
            (None, account["key_id"], (401, 1002)),
            ("v^1.1#i^1#x", account["key_id"], (401, 1001)),
            (granted["access_token"], "nobody", (404, 195001)),
        ):
            answer = await made.get(path + key_id, token)
            assert (answer.status, (await answer.json())["errors"][0]["errorId"]) == expected
        await made.control("POST", "/_clock", {"advance_seconds": 7200})
        assert (await made.get(path + account["key_id"], granted["access_token"])).status == 401
        wrong = {"Authorization": aiohttp.encode_basic_auth(account["client_id"], "guess")}
        answer = await made.post("/ebay/identity/v1/oauth2/token", form, headers=wrong)
        assert (answer.status, (await answer.json())["error"]) == (401, "invalid_client")


async def test_ebay_challenges_the_endpoint_and_gives_up_one_that_never_acknowledges(shop: Receiver) -> None:
    token, registered = "t" * 40, "https://shop.example.test/ebay"

    async def handle(received: Received) -> web.Response:
        query = parse_qs(urlsplit(received.path).query)
        if "challenge_code" not in query:
            return web.Response(status=412)
        digest = hashlib.sha256(f"{query['challenge_code'][0]}{token}{registered}".encode()).hexdigest()
        return web.json_response({"challengeResponse": digest})

    settings = {"ebay_target": shop.url("/hook"), "ebay_endpoint": registered, "ebay_verification_token": token}
    async with sandbox(**settings, **PATIENT) as made:
        verdict = await made.control("POST", "/_ebay/validate")
        assert verdict["passed"] is False
        assert "content type" in verdict["reason"]
        shop.answer = handle
        assert (await made.control("POST", "/_ebay/validate"))["passed"] is True
        await made.control("POST", "/_poison", {"marketplace": "ebay", "kinds": ["signed_garbage"]})
        for number, minutes in enumerate((1, 2, 4, 8, 16, 32, 60, 120, 240, 480, 480), start=1):
            await made.settled(attempts=number)
            await made.control("POST", "/_clock", {"advance_seconds": 60 * minutes})
        assert (await made.settled())["lost"] == 1
        assert (await made.control("GET", "/_accounts"))["ebay"]["marked_down"] is True
        await made.control("POST", "/_poison", {"marketplace": "ebay", "kinds": ["signed_garbage"]})
        assert (await made.settled())["dropped"] == 1
        assert (await made.control("POST", "/_ebay/validate"))["passed"] is True
        assert (await made.control("GET", "/_accounts"))["ebay"]["marked_down"] is False


async def test_square_signs_the_registered_url_and_counts_its_retries(shop: Receiver) -> None:
    async def answer(_received: Received) -> web.Response:
        return web.Response(status=500 if len(shop.received) == 1 else 204)

    shop.answer = answer
    settings = {
        "square_target": shop.url("/hook"),
        "square_notification_url": "https://shop.example.test/square",
        "square_signature_key": "the-signature-key",
    }
    async with sandbox(**settings, **PATIENT) as made:
        steps = await made.control("POST", "/_world/steps", {"steps": 1})
        assert len(steps["deliveries"]) == 1
        await made.settled(attempts=1)
        await made.control("POST", "/_clock", {"advance_seconds": 60})
        assert (await made.settled())["delivered"] == 1
        one, two = shop.received
        assert one.body == two.body
        mac = hmac.new(b"the-signature-key", b"https://shop.example.test/square" + one.body, hashlib.sha256)
        assert one.headers["x-square-hmacsha256-signature"] == base64.b64encode(mac.digest()).decode()
        assert "square-retry-number" not in one.headers
        assert (two.headers["square-retry-number"], two.headers["square-retry-reason"]) == ("1", "http_error")
        assert json.loads(two.body)["event_id"] == (await made.sent())[0]["notification_id"]


# --- MercadoLibre: search and limits as switched, and what comes after a sale


async def test_the_search_is_closed_blocked_or_open_as_switched(running: Sandbox) -> None:
    path = "/mercadolibre/sites/MLM/search?q=tenis&limit=1000"
    closed = await running.get(path)
    assert (await refusal(closed))[:2] == (403, "forbidden")
    assert "x-policy-agent-block-code" not in closed.headers
    assert closed.headers["x-cache"] == "Error from cloudfront"

    await running.control("PUT", "/_mercadolibre", {"search": "blocked"})
    blocked = await running.get(path, await running.token())
    assert (blocked.status, (await blocked.json())["blocked_by"]) == (403, "PolicyAgent")
    assert blocked.headers["x-policy-agent-block-code"] == "PA_UNAUTHORIZED_RESULT_FROM_POLICIES"
    assert blocked.headers["x-policy-agent-block-reason"] == "At least one policy returned UNAUTHORIZED."

    await running.control("PUT", "/_mercadolibre", {"search": "open"})
    items = (await running.control("GET", "/_world/items"))["items"]
    wanted = next(item for item in items if item["site_id"] == "MLM" and item["status"] == "active")
    query = f"q={wanted['title'].split()[0]}&seller_id={wanted['seller_id']}"
    found = await (await running.get(f"/mercadolibre/sites/MLM/search?{query}&limit=1000")).json()
    assert found["paging"]["limit"] == 50
    assert wanted["id"] in [each["id"] for each in found["results"]]
    assert found["results"][0]["seller"]["id"] == wanted["seller_id"]
    too_far = await running.get(f"/mercadolibre/sites/MLM/search?{query}&offset=960&limit=50")
    assert (await refusal(too_far))[:2] == (400, "bad_request")


async def test_limits_by_the_hour_answer_429_until_the_hour_is_over(running: Sandbox) -> None:
    token = await running.token()
    await running.control("PUT", "/_mercadolibre", {"limited": True, "users_per_hour": 2})
    statuses = [(await running.get("/mercadolibre/users/me", token)).status for _ in range(3)]
    assert statuses == [200, 200, 429]
    assert (await running.get("/mercadolibre/currencies")).status == 200
    await running.control("POST", "/_clock", {"advance_seconds": 3600})
    assert (await running.get("/mercadolibre/users/me", token)).status == 200


async def test_what_comes_after_a_sale_is_as_the_world_says(running: Sandbox) -> None:
    await running.control("POST", "/_world/steps", {"steps": 5000})
    brazil = await running.token(1)
    claim = await seller_of(running, "claims", 1)
    answer = await running.get(f"/mercadolibre/post-purchase/v1/claims/{claim['id']}", brazil)
    assert await answer.json() == claim
    message = await seller_of(running, "messages", 1)
    path = f"/mercadolibre/messages/{message['id']}"
    assert (await running.get(path, brazil)).status == 400
    assert (await (await running.get(f"{path}?tag=post_sale", brazil)).json())["messages"] == [message]
    pack, seller = (each["id"] for each in message["message_resources"])
    whole = await running.get(f"/mercadolibre/messages/packs/{pack}/sellers/{seller}?tag=post_sale", brazil)
    assert message in (await whole.json())["messages"]
    invoice = await seller_of(running, "invoices", 1)
    path = f"/mercadolibre/users/{invoice['issuer']['id']}/invoices/{invoice['id']}"
    assert await (await running.get(path, brazil)).json() == invoice
    orders = (await running.control("GET", "/_world/orders"))["orders"]
    rated = next(order for order in orders if order["feedback"]["buyer"] and order["seller"]["id"] == int(seller))
    feedback = await (await running.get(f"/mercadolibre/orders/{rated['id']}/feedback", brazil)).json()
    assert feedback["purchase"]["id"] == rated["feedback"]["buyer"]["id"]
    for path in (f"/post-purchase/v1/claims/{claim['id']}", f"/messages/{message['id']}?tag=post_sale"):
        assert (await refusal(await running.get(f"/mercadolibre{path}", await running.token(0))))[0] == 403


async def test_of_others_only_the_public_part_is_told(running: Sandbox) -> None:
    sellers = (await running.control("GET", "/_accounts"))["mercadolibre"]["sellers"]
    token = await running.token()
    answers = [await running.get(f"/mercadolibre/users/{one['user_id']}", token) for one in sellers]
    me, other = [await one.json() for one in answers]
    assert "email" in me
    assert "email" not in other
    assert other["seller_reputation"]["level_id"] == "5_green"
    assert (await refusal(await running.get("/mercadolibre/users/1", token)))[:2] == (
        404,
        "user_not_found",
    )


async def test_the_missed_items_are_kept_per_site(running: Sandbox) -> None:
    accounts = (await running.control("GET", "/_accounts"))["mercadolibre"]
    path = f"/mercadolibre/missed_feeds?app_id={accounts['application_id']}&topic=items"
    assert (await refusal(await running.get(path, await running.token())))[:2] == (400, "bad_request")
    assert (await running.get(f"{path}&site_id=MLM", await running.token())).status == 200


async def seller_of(made: Sandbox, collection: str, seller: int) -> dict[str, Any]:
    """The first claim, message or invoice of a seller."""
    user = (await made.control("GET", "/_accounts"))["mercadolibre"]["sellers"][seller]["user_id"]
    bodies = (await made.control("GET", f"/_world/{collection}"))[collection]
    owners = {
        "claims": lambda body: body["players"][1]["user_id"],
        "messages": lambda body: int(body["message_resources"][1]["id"]),
        "invoices": lambda body: body["issuer"]["id"],
    }
    return next(body for body in bodies if owners[collection](body) == user)


@pytest.mark.parametrize(
    ("kind", "topic"),
    [
        ("message", "messages"),
        ("claim", "post_purchase"),
        ("feedback", "orders feedback"),
        ("invoice", "invoices"),
    ],
)
async def test_what_comes_after_a_sale_comes_on_request(shop: Receiver, kind: str, topic: str) -> None:
    async with sandbox(mercadolibre_target=shop.url("/hook"), mercadolibre_quirks=0, **PATIENT) as made:
        told = await made.control("POST", "/_world/after_sale", {"kind": kind}, expect=201)
        await made.settled()
        topics = [delivery["topic"] for delivery in await made.sent()]
        assert len(topics) == len(told["deliveries"])
        assert topic in topics
        argentine = {"kind": "invoice", "seller_id": 1}
        await made.control("POST", "/_world/after_sale", argentine, expect=400)
