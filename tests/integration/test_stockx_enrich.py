"""`sellstream stockx enrich` whole: as a person runs it, on a real Kafka, PostgreSQL and HTTP API."""

import asyncio
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from libs.bus.publisher import Publisher
from libs.bus.settings import KafkaSettings
from libs.commands.command import Command
from libs.commands.run import Commands
from libs.db.migrate import migrate
from libs.db.pool import Database
from libs.products.merge import Told
from libs.products.telling import telling
from libs.read_models import READ_MODELS
from schemas.entities import BY_COLLECTION
from schemas.entity_documents import example_fact
from services.sandbox.config import Config
from services.sandbox.stockx.catalogue import Catalogue
from tests.facts import NOON
from tests.integration.running_sandbox import Sandbox, sandbox
from tests.product_searching import KEY, ProductSearch, environment_of, serving
from tests.projecting import projecting

PRODUCTS = 24
MORE_THAN_A_PAGE = 540


def at_stockx(products: int) -> dict[str, str]:
    """The ids of so many products of the sandbox, by their style codes."""
    made = Catalogue(Config().seed, products).products.values()
    return {each.style_id: each.id for each in made if each.style_id}


AT_STOCKX = at_stockx(PRODUCTS)


@dataclass
class World:
    """What a test works with."""

    shop: Sandbox
    database: Database
    commands: Commands
    search: ProductSearch

    async def import_skus(self, *skus: str) -> None:
        await self.commands.run(telling([Told(sku, "csv") for sku in skus], NOON))

    async def rows(self) -> dict[str, dict[str, Any]]:
        """The documented table, by SKU."""
        async with self.database.connection() as connection:
            rows = await connection.fetch("SELECT * FROM products.products")
        return {row["sku"]: dict(row) for row in rows}

    async def searches(self) -> int:
        calls = (await self.shop.control("GET", "/_stockx/calls"))["calls"]
        return int(calls.get("GET /catalog/search", 0))

    async def command(self, *arguments: str, **environment: str) -> Process:
        """`sellstream stockx enrich …`, begun."""
        environ = {**os.environ, "PRODUCT_SEARCH_URL": self.search.base, "PRODUCT_SEARCH_JWT_KEY": KEY, **environment}
        program = [sys.executable, "-m", "services.ops.cli", "stockx", "enrich", *arguments]
        return await asyncio.create_subprocess_exec(*program, env=environ, stdout=PIPE, stderr=PIPE)

    async def enrich(self, *arguments: str, **environment: str) -> tuple[int | None, list[str], str]:
        """… to its end: exit status, lines, and what was said on standard error."""
        process = await self.command(*arguments, **environment)
        out, err = await process.communicate()
        return process.returncode, out.decode().splitlines(), err.decode()


@asynccontextmanager
async def opened(kafka: KafkaSettings, publisher: Publisher, database_url: str, products: int) -> AsyncIterator[World]:
    """With so many products at StockX."""
    async with AsyncExitStack() as stack:
        shop = await stack.enter_async_context(sandbox(stockx_limited=False, stockx_products=products, stockx_orders=0))
        database = await stack.enter_async_context(Database(database_url, application="tests"))
        await migrate(database)
        # A lookup that Ctrl-C ends between publishing and its commit leaves a fact that only the projector applies.
        await stack.enter_async_context(projecting(READ_MODELS["products"], kafka, publisher, database))
        commands = await stack.enter_async_context(Commands(database, kafka, publisher, "tests", READ_MODELS))
        search = await stack.enter_async_context(serving(await environment_of(shop, kafka, database)))
        yield World(shop, database, commands, search)


@pytest.fixture
async def world(kafka: KafkaSettings, publisher: Publisher, database_url: str) -> AsyncIterator[World]:
    async with opened(kafka, publisher, database_url, PRODUCTS) as made:
        yield made


async def in_the_catalog(world: World, number: int, model: str) -> None:
    entity = BY_COLLECTION["unifiedProducts"]
    fact = example_fact(entity, number).model_copy(update={"model": model, "ean_upc": str(number)})

    async def work(command: Command) -> None:
        await command.row(READ_MODELS[entity.topic], fact.key())
        command.record(READ_MODELS[entity.topic], fact)

    await world.commands.run(work)


