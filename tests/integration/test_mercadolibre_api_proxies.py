"""The proxies to MercadoLibre, field for field as documented; hourly limits shared by replicas."""

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from libs.db.pool import Database
from libs.oauth.store import PostgresTokenStore
from libs.oauth.tokens import TokenPair
from tests.integration.running_mercadolibre_api import (
    STORE,
    VAULT,
    Api,
    Upstream,
    empty,
    mercadolibre_api,
    upstream,
)

SENT = {
    "Accept": "application/json",
    "Accept-Language": "es-MX,es;q=0.9,en;q=0.8",
    "User-Agent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36",
}
BEARER = "Bearer APP_USR-access-token-number-0"
FOUND = {
    "site_id": "MLM",
    "query": "iphone",
    "paging": {"total": 1500, "offset": 0, "limit": 10, "primary_results": 1000},
    "results": [
        {
            "id": "MLM1234567890",
            "site_id": "MLM",
            "title": "iPhone 15 Pro Max 256GB",
            "price": 25999,
            "currency_id": "MXN",
            "thumbnail": "http://http2.mlstatic.com/D_1234567890-I.jpg",
            "permalink": "https://articulo.mercadolibre.com.mx/MLM-1234567890",
            "seller": {"id": 123456789, "nickname": "SELLER_NICK"},
        }
    ],
}
ITEM = {
    "id": "MLM1234567890",
    "site_id": "MLM",
    "title": "iPhone 15 Pro Max 256GB",
    "subtitle": "Producto nuevo sellado",
    "seller_id": 123456789,
    "category_id": "MLM1051",
    "price": 25999,
    "base_price": 25999,
    "currency_id": "MXN",
    "initial_quantity": 10,
    "available_quantity": 5,
    "sold_quantity": 5,
    "condition": "new",
    "listing_type_id": "gold_special",
    "thumbnail": "http://http2.mlstatic.com/D_1234567890-I.jpg",
    "pictures": [{"id": "1234567", "url": "http://http2.mlstatic.com/D_1234567890-I.jpg"}],
    "attributes": [{"id": "BRAND", "name": "Marca", "value_id": "9344", "value_name": "Apple"}],
    "seller_address": {
        "city": {"id": "MX-MOR", "name": "Morelos"},
        "state": {"id": "MX-MOR", "name": "Morelos"},
        "country": {"id": "MX", "name": "México"},
    },
}
ME = {
    "id": 123456789,
    "nickname": "SELLER_NICK",
    "registration_date": "2020-01-15T10:30:00.000-06:00",
    "first_name": "Juan",
    "last_name": "Pérez",
    "country_id": "MX",
    "email": "user@example.com",
    "identifications": [{"type": "RFC", "number": "ABCD123456XYZ"}],
    "phones": [{"area_code": "55", "number": "12345678", "extension": "", "verified": True}],
    "points": 100,
    "seller_experience": "advanced",
    "seller_reputation": {
        "level_id": "5_green",
        "power_seller_status": "platinum",
        "transactions": {"total": 500, "completed": 490, "canceled": 10, "ratings": 4.8},
    },
}
BLOCKED = {
    "message": "At least one policy returned UNAUTHORIZED.",
    "code": "PA_UNAUTHORIZED_RESULT_FROM_POLICIES",
    "status": 403,
    "blocked_by": "PolicyAgent",
}
BLOCK_HEADERS = {"x-policy-agent-block-code": "PA_UNAUTHORIZED", "x-policy-agent-block-reason": "IP"}


@pytest.fixture
async def database(whole_database: Database) -> Database:
    """One account has authorised."""
    await empty(whole_database)
    pair = TokenPair(BEARER.removeprefix("Bearer "), "TG-refresh-token-number-0")
    await PostgresTokenStore(whole_database, STORE, VAULT).authorize("123456789", pair)
    return whole_database


@pytest.fixture
async def marketplace() -> AsyncIterator[Upstream]:
    async with upstream() as opened:
        yield opened


@pytest.fixture
async def api(database: Database, marketplace: Upstream) -> AsyncIterator[Api]:
    async with mercadolibre_api(database.url, marketplace.base_url) as opened:
        yield opened


