"""Asking for keys: a bounded answer, or Unreachable; never a hang, a redirect or a flood."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from libs.marketplaces.contract import Unreachable
from services.webhook_gateway.key_client import MOST_BYTES, KeyClient


async def answer(request: web.Request) -> web.StreamResponse:
    match request.match_info["kind"]:
        case "key":
            return web.json_response({"key": request.headers.get("Authorization")})
        case "token":
            return web.json_response({"grant": (await request.read()).decode()}, status=201)
        case "missing":
            return web.json_response({"errors": []}, status=404)
        case "empty":
            return web.Response(status=204)
        case "page":
            return web.Response(text="<html>", status=502)
        case "deep":
            return web.Response(body=b"[" * 50_000)
        case "large":
            return web.Response(body=b"1" * (MOST_BYTES + 1))
        case "elsewhere":
            return web.Response(status=302, headers={"Location": "/key"})
        case _:
            await asyncio.sleep(30)
            return web.Response()


@pytest.fixture
async def server() -> AsyncIterator[TestServer]:
    app = web.Application()
    app.router.add_route("*", "/{kind}", answer)
    async with TestServer(app, shutdown_timeout=0) as started:
        yield started


@pytest.fixture
async def client() -> AsyncIterator[KeyClient]:
    async with KeyClient(timeout_seconds=0.5) as opened:
        yield opened


async def test_a_key_is_fetched_with_its_headers(client: KeyClient, server: TestServer) -> None:
    found = await client.request_json("GET", str(server.make_url("/key")), {"Authorization": "Bearer t"})
    assert found == (200, {"key": "Bearer t"})


async def test_a_token_is_asked_for_with_a_body(client: KeyClient, server: TestServer) -> None:
    assert await client.request_json("POST", str(server.make_url("/token")), {}, b"a=b") == (201, {"grant": "a=b"})


@pytest.mark.parametrize(
    ("kind", "expected"), [("missing", (404, {"errors": []})), ("empty", (204, None)), ("elsewhere", (302, None))]
)
async def test_other_statuses_are_told_and_no_redirect_is_followed(
    client: KeyClient, server: TestServer, kind: str, expected: tuple[int, object]
) -> None:
    assert await client.request_json("GET", str(server.make_url(f"/{kind}")), {}) == expected


@pytest.mark.parametrize("kind", ["page", "deep", "large", "slow"])
async def test_what_is_no_answer_is_unreachable(client: KeyClient, server: TestServer, kind: str) -> None:
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1"):
        await client.request_json("GET", str(server.make_url(f"/{kind}")), {})


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/key", "http://[", "nonsense", "http://x y/"])
async def test_nobody_there_is_unreachable(client: KeyClient, url: str) -> None:
    with pytest.raises(Unreachable):
        await client.request_json("GET", url, {})
