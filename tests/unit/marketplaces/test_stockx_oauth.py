"""StockX's OAuth: the consent's URL, a code exchanged once, refresh tokens that may rotate."""

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
from libs.marketplaces.stockx.oauth import StockXApplication, code_exchange, consent_url, refresh_grant, token_client

NOW = datetime(2026, 6, 5, 12, tzinfo=UTC)
APPLICATION = StockXApplication(
    client_id="the-client", client_secret=SecretStr("s3cret:x"), redirect_uri="https://shop.example/oauth"
)


@asynccontextmanager
async def authority(*answers: tuple[int, Any]) -> AsyncIterator[tuple[ApiClient, list[dict[str, str]]]]:
    asked: list[dict[str, str]] = []

    async def token(request: web.Request) -> web.Response:
        asked.append({name: str(value) for name, value in (await request.post()).items()})
        status, body = answers[min(len(asked), len(answers)) - 1]
        return web.json_response(body, status=status)

    app = web.Application()
    app.router.add_post("/oauth/token", token)
    async with TestServer(app) as server:
        settings = ApiSettings(base_url=str(server.make_url("/")), pause_seconds=0.001, timeout_seconds=10)
        async with ApiClient("stockx_accounts", settings) as api:
            yield api, asked


def test_where_a_seller_agrees():
    url = urlsplit(consent_url(APPLICATION, "st&te"))
    assert f"{url.scheme}://{url.netloc}{url.path}" == "https://accounts.stockx.com/authorize"
    assert parse_qs(url.query) == {
        "response_type": ["code"],
        "client_id": ["the-client"],
        "redirect_uri": ["https://shop.example/oauth"],
        "scope": ["offline_access openid"],
        "audience": ["gateway.stockx.com"],
        "state": ["st&te"],
    }


def test_the_secret_is_not_shown():
    assert "s3cret" not in repr(APPLICATION)
    assert token_client(APPLICATION.client_id) == "stockx the-client"


async def test_a_code_becomes_a_pair():
    body = {"access_token": "A", "refresh_token": "R", "expires_in": 43200, "token_type": "Bearer"}
    async with authority((200, body)) as (api, asked):
        pair = await code_exchange(api, APPLICATION, clock=lambda: NOW)("the-code")
    assert (pair.access, pair.refresh, pair.expires_at) == ("A", "R", NOW + timedelta(hours=12))
    assert asked == [
        {
            "client_id": "the-client",
            "client_secret": "s3cret:x",
            "grant_type": "authorization_code",
            "code": "the-code",
            "redirect_uri": "https://shop.example/oauth",
        }
    ]


@pytest.mark.parametrize(
    ("more", "refresh"), [({}, "old"), ({"refresh_token": "new"}, "new"), ({"refresh_token": ""}, "old")]
)
async def test_a_refresh_keeps_its_token_unless_there_is_a_new_one(more, refresh):
    async with authority((200, {"access_token": "A", "expires_in": 60, **more})) as (api, asked):
        pair = await refresh_grant(api, APPLICATION, clock=lambda: NOW)("old")
    assert (pair.refresh, pair.expires_at) == (refresh, NOW + timedelta(minutes=1))
    assert (asked[0]["refresh_token"], asked[0]["audience"]) == ("old", "gateway.stockx.com")


@pytest.mark.parametrize("status", [400, 401, 403])
async def test_a_refused_token_needs_a_person(status):
    body = {"error": "invalid_grant", "error_description": "Unknown or invalid refresh token s3cret."}
    async with authority((status, body)) as (api, asked):
        with pytest.raises(Unauthorized, match="invalid_grant") as raised:
            await refresh_grant(api, APPLICATION)("old")
    assert "s3cret" not in str(raised.value)
    assert len(asked) == 1


async def test_what_may_be_spent_is_never_sent_twice():
    async with authority((503, {})) as (api, asked):
        for exchange in (refresh_grant(api, APPLICATION), code_exchange(api, APPLICATION)):
            with pytest.raises(Unavailable):
                await exchange("once")
    assert len(asked) == 2


async def test_an_error_that_no_database_would_take_is_not_repeated():
    async with authority((403, {"error": "invalid\0grant"})) as (api, _):
        with pytest.raises(Unauthorized) as raised:
            await refresh_grant(api, APPLICATION)("old")
    assert str(raised.value).isprintable()


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"access_token": ""},
        [],
        {"access_token": None},
        {"access_token": "A\r\nx-api-key: other"},
        {"access_token": "A\n"},
        {"access_token": "A", "refresh_token": "R\0"},
    ],
)
async def test_an_answer_without_a_token_is_garbage(body):
    async with authority((200, body)) as (api, _):
        with pytest.raises(Garbage):
            await refresh_grant(api, APPLICATION)("old")


async def test_a_code_without_a_refresh_token_is_garbage():
    async with authority((200, {"access_token": "A"})) as (api, _):
        with pytest.raises(Garbage, match="no refresh_token"):
            await code_exchange(api, APPLICATION)("code")


@pytest.mark.parametrize("life", [None, "soon", -1, True, 0])
async def test_a_life_that_makes_no_sense_is_the_usual_one(life):
    async with authority((200, {"access_token": "A", "expires_in": life})) as (api, _):
        pair = await refresh_grant(api, APPLICATION, clock=lambda: NOW)("old")
    assert pair.expires_at == NOW + timedelta(hours=12)