def answers(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Any:
    async def answer(_request: web.Request) -> web.Response:
        return web.json_response(body, status=status, headers=headers)

    return answer


def sent_headers(request: web.Request) -> dict[str, str | None]:
    return {name: request.headers.get(name) for name in (*SENT, "Authorization")}


async def test_search_hands_the_answer_through(api, marketplace):
    marketplace.answer = answers(FOUND)
    told = await api.get("/ml/search", q="iphone", offset="0", limit="10", category="MLM1051", seller_id="42")
    assert (told.status, told.json) == (200, FOUND)
    (asked,) = marketplace.asked
    assert asked.path == "/sites/MLM/search"
    assert dict(asked.query) == {
        "q": "iphone",
        "offset": "0",
        "limit": "10",
        "category": "MLM1051",
        "seller_id": "42",
    }
    assert sent_headers(asked) == {**SENT, "Authorization": BEARER}


async def test_search_has_defaults(api, marketplace):
    marketplace.answer = answers(FOUND)
    assert (await api.get("/ml/search", q="iphone")).status == 200
    assert dict(marketplace.asked[0].query) == {"q": "iphone", "offset": "0", "limit": "50"}


async def test_one_page_is_handed_through_byte_for_byte(api, marketplace):
    raw = '{"paging": {"total": 1},  "results":[{"id":"MLM1","price":0.1000,"title":"\\u00e9"}]}'

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(text=raw, content_type="application/json")

    marketplace.answer = answer
    told = await api.get("/ml/search", q="iphone")
    assert told.text == raw
    assert told.headers["Content-Type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ({}, "q"),
        ({"q": ""}, "q"),
        ({"q": "x", "limit": "1001"}, "limit"),
        ({"q": "x", "limit": "0"}, "limit"),
        ({"q": "x", "limit": "ten"}, "limit"),
        ({"q": "x", "offset": "-1"}, "offset"),
        ({"q": "x", "category": "../users"}, "category"),
        ({"q": "x", "seller_id": "me"}, "seller_id"),
    ],
)
async def test_a_wrong_search_is_a_bad_request(api, marketplace, query, wrong):
    told = await api.get("/ml/search", **query)
    assert told.status == 400
    assert told.json.keys() == {"ok", "error"}
    assert told.json["ok"] is False
    assert f" {wrong}: " in told.json["error"]
    assert marketplace.asked == []


def shelf(total: int, *, moves: bool = False) -> Any:
    """A search with so many results; with `moves`, each page begins with the last result of the page before."""

    async def answer(request: web.Request) -> web.Response:
        offset, limit = int(request.query["offset"]), int(request.query["limit"])
        if limit > 50 or offset + limit > 1000:
            return web.json_response({"message": "beyond", "error": "bad_request", "status": 400}, status=400)
        first = max(offset - 1, 0) if moves else offset
        results = [{"id": f"MLM{n}", "price": 10.5} for n in range(first, min(offset + limit, total))]
        paging = {"total": total, "offset": offset, "limit": limit, "primary_results": 1000}
        return web.json_response({"site_id": "MLM", "paging": paging, "results": results, "sort": {"id": "relevance"}})

    return answer


