"""What product_search and market_data are told and cannot read is in their own dead letters, with its bytes, once."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from libs.bus.dead_letter import DeadLetter, DeadLetters
from libs.bus.publisher import Publisher
from libs.bus.settings import KafkaSettings
from libs.bus.tail import read_tail
from libs.db.migrate import migrate
from libs.db.pool import Database
from libs.products.unreadable import UnreadableAnswers, route_header
from libs.projection.live_build import open_live
from libs.read_models import READ_MODELS
from schemas.topics import dead_letter_topic
from tests import market_data_running, product_searching
from tests.facts import publish, stock_item
from tests.integration.running_sandbox import Sandbox, sandbox
from tests.projecting import projecting, until

PANDA = "5e6a1e57-1c7d-435a-82bd-5666a13560fe"


@dataclass
class World:
    """What a test works with."""

    shop: Sandbox
    database: Database
    kafka: KafkaSettings
    publisher: Publisher

    async def garbage(self, marketplace: str, path: str | None = None) -> None:
        spec = {"marketplace": marketplace, "kind": "garbage", "count": 1} | ({"path": path} if path else {})
        await self.shop.control("POST", "/_faults", spec)

    async def letters(self, service: str, many: int) -> dict[tuple[str, str], DeadLetter]:
        """A service's dead letters by marketplace and route, once there are so many."""
        found: list[DeadLetter] = []

        async def so() -> bool:
            everything: dict[str, Any] = {"since": datetime(1970, 1, 1, tzinfo=UTC), "most_per_partition": 1_000}
            topic = dead_letter_topic(service)
            found[:] = [DeadLetter.of(each, service) async for each in read_tail(self.kafka, topic, **everything)]
            return len(found) >= many

        await until(so, f"{service} has {many} dead letters")
        assert len(found) == many
        return {(one.topic, dict(one.record.headers)[route_header(one.topic)].decode()): one for one in found}


@pytest.fixture
async def world(kafka: KafkaSettings, publisher: Publisher, database_url: str) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(Database(database_url, application="tests", most=10))
        await migrate(database)
        for name in ("inventory", "listings", "market_data", "orders", "recorded_sales"):
            await open_live(database, READ_MODELS[name], set())
        shop = await stack.enter_async_context(
            sandbox(stockx_limited=False, stockx_products=10, stockx_orders=0, notion_sales=2)
        )
        yield World(shop, database, kafka, publisher)


async def test_of_product_search(world: World) -> None:
    environment = await product_searching.environment_of(world.shop, world.kafka, world.database)
    async with product_searching.serving(environment) as service:
        for marketplace in ("goat", "klekt"):
            await world.garbage(marketplace)
        for _ in range(2):
            await world.garbage("stockx", "/v2/catalog/search")
            assert (await service.call("/search-stockx", query="HQ4276")).status == 502
        assert (await service.call("/search", query="HQ4276")).status == 200
        found = await world.letters("product_search", 3)
    assert {marketplace for marketplace, _ in found} == {"stockx", "goat", "klekt"}
    letter = found["stockx", "GET /catalog/search"]
    assert (letter.record.key, letter.error_class, letter.partition) == (b"acme", "contract", -1)
    assert letter.record.value, "the bytes as they came"


async def test_one_bad_entry_of_a_page_spoils_no_other_and_is_kept_alone(world: World) -> None:
    good, bad = {"id": "k1", "name": "Dunk", "sku": "DD1391-100"}, {"id": "k2", "price": {"not": "a number"}}

    async def klekt(_request: web.Request) -> web.Response:
        return web.json_response({"products": [bad, good], "total": 2})

    app = web.Application()
    app.router.add_get("/products", klekt)
    async with TestServer(app) as server:
        told = json.dumps({"base_url": str(server.make_url("/"))})
        environment = await product_searching.environment_of(world.shop, world.kafka, world.database, klekt=told)
        async with product_searching.serving(environment) as service:
            found = (await service.call("/search", query="DD1391-100")).json["klekt"]
            assert [each["id"] for each in found["products"]] == ["k1"]
            (letter,) = (await world.letters("product_search", 1)).values()
    assert letter.topic == "klekt"
    assert json.loads(letter.record.value or b"") == bad


async def test_of_market_data(world: World) -> None:
    async with projecting(READ_MODELS["stock_items"], world.kafka, world.publisher, world.database):
        panda = stock_item(1).model_copy(update={"sku": "DD1391-100", "told_sku": "DD1391-100", "size": "10"})
        await publish(world.publisher, panda)
        environment = await market_data_running.environment_of(world.shop, world.kafka, world.database)
        async with market_data_running.serving(environment) as service:
            await world.garbage("goat")
            await world.garbage("notion")

            async def there() -> bool:
                async with world.database.connection() as connection:
                    return bool(await connection.fetchval("SELECT count(*) FROM read_models.stock_items"))

            await until(there, "the stock is known")
            await service.ended(await service.start("market_data"))
            await world.garbage("stockx", f"*/{PANDA}/market-data")
            await service.ended(await service.start("market_data"))
            await service.ended(await service.start("notion_sales"))
            found = await world.letters("market_data", 3)
    assert {marketplace for marketplace, _ in found} == {"stockx", "goat", "notion"}
    assert found["stockx", "GET /catalog/products/{productId}/market-data"].record.value


async def test_whichever_replica_takes_it_an_answer_is_put_there_once(world: World) -> None:
    letters = DeadLetters(world.kafka, world.publisher, "market_data")
    replicas = [UnreadableAnswers(world.database, letters, "market_data") for _ in range(3)]
    answers = [("GET /catalog", f"<{number}>".encode(), "it is no JSON") for number in range(20)]
    for replica in replicas:
        await replica.keep("stockx", "acme", answers)
    stop = asyncio.Event()
    working = [asyncio.create_task(replica.work(stop)) for replica in replicas]
    try:
        await until(lambda: _none_waits(world.database), "all are in the dead letters")
    finally:
        stop.set()
        await asyncio.gather(*working)
    everything: dict[str, Any] = {"since": datetime(1970, 1, 1, tzinfo=UTC), "most_per_partition": 1_000}
    found = [each.value async for each in read_tail(world.kafka, dead_letter_topic("market_data"), **everything)]
    assert sorted(found, key=str) == sorted((raw for _, raw, _ in answers), key=str)


async def _none_waits(database: Database) -> bool:
    async with database.connection() as connection:
        return not await connection.fetchval("SELECT count(*) FROM unreadable.answers WHERE raw IS NOT NULL")
