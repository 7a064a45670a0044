"""GOAT, Klekt and eBay's Browse API as their clients ask them, at the sandbox."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest
from ebay_apiroute.buy.browse.item_summary.models.schemas.search_paged_collection import SearchPagedCollection
from pydantic import SecretStr

from libs.http.client import ApiClient, ApiSettings
from libs.http.errors import Garbage, NotFound, RateLimited, Unauthorized, Unavailable
from libs.marketplaces.ebay.application_tokens import ApplicationTokens
from libs.marketplaces.ebay.browse import Browse
from libs.marketplaces.ebay.caller import EbayCaller
from libs.marketplaces.ebay.oauth import EbayApplication
from libs.marketplaces.goat.client import Goat
from libs.marketplaces.goat.payloads import CatalogItem, dollars
from libs.marketplaces.klekt.client import Klekt
from tests.ebay_account import QUICK
from tests.integration.running_sandbox import Sandbox, sandbox


@pytest.fixture
async def shop() -> AsyncIterator[Sandbox]:
    async with sandbox(stockx_products=120, stockx_orders=0) as made:
        yield made


@asynccontextmanager
async def client(name: str, base: str) -> AsyncIterator[ApiClient]:
    async with ApiClient(name, ApiSettings.model_validate({"base_url": base, **QUICK})) as api:
        yield api


async def fault(shop: Sandbox, marketplace: str, **spec: Any) -> None:
    await shop.control("DELETE", "/_faults")
    await shop.control("POST", "/_faults", {"marketplace": marketplace, **spec})


async def test_goat_tells_its_catalog_page_by_page(shop: Sandbox) -> None:
    token = (await shop.control("GET", "/_accounts"))["goat"]["token"]
    async with client("goat", f"{shop.base}/goat/api/v1") as api:
        goat = Goat(api, SecretStr(token))
        (slides, *_) = (await goat.search("HQ4276")).entries
        assert slides.sku == "HQ4276"
        panda = next(each for each in (await goat.search("DD1391-100")).entries if each.sku == "DD1391 100")
        assert dollars(panda.retail_price_cents) == Decimal("115.00")
        assert await goat.item(slides.catalog_id) == slides
        family = panda.sku or ""
        whole = await goat.search(family, limit=50)
        seen: list[CatalogItem] = []
        after = None
        while True:
            page = await goat.search(family, limit=1, after=after)
            seen += page.entries
            after = page.after
            if after is None:
                break
        assert seen == list(whole.entries)
        with pytest.raises(NotFound):
            await goat.item("none-such")
        with pytest.raises(Unauthorized):
            await Goat(api, SecretStr("another")).search("HQ4276")


def test_goat_s_cents_are_exact_and_zero_is_none() -> None:
    told = {"catalog_id": "x", "retail_price_cents": "0", "minimum_listing_price_cents": "2501"}
    item = CatalogItem.read({**told, "maximum_listing_price_cents": ""})
    assert (item.retail_price_cents, item.maximum_listing_price_cents) == (None, None)
    assert dollars(item.minimum_listing_price_cents) == Decimal("25.01")


async def test_goat_s_failures_have_their_own_meaning(shop: Sandbox) -> None:
    token = (await shop.control("GET", "/_accounts"))["goat"]["token"]
    async with client("goat", f"{shop.base}/goat/api/v1") as api:
        goat = Goat(api, SecretStr(token))
        await fault(shop, "goat", kind="rate_limited", retry_after=60)
        with pytest.raises(RateLimited) as limited:
            await goat.search("HQ4276")
        assert limited.value.body == {"code": 8, "message": "resource exhausted", "details": []}
    async with client("goat", f"{shop.base}/goat/api/v1") as api:
        goat = Goat(api, SecretStr(token))
        await fault(shop, "goat", kind="garbage", garbage="html")
        with pytest.raises(Garbage):
            await goat.search("HQ4276")


async def test_klekt_tells_prices_in_its_currency(shop: Sandbox) -> None:
    async with client("klekt", f"{shop.base}/klekt") as api:
        klekt = Klekt(api)
        found = await klekt.search("HQ4276")
        (slides, *_) = found.entries
        assert (slides.sku, slides.currency) == ("HQ4276", "EUR")
        assert found.total is not None
        assert found.total >= 1
        first, second = [(await klekt.search("HQ4276", page=number, page_size=1)).entries for number in (1, 2)]
        assert first == (slides,)
        assert first != second
        await fault(shop, "klekt", kind="outage")
        with pytest.raises(Unavailable):
            await klekt.search("HQ4276")


async def test_ebay_is_browsed_with_a_token_of_the_application(shop: Sandbox) -> None:
    told = (await shop.control("GET", "/_accounts"))["ebay"]
    application = EbayApplication(client_id=told["client_id"], client_secret=SecretStr(told["client_secret"]))
    async with client("ebay", f"{shop.base}/ebay") as api:
        tokens = ApplicationTokens(api, application)
        browse = Browse(EbayCaller(api, tokens))
        found = await browse.search("HQ4276", limit=1)
        (slides,) = found.entries
        assert "HQ4276" in (slides.title or "")
        assert slides.price is None or slides.price.value > 0
        nothing = await browse.search("z" * 100)
        assert (nothing.entries, nothing.total) == ((), 0)
        first = await tokens.token()
        assert await tokens.token() == first, "one token is used again"
        await fault(shop, "ebay", kind="unauthorized", path="/buy/browse/*", count=1)
        assert (await browse.search("HQ4276")).entries, "a refused token is replaced"
        assert await tokens.token() != first
        wrong = application.model_copy(update={"client_secret": SecretStr("another")})
        with pytest.raises(Unauthorized):
            await ApplicationTokens(api, wrong).token()


async def test_the_sandbox_s_browse_api_is_of_the_published_shape(shop: Sandbox) -> None:
    told = (await shop.control("GET", "/_accounts"))["ebay"]
    application = EbayApplication(client_id=told["client_id"], client_secret=SecretStr(told["client_secret"]))
    async with client("ebay", f"{shop.base}/ebay") as api:
        token = await ApplicationTokens(api, application).token()
        answer = await shop.get("/ebay/buy/browse/v1/item_summary/search?q=HQ4276&limit=2", token=token)
    page = SearchPagedCollection.model_validate(await answer.json(), strict=True)
    assert page.item_summaries
    assert page.total is not None
    known = {field.alias or name for name, field in type(page.item_summaries[0]).model_fields.items()}
    for summary in (await answer.json())["itemSummaries"]:
        assert summary.keys() <= known