@pytest.mark.parametrize(
    ("total", "offset", "limit", "expected"),
    [
        (5000, 0, 1000, range(1000)),
        (5000, 900, 1000, range(900, 1000)),
        (120, 0, 1000, range(120)),
        (5000, 7, 120, range(7, 127)),
        (0, 0, 200, range(0)),
        (5000, 0, 51, range(51)),
    ],
)
async def test_a_wide_search_is_served_by_several_pages(api, marketplace, total, offset, limit, expected):
    marketplace.answer = shelf(total)
    told = await api.get("/ml/search", q="iphone", offset=str(offset), limit=str(limit))
    assert told.status == 200, told.text
    assert [result["id"] for result in told.json["results"]] == [f"MLM{number}" for number in expected]
    assert told.json["paging"] == {"total": total, "offset": offset, "limit": limit, "primary_results": 1000}
    assert told.json["sort"] == {"id": "relevance"}
    assert len(marketplace.asked) == max(1, -(-len(expected) // 50))


async def test_a_result_that_moved_between_pages_stands_there_once(api, marketplace):
    marketplace.answer = shelf(200, moves=True)
    told = await api.get("/ml/search", q="iphone", limit="200")
    assert [result["id"] for result in told.json["results"]] == [f"MLM{number}" for number in range(200)]


async def test_a_refused_page_refuses_the_whole_search(api, marketplace):
    whole = shelf(500)

    async def answer(request: web.Request) -> web.Response:
        if request.query["offset"] == "100":
            return web.Response(status=429, text="local_rate_limited", headers={"Retry-After": "7"})
        response: web.Response = await whole(request)
        return response

    marketplace.answer = answer
    told = await api.get("/ml/search", q="iphone", limit="500")
    assert told.status == 429
    assert told.headers["Retry-After"] == "7"
    assert told.json["ok"] is False


async def test_what_is_forbidden_with_a_token_is_tried_without(api, marketplace):
    async def answer(request: web.Request) -> web.Response:
        if "Authorization" in request.headers:
            return web.json_response(BLOCKED, status=403)
        return web.json_response(FOUND)

    marketplace.answer = answer
    told = await api.get("/ml/search", q="iphone")
    assert (told.status, told.json) == (200, FOUND)
    with_token, without = marketplace.asked
    assert sent_headers(with_token) == {**SENT, "Authorization": BEARER}
    assert sent_headers(without) == {**SENT, "Authorization": None}


async def test_what_is_forbidden_both_ways_is_forbidden_and_says_by_whom(api, marketplace):
    marketplace.answer = answers(BLOCKED, 403, BLOCK_HEADERS)
    told = await api.get("/ml/search", q="iphone", limit="1000")
    assert told.status == 403
    assert told.json.keys() == {"ok", "error"}
    assert "PA_UNAUTHORIZED_RESULT_FROM_POLICIES" in told.json["error"]
    assert told.headers["x-policy-agent-block-code"] == "PA_UNAUTHORIZED"
    assert told.headers["x-policy-agent-block-reason"] == "IP"
    assert len(marketplace.asked) == 2


async def test_item_hands_the_answer_through(api, marketplace):
    marketplace.answer = answers(ITEM)
    told = await api.get("/ml/items/MLM1234567890")
    assert (told.status, told.json) == (200, ITEM)
    (asked,) = marketplace.asked
    assert asked.path == "/items/MLM1234567890"
    assert sent_headers(asked) == {**SENT, "Authorization": BEARER}


@pytest.mark.parametrize("item", ["1", "MLM", "mlm1", "MLM1;", "MLM%2F..", "MLM1?x"])
async def test_what_is_no_item_id_is_a_bad_request(api, marketplace, item):
    told = await api.get(f"/ml/items/{item.replace('?', '%3F')}")
    assert told.status == 400
    assert told.json["ok"] is False
    assert marketplace.asked == []


@pytest.mark.parametrize(
    ("upstream_status", "status", "error"),
    [
        (400, 400, "Bad request"),
        (403, 403, "Forbidden (token or access issue)"),
        (404, 404, "Not found"),
        (429, 429, "Too many requests"),
        (500, 503, "MercadoLibre does not answer"),
    ],
)
@pytest.mark.parametrize("path", ["/ml/items/MLM1", "/ml/whoami", "/ml/search?q=x"])
async def test_refusals_are_told_by_their_codes(api, marketplace, path, upstream_status, status, error):
    body = {"message": "m", "error": "some_code", "status": upstream_status, "cause": []}
    marketplace.answer = answers(body, upstream_status)
    told = await api.get(path)
    assert told.status == status
    assert told.json.keys() == {"ok", "error"}
    assert told.json["error"].startswith(error)
    assert "some_code" in told.json["error"]
    assert ("Retry-After" in told.headers) == (status in (429, 503))


async def test_whoami_hands_the_answer_through(api, marketplace):
    marketplace.answer = answers(ME)
    told = await api.get("/ml/whoami")
    assert (told.status, told.json) == (200, ME)
    assert marketplace.asked[0].path == "/users/me"


async def test_whoami_with_a_token_that_is_refused_refreshes_once_and_then_says_401(api, marketplace):
    marketplace.answer = answers({"message": "invalid access token", "error": "unauthorized", "status": 401}, 401)
    told = await api.get("/ml/whoami")
    assert told.status == 401
    assert told.json["error"].startswith("Unauthorized (invalid/expired token)")
    assert [request.headers["Authorization"] for request in marketplace.asked] == [
        BEARER,
        f"Bearer {marketplace.access}",
    ]
    assert marketplace.granted == 1


async def test_public_ping_tells_status_headers_and_the_beginning_of_the_body(api, marketplace):
    body = json.dumps([{"id": "ARS", "description": "Peso argentino", "symbol": "$"}] * 10)

    async def answer(_request: web.Request) -> web.Response:
        headers = {"via": "1.1 vegur", "x-cache": "MISS", "x-amz-cf-pop": "LAX3-C3", "x-secret": "not told"}
        return web.Response(text=body, content_type="application/json", headers=headers)

    marketplace.answer = answer
    told = await api.get("/ml/public_ping")
    assert (told.status, told.json) == (
        200,
        {
            "status": 200,
            "headers": {
                "x-policy-agent-block-code": "",
                "x-policy-agent-block-reason": "",
                "via": "1.1 vegur",
                "x-cache": "MISS",
                "x-amz-cf-pop": "LAX3-C3",
            },
            "body_preview": body[:200],
        },
    )
    (asked,) = marketplace.asked
    assert asked.path == "/currencies"
    assert sent_headers(asked) == {**SENT, "Authorization": None}


@pytest.mark.parametrize("status", [403, 429, 500])
async def test_public_ping_tells_a_refusal_as_it_is(api, marketplace, status):
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=status, text="<html>" + "é" * 300, headers=BLOCK_HEADERS)

    marketplace.answer = answer
    told = await api.get("/ml/public_ping")
    assert (told.status, told.json["status"]) == (200, status)
    assert told.json["headers"]["x-policy-agent-block-code"] == "PA_UNAUTHORIZED"
    assert told.json["body_preview"] == ("<html>" + "é" * 300)[:200]


async def test_public_ping_without_any_answer(database):
    async with mercadolibre_api(database.url, "http://127.0.0.1:9/") as api:
        told = await api.get("/ml/public_ping")
    assert told.status == 503
    assert told.json["ok"] is False


async def test_every_request_has_an_id_of_six_bytes(api):
    told = await api.get("/mercadolibre/ping")
    assert re.fullmatch(r"[0-9a-f]{12}", told.headers["X-Request-Id"])


async def test_the_debug_log_has_previews_and_no_tokens(database, marketplace, capsys):
    long = {**FOUND, "token": "APP_USR-1234567890123456-secret-of-somebody", "filler": "x" * 3000}
    marketplace.answer = answers(long, headers={"via": "1.1 vegur"})
    try:
        async with mercadolibre_api(database.url, marketplace.base_url, debug=True) as api:
            told = await api.get("/ml/search", q="iphone")
            await api.get("/ml/whoami")
    finally:
        logging.getLogger("services.mercadolibre_api").setLevel(logging.NOTSET)
    lines = capsys.readouterr().out.splitlines()
    (line,) = [line for line in lines if "mercadolibre answered" in line and "/sites/{site}/search" in line]
    assert told.headers["X-Request-Id"] in line
    assert "with_token=True" in line
    assert "status=200" in line
    assert "1.1 vegur" in line
    (preview,) = re.findall(r"preview='(.*?)' ", line)
    assert 1190 <= len(preview) <= 1210
    assert any("access token" in one and "APP_US…r-0" in one for one in lines)
    assert not any("secret-of-somebody" in one or BEARER in one for one in lines)
    (about_a_person,) = [one for one in lines if "mercadolibre answered" in one and "/users/me" in one]
    assert "SELLER_NICK" not in about_a_person


async def test_hourly_limits_are_kept_across_replicas(database, marketplace):
    marketplace.answer = answers(ITEM)
    settings = {"limits": {"items": 10, "users": 1}}
    async with (
        mercadolibre_api(database.url, marketplace.base_url, **settings) as one,
        mercadolibre_api(database.url, marketplace.base_url, **settings) as other,
    ):
        told = await asyncio.gather(*((one, other)[number % 2].get("/ml/items/MLM1") for number in range(16)))
        assert sorted(each.status for each in told) == [200] * 10 + [429] * 6
        assert len(marketplace.asked) == 10
        refused = next(each for each in told if each.status == 429)
        assert 0 < int(refused.headers["Retry-After"]) <= 3660  # the hour rolls by the minute
        assert refused.headers["RateLimit-Policy"] == '"mercadolibre.items";q=10;w=3600'
        assert re.fullmatch(r'"mercadolibre\.items";r=0;t=[0-9]+', refused.headers["RateLimit"])
        assert refused.json["ok"] is False
        me = await one.get("/ml/whoami")  # another limit
        assert me.status == 200
        assert me.headers["RateLimit"].startswith('"mercadolibre.users";r=0;')


async def test_a_429_of_mercadolibre_holds_all_replicas_back(database, marketplace):
    async def limited(_request: web.Request) -> web.Response:
        return web.Response(status=429, text="local_rate_limited", headers={"Retry-After": "90"})

    marketplace.answer = limited
    async with (
        mercadolibre_api(database.url, marketplace.base_url) as one,
        mercadolibre_api(database.url, marketplace.base_url) as other,
    ):
        assert (await one.get("/ml/items/MLM1")).headers["Retry-After"] == "90"
        told = await other.get("/ml/items/MLM2")
    assert told.status == 429
    assert 60 < int(told.headers["Retry-After"]) <= 90
    assert len(marketplace.asked) == 1


async def test_the_default_limits_are_the_documented_ones(api, marketplace):
    marketplace.answer = answers(FOUND)
    policies = [
        (await api.get(path)).headers["RateLimit-Policy"] for path in ("/ml/search?q=x", "/ml/items/MLM1", "/ml/whoami")
    ]
    assert policies == [
        '"mercadolibre.searches";q=3000;w=3600',
        '"mercadolibre.items";q=10000;w=3600',
        '"mercadolibre.users";q=3000;w=3600',
    ]


async def test_every_route_is_described(api):
    document = (await api.get("/openapi.json")).json
    assert {
        "/mercadolibre/ping",
        "/mercadolibre/oauth/authorize",
        "/mercadolibre/oauth/callback",
        "/ml/search",
        "/ml/items/{item_id}",
        "/ml/whoami",
        "/ml/public_ping",
    } <= document["paths"].keys()
