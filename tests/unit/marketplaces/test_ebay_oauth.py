"""eBay's OAuth: the consent's URL, a code exchanged once, refresh tokens that stay."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr

from libs.http.client import ApiClient, ApiSettings
from libs.http.errors import Garbage, Unauthorized, Unavailable
from libs.marketplaces.ebay.oauth import EbayApplication, code_exchange, consent_url, refresh_grant

NOW = datetime(2026, 6, 5, 12, tzinfo=UTC)
APPLICATION = EbayApplication(client_id="App-ID", client_secret=SecretStr("s3cret:x"), ru_name="Our-RuName")


@asynccontextmanager
async def authority(*answers: tuple[int, Any]) -> AsyncIterator[tuple[ApiClient, list[dict[str, str]]]]:
    asked: list[dict[str, str]] = []

    async def token(request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        asked.append({**form, "authorization": request.headers["Authorization"]})
        status, body = answers[min(len(asked), len(answers)) - 1]
        return web.json_response(body, status=status)

    app = web.Application()
    app.router.add_post("/identity/v1/oauth2/token", token)
    async with TestServer(app) as server:
        settings = ApiSettings(base_url=str(server.make_url("/")), pause_seconds=0.001, timeout_seconds=10)
        async with ApiClient("ebay", settings) as api:
            yield api, asked


def test_where_a_seller_agrees():
    url = urlsplit(consent_url(APPLICATION, "st&te"))
    assert f"{url.scheme}://{url.netloc}{url.path}" == "https://auth.ebay.com/oauth2/authorize"
    query = parse_qs(url.query)
    assert query["client_id"] == ["App-ID"]
    assert query["redirect_uri"] == ["Our-RuName"]
    assert query["response_type"] == ["code"]
    assert query["state"] == ["st&te"]
    assert "https://api.ebay.com/oauth/api_scope/sell.inventory" in query["scope"][0].split()


def test_the_secret_is_not_shown():
    assert "s3cret" not in repr(APPLICATION)


async def test_a_code_becomes_a_pair():
    body = {"access_token": "A", "refresh_token": "R", "expires_in": 7200, "refresh_token_expires_in": 47304000}
    async with authority((200, body)) as (api, asked):
        pair = await code_exchange(api, APPLICATION, clock=lambda: NOW)("v^1.1#code")
    assert (pair.access, pair.refresh, pair.expires_at) == ("A", "R", NOW + timedelta(hours=2))
    basic = base64.b64encode(b"App-ID:s3cret:x").decode()
    assert asked == [
        {
            "grant_type": "authorization_code",
            "code": "v^1.1#code",
            "redirect_uri": "Our-RuName",
            "authorization": f"Basic {basic}",
        }
    ]


async def test_a_code_is_sent_once():
    async with authority((503, {})) as (api, asked):
        with pytest.raises(Unavailable):
            await code_exchange(api, APPLICATION)("code")
    assert len(asked) == 1


async def test_a_code_without_a_refresh_token_is_garbage():
    async with authority((200, {"access_token": "A"})) as (api, _):
        with pytest.raises(Garbage, match="refresh_token"):
            await code_exchange(api, APPLICATION)("code")


async def test_a_refresh_keeps_the_refresh_token_and_may_be_repeated():
    body = {"access_token": "B", "expires_in": 7200, "token_type": "User Access Token"}
    async with authority((500, {}), (200, body)) as (api, asked):
        pair = await refresh_grant(api, APPLICATION, clock=lambda: NOW)("R")
    assert (pair.access, pair.refresh, pair.expires_at) == ("B", "R", NOW + timedelta(hours=2))
    assert [form["grant_type"] for form in asked] == ["refresh_token", "refresh_token"]
    assert "scope" not in asked[0]


async def test_a_refresh_may_ask_for_fewer_scopes():
    async with authority((200, {"access_token": "B"})) as (api, asked):
        await refresh_grant(api, APPLICATION, scopes=("a", "b"))("R")
    assert asked[0]["scope"] == "a b"


@pytest.mark.parametrize(("status", "code"), [(400, "invalid_grant"), (401, "invalid_client"), (403, "denied")])
async def test_a_refusal_needs_a_person(status, code):
    async with authority((status, {"error": code, "error_description": "for jane@example.test"})) as (api, _):
        with pytest.raises(Unauthorized, match=rf"answered {status} \({code}\)") as raised:
            await refresh_grant(api, APPLICATION)("R")
    assert "jane" not in str(raised.value)


@pytest.mark.parametrize("life", [0, -5, True, "7200", None, 10**12])
async def test_a_life_that_makes_no_sense_loses_no_account(life):
    async with authority((200, {"access_token": "B", "expires_in": life})) as (api, _):
        pair = await refresh_grant(api, APPLICATION, clock=lambda: NOW)("R")
    assert pair.expires_at is not None
    assert NOW + timedelta(hours=2) <= pair.expires_at <= NOW + timedelta(days=7)
