"""product_search whole: StockX's catalog as the document shows it, the cache, limits, all marketplaces at once."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
import pytest_asyncio
from prometheus_client import REGISTRY

from libs.bus.settings import KafkaSettings
from libs.db.migrate import migrate
from libs.db.pool import Database
from libs.stack import Endpoints
from services.product_search.config import Config as ServiceConfig
from services.sandbox.config import Config
from services.sandbox.stockx.catalogue import Catalogue
from tests.databases import empty_database
from tests.integration.running_sandbox import Sandbox, sandbox
from tests.product_searching import ProductSearch, environment_of, serving

SLIDES = "fa671f11-b94d-4596-a4fe-d91e0bd995a0"
PANDA = "5e6a1e57-1c7d-435a-82bd-5666a13560fe"
SEARCH = "/v2/catalog/search"
PRODUCTS = 60
_CATALOGUE = list(Catalogue(Config().seed, PRODUCTS).products.values())
FAMILY = [each.style_id for each in _CATALOGUE[16:24] if each.style_id]
"""Style codes that differ in their last digit: a search for one of them finds them all, popular ones first."""

FAULTS: tuple[dict[str, Any], ...] = (
    {"kind": "outage", "status": 500},
    {"kind": "outage", "status": 503, "retry_after": 30},
    {"kind": "outage", "status": 504},
    {"kind": "blocked"},
    {"kind": "unauthorized"},
    {"kind": "not_found"},
    {"kind": "garbage"},
    {"kind": "timeout", "delay": 2},
    {"kind": "rate_limited", "retry_after": 30},  # the last: nobody is asked for so long
)

WRONG: tuple[dict[str, Any], ...] = (
    {},
    {"query": ""},
    {"query": "x" * 101},
    {"query": "x", "page": 0},
    {"query": "x", "pageNumber": 0},
    {"query": "x", "page": 1, "pageNumber": 2},
    {"query": "x", "pageSize": 0},
    {"query": "x", "pageSize": 51},
    {"query": "x", "pageSize": "many"},
)

HOSTILE = (
    "a\0b",
    "\0",
    "'; DROP TABLE products; --",
    "%",
    "a/b",
    "🥿",
    "\u202e12",
    "é" * 100,
    "[/x]",
    "a\r\nb: c",
    "+&?#",
)


@dataclass
class World:
    """What a test works with."""

    shop: Sandbox
    database: Database
    search: ProductSearch

    async def fault(self, marketplace: str = "stockx", **spec: Any) -> None:
        await self.shop.control("POST", "/_faults", {"marketplace": marketplace, **spec})

    async def searches(self) -> int:
        """How often StockX's search was asked."""
        calls = (await self.shop.control("GET", "/_stockx/calls"))["calls"]
        return int(calls.get("GET /catalog/search", 0))


async def opened(stack: AsyncExitStack, endpoints: Endpoints, database_url: str, **more: str) -> World:
    shop = await stack.enter_async_context(sandbox(stockx_limited=False, stockx_products=PRODUCTS, stockx_orders=0))
    database = await stack.enter_async_context(Database(database_url, application="tests"))
    await migrate(database)
    kafka = KafkaSettings(bootstrap_servers=endpoints.kafka_bootstrap_servers, topic_prefix="unused.")
    search = await stack.enter_async_context(serving(await environment_of(shop, kafka, database, **more)))
    return World(shop, database, search)


@pytest.fixture
async def world(stack: Endpoints, database_url: str) -> AsyncIterator[World]:
    async with AsyncExitStack() as exits:
        yield await opened(exits, stack, database_url)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shared(stack: Endpoints) -> AsyncIterator[World]:
    """One for all tests that leave nothing behind but what the cache holds."""
    async with AsyncExitStack() as exits:
        yield await opened(exits, stack, await exits.enter_async_context(empty_database(stack)))


@pytest.fixture
async def quiet(shared: World) -> World:
    """The shared one, as if nothing had happened."""
    await shared.shop.control("DELETE", "/_stockx/calls")
    async with shared.database.connection() as connection:
        await connection.execute("TRUNCATE products.stockx_cache; DELETE FROM quota.counters")
    return shared


def counted(status: str) -> float:
    return REGISTRY.get_sample_value("stockx_search_requests_total", {"status": status}) or 0.0


