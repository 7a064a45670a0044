"""The token endpoints of all marketplaces: what is no token is not taken for one, whoever grants it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr

from libs.http.client import ApiClient, ApiSettings
from libs.http.errors import Garbage, Unauthorized
from libs.marketplaces.amazon import oauth as amazon
from libs.marketplaces.ebay import oauth as ebay
from libs.marketplaces.mercadolibre import oauth as mercadolibre
from libs.marketplaces.stockx import oauth as stockx
from libs.oauth.tokens import Grant

SECRET = SecretStr("s3cret")
GRANTS: dict[str, Callable[[ApiClient], Grant]] = {
    "amazon": lambda api: amazon.refresh_grant(api, amazon.AmazonApplication(client_id="c", client_secret=SECRET)),
    "ebay": lambda api: ebay.refresh_grant(api, ebay.EbayApplication(client_id="c", client_secret=SECRET)),
    "mercadolibre": lambda api: mercadolibre.refresh_grant(api, "c", SECRET),
    "stockx": lambda api: stockx.refresh_grant(api, stockx.StockXApplication(client_id="c", client_secret=SECRET)),
}
EACH = pytest.mark.parametrize("name", sorted(GRANTS))


@asynccontextmanager
async def granting(name: str, status: int, body: Any) -> AsyncIterator[Grant]:
    async def token(_: web.Request) -> web.Response:
        return web.json_response(body, status=status)

    app = web.Application()
    app.router.add_post("/{path:.*}", token)
    async with TestServer(app) as server:
        settings = ApiSettings(base_url=str(server.make_url("/")), pause_seconds=0.001, timeout_seconds=10)
        async with ApiClient(name, settings) as api:
            yield GRANTS[name](api)


@EACH
async def test_a_pair_is_taken_as_it_is_told(name: str) -> None:
    async with granting(name, 200, {"access_token": "v^1.1#a~", "refresh_token": "r|2", "expires_in": 60}) as grant:
        pair = await grant("old")
    assert (pair.access, pair.refresh) == ("v^1.1#a~", "r|2")


@EACH
@pytest.mark.parametrize("token", ["", "A\r\nx-api-key: other", "A\n", "\u00e9", None, ["A"]])
async def test_what_could_stand_in_no_header_is_no_token(name: str, token: object) -> None:
    async with granting(name, 200, {"access_token": token, "refresh_token": "r"}) as grant:
        with pytest.raises(Garbage):
            await grant("old")


@EACH
async def test_a_refusal_is_told_in_words_that_can_be_stored(name: str) -> None:
    async with granting(name, 400, {"error": "invalid\0grant"}) as grant:
        with pytest.raises(Unauthorized) as raised:
            await grant("old")
    assert str(raised.value).isprintable()