async def test_every_product_learns_its_own_stockx_id_and_the_summary_says_so(world: World) -> None:
    imported = list(AT_STOCKX)[1:]
    await world.import_skus(*imported, "CUSTOM-001")
    await in_the_catalog(world, 1, "hq-4276")
    await in_the_catalog(world, 2, "---")  # no style code: not a product that could be looked for
    total = len(AT_STOCKX) + 1
    status, lines, errors = await world.enrich()
    assert status == 0, errors
    assert lines[0] == f"Found {total} products to enrich"
    assert f"✅ Enriched: DD1391-100 → {AT_STOCKX['DD1391-100']}" in lines
    assert "⚠️  Not found on StockX: CUSTOM-001" in lines
    share = f"{100 * (total - 1) / total:.1f}"
    assert lines[-1] == f"🎉 Enrichment complete! {total - 1}/{total} products enriched ({share}% success rate)"
    assert len(lines) == total + 3
    rows = await world.rows()
    assert {sku: row["stockx_product_id"] for sku, row in rows.items()} == {
        **{sku: AT_STOCKX[sku] for sku in imported},
        "hq-4276": AT_STOCKX["HQ4276"],
        "CUSTOM-001": None,
    }
    slides = rows["hq-4276"]
    assert (str(slides["retail_price"]), slides["release_date"].isoformat()) == ("55", "2023-04-01")
    assert slides["colorway"] == "Focus Blue/Cloud White/Glow Blue"
    assert '"stockx_search_failed": true' in rows["CUSTOM-001"]["metadata"]
    assert '"stockx_status": "not_on_stockx"' in rows["CUSTOM-001"]["metadata"]
    asked = await world.searches()
    assert asked == total

    assert (await world.enrich())[1][0] == "Found 0 products to enrich", "what is known is not asked for again"
    assert await world.searches() == asked
    assert (await world.enrich("--again"))[1][0] == "Found 1 products to enrich", "what StockX did not have, on request"
    assert await world.searches() == asked + 1


async def test_it_is_stopped_by_ctrl_c_and_goes_on_where_it_was(world: World) -> None:
    skus = [sku for sku in AT_STOCKX if sku]
    await world.import_skus(*skus)
    await world.shop.control(
        "POST", "/_faults", {"marketplace": "stockx", "kind": "slow", "path": "/v2/catalog/search", "delay": 0.1}
    )
    process = await world.command()
    assert process.stdout is not None
    async with asyncio.timeout(60):
        while not (await process.stdout.readline()).startswith("✅".encode()):
            continue
    process.send_signal(signal.SIGINT)
    out, err = await process.communicate()
    assert process.returncode == 130, err.decode()
    assert "Run it again to go on" in err.decode()
    assert "complete" not in out.decode()
    await world.shop.control("DELETE", "/_faults")
    status, lines, errors = await world.enrich()
    assert status == 0, errors
    left = int(re.fullmatch(r"Found (\d+) products to enrich", lines[0])[1])  # type: ignore[index]  # it fails if not
    assert 0 < left < len(skus)
    assert lines[-1].endswith(f"{left}/{left} products enriched (100.0% success rate)")
    assert {sku: row["stockx_product_id"] for sku, row in (await world.rows()).items()} == AT_STOCKX
    assert await world.searches() <= len(skus) + 2, "only what was on its way is asked for twice"


async def test_more_products_than_a_page_holds_are_all_enriched_each_once(
    kafka: KafkaSettings, publisher: Publisher, database_url: str
) -> None:
    everything = at_stockx(MORE_THAN_A_PAGE)
    total = len(everything)
    assert total > 500, "a page of pending products"
    async with opened(kafka, publisher, database_url, MORE_THAN_A_PAGE) as world:
        await world.import_skus(*everything)
        status, lines, errors = await world.enrich()
        assert status == 0, errors
        assert lines[0] == f"Found {total} products to enrich"
        assert lines[-1] == f"🎉 Enrichment complete! {total}/{total} products enriched (100.0% success rate)"
        found = sorted(line for line in lines if line.startswith("✅"))
        assert found == sorted(f"✅ Enriched: {sku} → {told}" for sku, told in everything.items()), "each of them, once"
        assert {sku: row["stockx_product_id"] for sku, row in (await world.rows()).items()} == everything


async def test_a_product_that_fails_is_told_and_tried_again_later(world: World) -> None:
    await world.import_skus("HQ4276", "DD1391-100")
    await world.shop.control(
        "POST", "/_faults", {"marketplace": "stockx", "kind": "garbage", "path": "/v2/catalog/search", "count": 1}
    )
    status, lines, _ = await world.enrich()
    assert status == 0
    assert sum(line.startswith("❌ Error enriching ") for line in lines) == 1
    assert lines[-1].endswith("1/2 products enriched (50.0% success rate)")
    status, lines, errors = await world.enrich(PYTHONIOENCODING="latin-1")
    assert lines[0] == "Found 1 products to enrich"
    assert (status, lines[1].startswith(r"\u2705 Enriched: ")) == (0, True), "a terminal without Unicode"
    assert "Traceback" not in errors


async def test_the_last_requests_of_a_day_are_left_to_others(world: World) -> None:
    await world.import_skus("HQ4276")
    async with world.database.connection() as connection:
        spent = await connection.fetchval(
            "SELECT remaining FROM quota.take('stockx.requests', 1000000, '1 day', 1, '{999000}')"
        )
    assert spent <= 1000
    status, _, errors = await world.enrich()
    assert status == 1
    assert "kept for others" in errors
    assert await world.searches() == 0