async def test_a_search_answers_as_the_document_shows(quiet: World) -> None:
    before, timed = counted("success"), REGISTRY.get_sample_value("stockx_search_duration_seconds_count") or 0
    told = await quiet.search.call("/search-stockx", query="HQ4276", pageSize=10)
    assert told.status == 200
    assert told.json["products"][0] == {
        "id": SLIDES,
        "brand": "adidas",
        "name": "adidas Reptossage Hook-And-Loop Slides Yu-Gi-Oh! Blue Eyes White Dragon",
        "model": "HQ4276",
        "colorway": "Focus Blue/Cloud White/Glow Blue",
        "releaseDate": "2023-04-01",
        "retailPrice": 55.0,
        "urlKey": "adidas-reptossage-hook-and-loop-slides-yu-gi-oh-blue-eyes-white-dragon",
        "media": {"imageUrl": None, "thumbUrl": None},
    }
    assert told.json["pagination"].keys() == {"total", "page", "pageSize"}
    assert told.json["pagination"]["page"] == 1
    assert told.json["pagination"]["pageSize"] == 10
    assert counted("success") == before + 1
    assert REGISTRY.get_sample_value("stockx_search_duration_seconds_count") == timed + 1


@pytest.mark.parametrize("size", [1, 3, 7])
async def test_small_pages_together_are_one_large_page_and_no_product_stands_on_two(quiet: World, size: int) -> None:
    code = FAMILY[-1]
    every = (await quiet.search.call("/search-stockx", query=code, pageSize=50)).json["products"]
    assert every[0]["model"] == code, "the exact one is in front, though StockX shows popular ones first"
    asked = await quiet.searches()
    pages = range(1, -(-len(every) // size) + 2)
    told = [(await quiet.search.call("/search-stockx", query=code, pageSize=size, page=page)).json for page in pages]
    assert [one for each in told for one in each["products"]] == every
    assert {each["pagination"]["total"] for each in told} == {len(every)}
    assert await quiet.searches() == asked + len(pages), "a request for each page"


async def test_pages_are_those_that_are_asked_for_by_either_name(quiet: World) -> None:
    query = FAMILY[0][:-1]  # no product's own code, but the beginning of several
    every = (await quiet.search.call("/search-stockx", query=query, pageSize=50)).json
    total = every["pagination"]["total"]
    assert total == len(every["products"]) > 4
    first = (await quiet.search.call("/search-stockx", query=query, pageSize=2)).json
    second = (await quiet.search.call("/search-stockx", query=query, pageSize=2, page=2)).json
    also = (await quiet.search.call("/search-stockx", query=query, pageSize=2, pageNumber=2)).json
    assert [*first["products"], *second["products"]] == every["products"][:4]
    assert second == also
    assert second["pagination"] == {"total": total, "page": 2, "pageSize": 2}


async def test_an_exact_style_id_stands_before_stockx_s_first_hit(quiet: World) -> None:
    for model in (*FAMILY, "hq 4276", "DD1391-100"):
        (only,) = (await quiet.search.call("/search-stockx", query=model, pageSize=1)).json["products"]
        assert only["model"].replace("-", "") == model.upper().replace("-", "").replace(" ", "")


async def test_a_gtin_and_a_keyword_find_products_too(quiet: World) -> None:
    details = (await quiet.search.call(f"/stockx/{PANDA}")).json
    gtin = next(gtin for size in details["sizes"] for gtin in size["gtins"])
    for query, found in ((gtin, PANDA), ("white dragon slides", SLIDES)):
        told = (await quiet.search.call("/search-stockx", query=query)).json
        assert told["products"][0]["id"] == found, query


async def test_what_is_asked_wrongly_is_422(quiet: World) -> None:
    for query in WRONG:
        told = await quiet.search.call("/search-stockx", **query)
        assert told.status == 422, query
        assert told.headers["Content-Type"] == "application/problem+json"
    assert await quiet.searches() == 0


async def test_no_query_is_an_error_of_ours(quiet: World) -> None:
    for query in HOSTILE:
        for path in ("/search-stockx", "/search"):
            told = await quiet.search.call(path, query=query, pageSize=1)
            assert told.status == (400 if "\0" in query else 200), (path, query, told.json)
        told = await quiet.search.call(f"/skus/{quote(query, safe='')}")
        assert told.status in {400, 404, 422}, (query, told.json)
    assert (await quiet.search.call("/search-stockx", query="HQ4276", page=10**30)).status == 422
    assert (await quiet.search.call("/search-stockx", query="HQ4276", page=10**6)).json["products"] == []
    assert (await quiet.search.call(f"/stockx/{PANDA}", currencyCode="XXX")).status == 422, "no currency of StockX"


async def test_the_longest_query_is_taken_and_nothing_found_is_an_empty_page(quiet: World) -> None:
    before = counted("not_found")
    told = await quiet.search.call("/search-stockx", query="z" * 100)
    assert told.json == {"products": [], "pagination": {"total": 0, "page": 1, "pageSize": 10}}
    assert counted("not_found") == before + 1


async def test_only_users_may_search_and_each_so_often(stack: Endpoints, database_url: str) -> None:
    async with AsyncExitStack() as exits:
        world = await opened(exits, stack, database_url, searches_a_minute="3")
        for path in ("/search-stockx", "/search", f"/stockx/{SLIDES}", "/skus/HQ4276"):
            told = await world.search.call(path, user=None, query="HQ4276")
            assert told.status == 401
            assert told.headers["WWW-Authenticate"].startswith("Bearer")
        for left in (2, 1, 0):
            told = await world.search.call("/search-stockx", query="HQ4276")
            assert told.status == 200
            assert f"r={left}" in told.headers["RateLimit"]
        told = await world.search.call("/search-stockx", query="HQ4276")
        assert told.status == 429
        assert int(told.headers["Retry-After"]) >= 1
        other = await world.search.call("/search-stockx", user="another", query="HQ4276")
        assert other.status == 200
        assert await world.searches() == 4


async def test_whatever_stockx_fails_with_is_502(world: World) -> None:
    for fault in FAULTS:
        before = counted("error")
        await world.shop.control("DELETE", "/_faults")
        await world.fault(path=SEARCH, **fault)
        told = await world.search.call("/search-stockx", query="HQ4276")
        assert told.status == 502, fault
        assert told.json["detail"] == "Failed to retrieve search results from StockX."
        assert counted("error") == before + 1
        if fault.get("retry_after"):
            assert 0 < int(told.headers["Retry-After"]) <= 30


async def test_what_cannot_be_read_is_kept_for_the_dead_letters(world: World) -> None:
    for path in (SEARCH, f"*/catalog/products/{PANDA}"):
        await world.fault(kind="garbage", path=path, count=1)
    for _ in range(2):
        await world.search.call("/search-stockx", query="HQ4276")
        await world.search.call(f"/stockx/{PANDA}")
    async with world.database.connection() as connection:
        rows = await connection.fetch("SELECT service, account, route, raw FROM unreadable.answers ORDER BY route")
    assert [row["route"] for row in rows] == ["GET /catalog/products/{productId}", "GET /catalog/search"]
    assert all((row["service"], row["account"]) == ("product_search", "acme") and row["raw"] for row in rows)


async def test_the_log_has_the_documents_lines(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        await world.search.call("/skus/HQ4276")
    await world.search.call("/skus/ZZ0000-999")
    trouble: tuple[dict[str, Any], ...] = (
        {"kind": "unauthorized", "count": 1},
        {"kind": "timeout", "delay": 2},
        {"kind": "rate_limited", "retry_after": 30},
    )
    for number, spec in enumerate(trouble):
        await world.shop.control("DELETE", "/_faults")
        await world.fault(path=SEARCH, **spec)
        await world.search.call("/search-stockx", query=f"FB9922-10{number}")
    lines = capsys.readouterr().out
    for line in (
        "Received request to search StockX catalog",
        "Cache hit for SKU: HQ4276",
        "Product not found on StockX: ZZ0000-999",
        "StockX authentication failed, refreshing token...",
        "StockX API timeout",
        "StockX API error",
        "Rate limit hit, retrying after 30s",
        "StockX catalog search failed",
    ):
        assert line in lines, line


async def test_the_limits_are_those_of_all_services_that_ask_stockx(world: World) -> None:
    assert (await world.search.call("/search-stockx", query="HQ4276")).status == 200
    async with world.database.connection() as connection:
        used = await connection.fetchval("SELECT used[1] FROM quota.counters WHERE name = 'stockx.requests'")
        await connection.execute("SELECT quota.close('stockx.requests', interval '1 hour')")  # another was told 429
    assert used == 1
    assert (await world.search.call("/search-stockx", query="HQ4276")).headers["Cache-Status"]
    told = await world.search.call("/search-stockx", query="FB9922-101")
    assert told.status == 503
    assert 3500 < int(told.headers["Retry-After"]) <= 3600
    assert await world.searches() == 1


async def test_the_last_requests_of_a_day_are_left_to_commands(world: World) -> None:
    async with world.database.connection() as connection:
        await connection.execute("SELECT quota.take('stockx.requests', 1000000, '1 day', 1, '{999000}')")
    told = await world.search.call("/search-stockx", query="HQ4276")
    assert told.status == 503
    assert "kept for others" in told.json["detail"]
    assert await world.searches() == 0
    told = await world.search.call(f"/stockx/{PANDA}")
    assert told.status == 503
    assert (await world.shop.control("GET", "/_stockx/calls"))["total"] == 0


async def test_an_open_circuit_asks_nothing(stack: Endpoints, database_url: str) -> None:
    async with AsyncExitStack() as exits:
        world = await opened(exits, stack, database_url, api__circuit_failures="3")
        await world.fault(kind="outage", path=SEARCH)
        assert (await world.search.call("/search-stockx", query="HQ4276")).status == 502
        asked = await world.searches()
        told = await world.search.call("/search-stockx", query="HQ4276")
        assert told.status == 502
        assert 0 < int(told.headers["Retry-After"]) <= 60
        assert await world.searches() == asked


def test_stockx_is_asked_as_its_document_says() -> None:
    settings = ServiceConfig.model_fields["api"].default
    assert (settings.timeout_seconds, settings.circuit_failures, settings.circuit_open_seconds) == (10.0, 5, 60.0)
    assert ServiceConfig.model_fields["cache"].default == timedelta(days=7)


async def test_a_style_code_is_known_for_seven_days_and_longer_when_stockx_is_away(world: World) -> None:
    first = await world.search.call("/skus/HQ-4276")
    assert first.json["stockxProductId"] == SLIDES
    assert not first.json["cached"]
    again = await world.search.call("/skus/hq4276")
    assert again.json["cached"]
    assert again.json["product"] == first.json["product"]
    assert await world.searches() == 1
    async with world.database.connection() as connection:
        await connection.execute("UPDATE products.stockx_cache SET found_at = now() - interval '7 days 1 minute'")
    assert not (await world.search.call("/skus/HQ4276")).json["cached"], "after seven days StockX is asked again"
    assert await world.searches() == 2
    async with world.database.connection() as connection:
        await connection.execute("UPDATE products.stockx_cache SET found_at = now() - interval '30 days'")
    await world.fault(kind="timeout", delay=3, path=SEARCH)
    old = await world.search.call("/skus/HQ4276")
    assert (old.status, old.json["stockxProductId"], old.json["cached"]) == (200, SLIDES, True)
    page = await world.search.call("/search-stockx", query="HQ4276")
    assert [each["id"] for each in page.json["products"]] == [SLIDES]
    assert "hit" in page.headers["Cache-Status"]
    assert (await world.search.call("/skus/FB9922-101")).status == 502, "what was never found cannot be told"
    for kind in ("unauthorized", "blocked", "garbage"):
        await world.shop.control("DELETE", "/_faults")
        await world.fault(kind=kind, path=SEARCH)
        old = await world.search.call("/skus/HQ4276")
        assert (old.status, old.json["cached"]) == (200, True), kind
        page = await world.search.call("/search-stockx", query="HQ4276")
        assert [each["id"] for each in page.json["products"]] == [SLIDES], kind


async def test_a_code_that_stockx_does_not_have_is_404_and_no_neighbour_is_taken_for_it(quiet: World) -> None:
    for sku in ("CUSTOM-001", "DD1391-999", "HQ4277"):
        told = await quiet.search.call(f"/skus/{sku}")
        assert told.status == 404, told.json
        assert told.json["detail"] == f"StockX Product not found for SKU: {sku}"
    assert (await quiet.search.call("/skus/---")).status == 422


async def test_full_details_have_every_size_with_its_prices(quiet: World) -> None:
    told = (await quiet.search.call(f"/stockx/{PANDA}", currencyCode="EUR")).json
    assert (told["id"], told["model"], told["currencyCode"]) == (PANDA, "DD1391-100", "EUR")
    assert len(told["sizes"]) > 10
    nine = next(each for each in told["sizes"] if each["size"] == "9")
    assert {"us m", "uk", "eu"} & nine["sizes"].keys()
    asked = [each for each in told["sizes"] if each["lowestAsk"] is not None]
    assert asked
    assert all(each["highestBid"] is None or each["highestBid"] < each["lowestAsk"] for each in asked)
    assert told["historicalSales"] is None, "StockX tells none"
    assert (await quiet.search.call("/stockx/none-such")).status == 404


async def test_all_marketplaces_are_searched_at_once(quiet: World) -> None:
    told = (await quiet.search.call("/search", query="HQ4276")).json
    assert told["errors"] == {}
    assert told["stockx"]["products"][0]["model"] == "HQ4276"
    assert told["goat"]["products"][0]["retailPrice"] == 55.0
    assert told["klekt"]["products"][0]["currency"] == "EUR"
    assert "HQ4276" in told["ebay"]["products"][0]["name"]
    assert told["ebay"]["products"][0]["price"] > 0


async def test_a_style_code_s_product_stands_first_wherever_it_is_sold(quiet: World) -> None:
    wide = (await quiet.search.call("/search", query=FAMILY[0], pageSize=50)).json
    sold = {shop: [each["model"].replace(" ", "-") for each in wide[shop]["products"]] for shop in ("goat", "klekt")}
    last = next(model for model in sold["goat"][::-1] if model in FAMILY)
    told = (await quiet.search.call("/search", query=last, pageSize=1)).json
    assert [each["model"] for each in told["stockx"]["products"]] == [last]
    assert [each["model"].replace(" ", "-") for each in told["goat"]["products"]] == [last]
    if last in sold["klekt"]:
        assert [each["model"] for each in told["klekt"]["products"]] == [last]


async def test_one_marketplace_that_fails_or_is_slow_spoils_no_other(world: World) -> None:
    await world.fault("goat", kind="outage")
    await world.fault("klekt", kind="timeout", delay=10)
    await world.fault(kind="garbage", path=SEARCH)
    told = await world.search.call("/search", query="HQ4276")
    assert told.status == 200
    assert (told.json["stockx"], told.json["goat"], told.json["klekt"]) == (None, None, None)
    assert told.json["ebay"]["products"]
    assert told.json["errors"].keys() == {"stockx", "goat", "klekt"}


async def test_marketplaces_without_access_are_told_so_and_secrets_are_kept_sealed(
    stack: Endpoints, database_url: str
) -> None:
    async with AsyncExitStack() as exits:
        world = await opened(exits, stack, database_url, goat="", klekt="", ebay="")
        told = (await world.search.call("/search", query="HQ4276")).json
        assert told["errors"] == dict.fromkeys(("goat", "klekt", "ebay"), "not configured")
        assert told["stockx"]["products"]
        secret = (await world.shop.control("GET", "/_accounts"))["stockx"]["client_secret"].encode()
        async with world.database.connection() as connection:
            rows = await connection.fetch("SELECT key, encrypted_value FROM core.system_config")
        kept = {row["key"]: row["encrypted_value"] for row in rows}
        assert kept.keys() == {
            "stockx_client_secret",
            "stockx_api_key",
            "stockx_access_token/acme",
            "stockx_refresh_token/acme",
        }
        assert all(secret not in value for value in kept.values())


async def test_the_api_is_described(quiet: World) -> None:
    async with quiet.search.http.get(f"{quiet.search.base}/openapi.json") as answer:
        document = await answer.json()
    parameters = {
        each["name"]: each for each in document["paths"]["/api/v1/products/search-stockx"]["get"]["parameters"]
    }
    assert parameters.keys() == {"query", "page", "pageNumber", "pageSize"}
    assert parameters["query"]["required"]
    assert parameters["query"]["schema"]["maxLength"] == 100
