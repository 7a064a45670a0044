"""market_data whole: imports, synchronisations, Notion's sales, reports; on real Kafka, PostgreSQL and HTTP APIs."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from libs.bus.message import Outgoing
from libs.bus.publisher import Publisher
from libs.bus.reader import Partition, extents
from libs.bus.settings import KafkaSettings
from libs.db.migrate import migrate
from libs.db.pool import Database
from libs.jobs import JobQueue
from libs.products.cache import ProductCache
from libs.products.hits import Hit
from libs.projection.live_build import open_live
from libs.read_models import READ_MODELS
from schemas.topics import topics
from services.market_data.config import Timetable
from services.market_data.own_sales import own_sales
from services.market_data.routes import MOST_BYTES
from services.market_data.run import Fate, Item, Kind
from services.market_data.runs import QUEUE, Runs
from services.market_data.schedule import Schedule
from services.sandbox.config import Config as SandboxConfig
from services.sandbox.stockx.goods import product
from tests.facts import order, publish, stock, stock_item
from tests.integration.running_sandbox import Sandbox, sandbox
from tests.market_data_running import environment_of, serving
from tests.projecting import projecting, scalar, until

YUGIOH, PANDA = "fa671f11-b94d-4596-a4fe-d91e0bd995a0", "5e6a1e57-1c7d-435a-82bd-5666a13560fe"
PROJECTED = ("stock_items", "market_data", "recorded_sales", "products")
TABLES = ("inventory", "orders", "listings")
GOODS = "sku,size,quantity,cost,acquired_on\nhq-4276,8.5,2,40.50,2026-01-10\nDD1391-100,10,1,,\n"


@dataclass
class World:
    """What a test works with."""

    shop: Sandbox
    database: Database
    kafka: KafkaSettings
    publisher: Publisher

    async def rows(self, sql: str, *arguments: object) -> list[dict[str, Any]]:
        async with self.database.connection() as connection:
            return [dict(row) for row in await connection.fetch(sql, *arguments)]

    async def becomes(self, count: int, sql: str, seconds: float = 30) -> None:
        """Wait until a query finds so much."""

        async def so() -> bool:
            return await scalar(self.database, sql) == count

        await until(so, f"{count} of {sql}", seconds)


@pytest.fixture
async def world(kafka: KafkaSettings, publisher: Publisher, database_url: str) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(Database(database_url, application="tests", most=20))
        await migrate(database)
        for name in TABLES:
            await open_live(database, READ_MODELS[name], set())
        for name in PROJECTED:
            await stack.enter_async_context(projecting(READ_MODELS[name], kafka, publisher, database))
        shop = await stack.enter_async_context(
            sandbox(stockx_limited=False, stockx_products=40, stockx_orders=3, notion_sales=104)
        )
        yield World(shop, database, kafka, publisher)


async def test_inventory_is_taken_in_and_its_market_recorded_with_a_history(world: World) -> None:
    async with serving(await environment_of(world.shop, world.kafka, world.database)) as service:
        told = await service.ended(await service.take_in(GOODS))
        assert (told["status"], told["counts"]) == ("completed", {"done": 2})
        await world.becomes(2, "SELECT count(*) FROM read_models.stock_items")
        (yugioh,) = await world.rows("SELECT * FROM read_models.stock_items WHERE sku = 'HQ4276'")
        assert (yugioh["told_sku"], yugioh["stockx_product_id"], yugioh["quantity"]) == ("hq-4276", YUGIOH, 2)
        assert (yugioh["user_id"], yugioh["cost_amount"], yugioh["size"]) == ("7", Decimal("40.50"), "8.5")
        assert yugioh["stockx_variant_id"]

        for points in (1, 2):
            told = await service.ended(await service.start("market_data"))
            assert (told["status"], told["total"], told["counts"]) == ("completed", 2, {"done": 2})
            await world.becomes(4 * points, "SELECT count(*) FROM analytics.marketplace_history")
        rows = await world.rows("SELECT * FROM analytics.marketplace_data ORDER BY platform, sku")
        assert [(row["platform"], row["sku"], row["size"]) for row in rows] == [
            ("goat", "DD1391-100", "10"),
            ("goat", "HQ4276", "8.5"),
            ("stockx", "DD1391-100", "10"),
            ("stockx", "HQ4276", "8.5"),
        ]
        quotes = await world.rows("SELECT * FROM read_models.market_data WHERE platform = 'stockx' ORDER BY sku")
        assert [row["product_id"] for row in quotes] == [PANDA, YUGIOH]
        for row in rows:
            ours = row["platform"] == "stockx"
            assert row["total_sales"] == (0 if ours else None), "GOAT tells no number of sales"
            assert ours == (row["last_sale_price"] is None), "StockX tells no last sale, alias does"
        told = await service.call("GET", "/market-data", sku="HQ4276")
        (stockx,) = (each for each in told["markets"] if each["platform"] == "stockx")
        assert len(stockx["history"]) == 2
        truth = await stockx_market(world, str(yugioh["stockx_variant_id"]))
        assert (stockx["lowest_ask"], stockx["highest_bid"]) == truth


async def test_a_product_that_is_not_in_stock_is_asked_about_in_all_its_sizes(world: World) -> None:
    async with serving(await environment_of(world.shop, world.kafka, world.database)) as service:
        run = await service.call("POST", "/market-data/runs", 202, kind="market_data", sku="hq-4276")
        told = await service.ended(run["run_id"])
        assert (told["status"], told["counts"]) == ("completed", {"done": 1})
        assert await scalar(world.database, "SELECT count(*) FROM read_models.stock_items") == 0

        async def recorded() -> bool:
            sizes = "SELECT count(DISTINCT size) FROM read_models.market_data WHERE platform = $1 AND sku = $2"
            return int(str(await scalar(world.database, sizes, "stockx", "HQ4276"))) > 1

        await until(recorded, "its sizes' markets are recorded")
        await service.call("POST", "/market-data/runs", 422, kind="dead_stock", sku="HQ4276")


async def stockx_market(world: World, variant_id: str) -> tuple[str | None, str | None]:
    """What the sandbox's StockX asks and bids for a variant now."""
    now = (await world.shop.control("POST", "/_clock", {"advance_seconds": 0.001}))["now"]
    span = {"variant_id": variant_id, "begin": now, "end": now, "currency": "USD"}
    (told,) = (await world.shop.control("POST", "/_stockx/prices", span))["prices"]
    ask, bid = told["lowest_ask"], told["highest_bid"]
    return None if ask is None else str(ask), None if bid is None else str(bid)


async def test_imported_products_become_products_once_and_wait_for_enrichment(world: World) -> None:
    async with serving(await environment_of(world.shop, world.kafka, world.database)) as service:
        told = await service.ended(await service.take_in("sku,size,quantity\nHQ4276,8.5,1\nDD1391-100,99,1\n"))
        assert told["status"] == "refused"
        assert await scalar(world.database, "SELECT count(*) FROM read_models.products") == 0, "nothing half-imported"

        title = "sku,size,title\nhq-4276,8.5,Slides of ours\nHQ4276,9,\nDD1391-100,10,\n"
        for _ in range(2):
            assert (await service.ended(await service.take_in(title)))["status"] == "completed"
        facts = "SELECT product_id, sku, title, sources, stockx_status, log_partition, log_offset "
        rows = await world.rows(f"{facts} FROM read_models.products ORDER BY product_id")
        assert [(row["product_id"], row["sku"], row["sources"]) for row in rows] == [
            ("DD1391100", "DD1391-100", ["csv"]),
            ("HQ4276", "HQ4276", ["csv"]),
        ]
        assert rows[1]["title"] == "Slides of ours"
        assert {row["stockx_status"] for row in rows} == {"unknown"}, "enrichment finds them by this"
        places = [Partition("products", number) for number in range(topics()["products"].partitions)]
        assert sum(one.end for one in (await extents(world.kafka, places)).values()) == 2, "nothing is told twice"

        told = await service.ended(await service.start("notion_sales"), 60)
        assert told["counts"] == {"done": 104}
        rows = await world.rows(f"{facts} FROM read_models.products WHERE product_id = 'HQ4276'")
        assert rows[0]["sources"] == ["csv", "notion"]
        sold = "SELECT count(DISTINCT sku) FROM read_models.recorded_sales"
        await world.becomes(104, "SELECT count(*) FROM read_models.recorded_sales")
        by_notion = "SELECT count(*) FROM read_models.products WHERE 'notion' = ANY (sources)"
        assert await scalar(world.database, by_notion) == await scalar(world.database, sold)


async def test_one_wrong_row_keeps_the_whole_file_out_and_each_row_is_told_why(world: World) -> None:
    rows = [
        "sku,size,quantity",
        "HQ4276,8.5,1",
        "HQ4276,99,1",
        "CUSTOM-001,9,1",
        "DD1391-100,10,-3",
        "DD1391-100,11,1",
        "dd1391 100,11,2",
    ]
    async with serving(await environment_of(world.shop, world.kafka, world.database)) as service:
        told = await service.ended(await service.take_in("\n".join(rows)))
        assert told["status"] == "refused"
        fates = [(item["number"], item["fate"]) for item in told["items"]]
        assert fates == [
            (1, "checked"), (2, "failed"), (3, "not_on_stockx"), (4, "failed"), (5, "checked"), (6, "failed"),
        ]  # fmt: skip
        details = [item["detail"] for item in told["items"]]
        assert "no size 99" in details[1]
        assert "8.5" in details[1]
        assert "greater than or equal to 0" in details[3]
        assert details[5] == "it is about the same as row 5"
        # What is published after it is there, and it is not.
        await service.ended(await service.take_in(GOODS))
        await world.becomes(2, "SELECT count(*) FROM read_models.stock_items")
        assert await scalar(world.database, "SELECT count(DISTINCT import_id) FROM read_models.stock_items") == 1
        assert "has ended for good" in await service.text("POST", f"/market-data/runs/{told['run_id']}/resume", 409)


async def test_an_accepted_import_whose_worker_died_is_published_whole_by_another(world: World) -> None:
    """The state that a SIGKILL between two publications leaves: everything is decided, one row is out."""
    facts = [stock_item(number) for number in range(3)]
    rows = [
        Item(number, fact.told_sku, json.loads(fact.model_dump_json()), Fate.CHECKED)
        for number, fact in enumerate(facts, 1)
    ]
    runs = Runs(world.database, JobQueue(world.database, QUEUE))
    import_id = str(await runs.start(Kind.INVENTORY_IMPORT, "7", user_id="7", items=rows))
    await runs.begin(import_id)
    await world.publisher.publish(Outgoing(facts[0], id=f"{import_id}:1"))  # and then it died, before it wrote so down
    await world.becomes(1, "SELECT count(*) FROM read_models.stock_items")
    async with serving(await environment_of(world.shop, world.kafka, world.database)) as service:
        told = await service.ended(import_id)
        assert (told["status"], told["counts"]) == ("completed", {"done": 3})
        await world.becomes(3, "SELECT count(*) FROM read_models.stock_items")
        events = "SELECT count(*) FROM read_models.stock_items WHERE starts_with(event_id, $1)"
        assert await scalar(world.database, events, import_id) == 3
        assert await scalar(world.database, "SELECT count(*) FROM read_models.products") == 3
        assert (await world.shop.control("GET", "/_stockx/calls"))["total"] == 0, "nothing was checked anew"


async def test_a_run_waits_for_a_read_model_that_the_projector_has_not_made_yet(world: World) -> None:
    async with serving(await environment_of(world.shop, world.kafka, world.database)) as service:
        await scalar(world.database, "ALTER TABLE read_models.inventory RENAME TO not_yet")
        run_id = await service.start("market_data")
        await world.becomes(1, "SELECT count(*) FROM ops.jobs WHERE last_error ->> 'code' = 'NotMigrated'")
        await scalar(world.database, "ALTER TABLE read_models.not_yet RENAME TO inventory")
        assert (await service.ended(run_id))["status"] == "completed"


def form(content: bytes) -> aiohttp.MultipartWriter:
    """A form with a file, whose length is not told."""

    async def parts() -> AsyncIterator[bytes]:
        for start in range(0, len(content), 2**16):
            yield content[start : start + 2**16]

    written = aiohttp.MultipartWriter("form-data")
    part = written.append(parts())
    part.set_content_disposition("form-data", name="file", filename="goods.csv")
    return written


async def test_files_that_cannot_be_read_and_strangers_get_nothing(world: World) -> None:
    async with serving(await environment_of(world.shop, world.kafka, world.database)) as service:
        assert "unknown columns: colour" in await service.text(
            "POST", "/inventory/import", 422, data="sku,colour\nA1,b"
        )
        assert "not in UTF-8" in await service.text("POST", "/inventory/import", 422, data=b"sku\n\xff\xff")
        assert "NUL" in await service.text("POST", "/inventory/import", 422, data=b"sku,title\nHQ4276,a\0b")
        assert "NUL" in await service.text("GET", "/market-data", 400, sku="HQ4276\0")
        assert "at most" in await service.text("POST", "/inventory/import", 413, data=form(b"0" * (MOST_BYTES + 1)))
        await service.text("POST", "/inventory/import", 401, user=None, data=GOODS)
        await service.text("POST", "/market-data/runs", 401, user=None, kind="market_data")
        import_id = await service.take_in(GOODS)
        await service.text("GET", f"/market-data/runs/{import_id}", 404, user="8")
        assert (await service.ended(import_id))["status"] == "completed"
        assert await scalar(world.database, "SELECT count(*) FROM market.runs") == 1


async def test_a_run_is_stopped_and_goes_on_elsewhere_with_what_is_left(world: World) -> None:
    custom = stock(9, quantity=1).model_copy(update={"part_number": "CUSTOM-001"})
    await publish(world.publisher, *(stock(number, quantity=1) for number in range(3)), custom)
    async with projecting(READ_MODELS["inventory"], world.kafka, world.publisher, world.database):
        await world.becomes(4, "SELECT count(*) FROM read_models.inventory")
    environment = await environment_of(world.shop, world.kafka, world.database)
    async with serving(environment) as service:
        await service.ended(await service.take_in(GOODS))
        await world.becomes(2, "SELECT count(*) FROM read_models.stock_items")
        slow = {"marketplace": "stockx", "kind": "rate_limited", "path": "*/market-data", "retry_after": 30}
        await world.shop.control("POST", "/_faults", {**slow, "count": 1})
        run_id = await service.start("market_data")
        waits = f"SELECT count(*) FROM market.runs WHERE run_id = '{run_id}' AND waits IS NOT NULL"
        await world.becomes(1, waits)
        assert run_id in await service.text("POST", "/market-data/runs", 409, kind="market_data")
        await service.call("POST", f"/market-data/runs/{run_id}/stop", 202)
        told = await service.ended(run_id)
        assert (told["status"], told["waits"]) == ("stopped", None)
        assert told["done"] < told["total"]
    await scalar(world.database, "UPDATE quota.counters SET closed_until = '-infinity'")
    async with serving(environment) as service:
        await service.call("POST", f"/market-data/runs/{run_id}/resume", 202)
        told = await service.ended(run_id)
        assert (told["status"], told["counts"]) == ("completed", {"done": 2, "not_on_stockx": 1})
        again = await service.ended(await service.start("market_data"))
        (missed,) = (item for item in again["items"] if item["fate"] == "not_on_stockx")
        assert (missed["item"], missed["detail"]) == ("CUSTOM-001", "StockX did not have it lately")
        calls = (await world.shop.control("GET", "/_stockx/calls"))["calls"]
        assert calls["GET /catalog/search"] == 3, "each product is looked for once"
    # The SKU of eBay's inventory tells no size: all sizes of that product are recorded.
    count = "SELECT count(DISTINCT size) FROM read_models.market_data WHERE platform = 'stockx' AND sku = 'DD1391-100'"
    await world.becomes(22, count)


async def test_of_stockxs_day_a_synchronisation_leaves_what_is_kept_for_commands(world: World) -> None:
    async with serving(await environment_of(world.shop, world.kafka, world.database)) as service:
        assert (await service.ended(await service.take_in(GOODS)))["status"] == "completed"
        await world.becomes(2, "SELECT count(*) FROM read_models.stock_items")
        asked = (await world.shop.control("GET", "/_stockx/calls"))["total"]
    scarce = json.dumps({"seconds_between_requests": 0.001, "requests_a_day": asked + 5})
    environment = await environment_of(world.shop, world.kafka, world.database, limits=scarce, reserve="5")
    async with serving(environment) as service:
        for kind in ("market_data", "notion_sales", "inventory_import"):
            run_id = await (service.take_in(GOODS) if kind == "inventory_import" else service.start(kind))
            waits = f"SELECT count(*) FROM market.runs WHERE run_id = '{run_id}' AND waits LIKE '%kept for commands'"
            await world.becomes(1, waits)
            assert (await world.shop.control("GET", "/_stockx/calls"))["total"] == asked, kind
            await service.call("POST", f"/market-data/runs/{run_id}/stop", 202)
            assert (await service.ended(run_id))["status"] == "stopped"


async def test_a_product_that_stockx_fails_at_stops_no_synchronisation(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    async with serving(await environment_of(world.shop, world.kafka, world.database)) as service:
        assert (await service.ended(await service.take_in(GOODS)))["status"] == "completed"
        await world.becomes(2, "SELECT count(*) FROM read_models.stock_items")
        outage = {"marketplace": "stockx", "kind": "outage", "path": f"*/{YUGIOH}/market-data", "retry_after": 0}
        await world.shop.control("POST", "/_faults", outage)
        told = await service.ended(await service.start("market_data"))
        assert (told["status"], told["counts"]) == ("completed", {"done": 1, "failed": 1})
        await world.shop.control("DELETE", "/_faults")
        await world.shop.control("POST", "/_faults", {**outage, "kind": "garbage", "retry_after": None})
        told = await service.ended(await service.start("market_data"))
        assert told["counts"] == {"done": 1, "failed": 1}
        routes = await scalar(world.database, "SELECT string_agg(route, ', ') FROM unreadable.answers")
        assert routes == "GET /catalog/products/{productId}/market-data", "kept for the dead letters"
    lines = capsys.readouterr().out
    assert "Market data sync failed for HQ4276" in lines
    assert "Market data synced for 1 items" in lines


async def test_rows_of_one_product_under_two_spellings_lose_no_quantity(world: World) -> None:
    rows = ["sku,size,quantity", "DD1391-100,10,1", "DD1391-1OO,10,2", "DD1391-1OO,11,2"]  # O for 0
    async with serving(await environment_of(world.shop, world.kafka, world.database)) as service:
        assert (await service.ended(await service.take_in(GOODS)))["status"] == "completed"
        cache = ProductCache(world.database)
        known = await cache.find("DD1391-100")
        assert known is not None
        await cache.keep("DD1391-1OO", Hit(known.product, 0.8))
        told = await service.ended(await service.take_in("\n".join(rows)))
        assert told["status"] == "refused"
        assert [item["fate"] for item in told["items"]] == ["checked", "failed", "checked"]
        assert told["items"][1]["detail"] == f"it is about the same as row 1: DD1391-100 is {PANDA}"


async def test_a_size_is_kept_as_stockx_writes_it(world: World) -> None:
    made = (product(SandboxConfig().seed, number) for number in range(40))
    sku = next(each.style_id for each in made if each.kind == "streetwear" and each.style_id)
    async with serving(await environment_of(world.shop, world.kafka, world.database)) as service:
        for size in ("xl", "XL"):
            told = await service.ended(await service.take_in(f"sku,size,quantity\n{sku},{size},2\n"))
            assert told["status"] == "completed", told["items"]
        imports = "SELECT count(*) FROM read_models.stock_items WHERE import_id = '" + told["run_id"] + "'"
        await world.becomes(1, imports)
        assert await scalar(world.database, "SELECT string_agg(size, ',') FROM read_models.stock_items") == "XL"


async def test_sales_in_notion_get_their_real_product_and_land_in_stockx_listings(world: World) -> None:
    new = {"sku": "CUSTOM-001", "size": "us 10", "gross": 10, "sold_on": "2026-06-01", "title": "Own work"}
    unknown = await world.shop.control("POST", "/_notion/pages", new)
    bare = await world.shop.control("POST", "/_notion/pages", {"sku": "HQ4276"})
    await world.shop.control("POST", "/_notion/pages", {**new, "platform": "eBay"})
    async with serving(await environment_of(world.shop, world.kafka, world.database)) as service:
        told = await service.ended(await service.start("notion_sales"), 60)
        assert told["status"] == "completed"
        assert told["counts"] == {"done": 104, "not_on_stockx": 1, "failed": 1}
        fates = {item["item"]: item for item in told["items"]}
        assert fates[unknown["id"]]["fate"] == "not_on_stockx"
        assert fates[bare["id"]]["detail"] == "it has no Gross Sale and no Sale Date"
        await world.becomes(104, "SELECT count(*) FROM platforms.stockx_listings WHERE source = 'notion'")
        rows = await world.rows("SELECT * FROM platforms.stockx_listings ORDER BY sold_at")
        first = rows[0]
        assert (first["stockx_product_id"], first["stockx_order_number"]) == (YUGIOH, "55476797-55376556")
        assert (first["sku"], first["status"], first["currency"]) == ("HQ4276", "sold", "USD")
        assert all(row["stockx_product_id"] and row["stockx_variant_id"] for row in rows if row["size"])

        told = await service.ended(await service.start("notion_sales"))
        assert set(told["counts"]) <= {"failed"}, "nothing has changed"
        (sale,) = await world.rows("SELECT source_id FROM read_models.recorded_sales WHERE sku = 'HQ4276' LIMIT 1")
        gone = str(rows[-1]["id"]).partition(":")[2]
        await world.shop.control("POST", "/_clock", {"advance_seconds": 120})  # Notion tells edits by the minute
        await world.shop.control("PATCH", f"/_notion/pages/{sale['source_id']}", {"gross": 77})
        await world.shop.control("PATCH", f"/_notion/pages/{gone}", {"trashed": True})
        await world.shop.control("PATCH", f"/_notion/pages/{unknown['id']}", {"sku": "DD1391 100"})
        told = await service.ended(await service.start("notion_sales"))
        assert told["counts"]["done"] == 3
        await world.becomes(104, "SELECT count(*) FROM platforms.stockx_listings WHERE source = 'notion'")
        amount = f"SELECT price_amount FROM read_models.recorded_sales WHERE source_id = '{sale['source_id']}'"
        await world.becomes(77, amount)
        assert await scalar(
            world.database, f"SELECT withdrawn FROM read_models.recorded_sales WHERE source_id = '{gone}'"
        )
        mended = f"SELECT product_id, size FROM read_models.recorded_sales WHERE source_id = '{unknown['id']}'"
        assert await world.rows(mended) == [{"product_id": PANDA, "size": "10"}], "as StockX writes it"


async def test_own_orders_are_sales_and_the_weekly_report_is_kept(world: World) -> None:
    async with serving(await environment_of(world.shop, world.kafka, world.database)) as service:
        await service.ended(await service.take_in(GOODS))
        await world.becomes(2, "SELECT count(*) FROM read_models.stock_items")
        (panda,) = await world.rows("SELECT stockx_variant_id FROM read_models.stock_items WHERE sku = 'DD1391-100'")
        sold = order("1-1").model_copy(update={"marketplace": "stockx", "placed_at": datetime.now(UTC)})
        price = sold.lines[0].unit_price.model_copy(update={"amount": Decimal(133), "currency": "USD"})
        line = sold.lines[0].model_copy(
            update={"sku": "DD1391-100", "variation_id": panda["stockx_variant_id"], "unit_price": price}
        )
        ebay = {"marketplace": "ebay", "account": "shop"}
        at_ebay = [
            stock(1, minute=-200 * 24 * 60, quantity=1).model_copy(
                update={**ebay, "sku": sku, "raw": {"product": {"aspects": {"US Shoe Size": [size]}}}}
            )
            for sku, size in (("box-17", "9"), ("box-18", "99"))
        ]
        there = line.model_copy(update={"sku": "box-17", "variation_id": None})
        sold_there = sold.model_copy(update={**ebay, "lines": [there, there]})
        async with (
            projecting(READ_MODELS["orders"], world.kafka, world.publisher, world.database),
            projecting(READ_MODELS["inventory"], world.kafka, world.publisher, world.database),
        ):
            await publish(world.publisher, *at_ebay, sold.model_copy(update={"lines": [line]}), sold_there)
            await world.becomes(2, "SELECT count(*) FROM read_models.orders")
            await world.becomes(2, "SELECT count(*) FROM read_models.inventory")
        async with world.database.connection() as connection:
            sales = await own_sales(connection, ["DD1391-100"])
        assert {(each.marketplace, each.size, each.user_id) for each in sales} == {
            ("stockx", None, None),
            ("ebay", "9", "7"),
        }, "an order of eBay names a SKU, whose part number is the style code"
        assert len(sales) == 3, "two lines of one order are two sales"
        run = await service.ended(await service.start("market_data"))
        (panda_s,) = (each for each in run["items"] if each["item"] == "DD1391-100")
        assert panda_s["detail"] == "4 markets, StockX has no size 99 of it"
        await world.becomes(6, "SELECT count(*) FROM read_models.market_data")
        (row,) = await world.rows(
            "SELECT * FROM analytics.marketplace_data WHERE platform = 'stockx' AND sku = 'DD1391-100' AND size = '10'"
        )
        assert (row["total_sales"], row["last_sale_price"], row["currency"]) == (1, Decimal(133), "USD")

        told = await service.call("GET", "/reports/dead-stock")
        assert [(each["sku"], each["size"], each["dead"]) for each in told["lines"]] == [
            ("HQ4276", "8.5", True),
            ("DD1391-100", "99", True),
            ("DD1391-100", "9", False),
            ("DD1391-100", "10", False),
        ], "what sold at eBay lately is not dead"
        assert (told["pairs"], told["dead_pairs"], told["bound"]) == (5, 3, {"USD": "81.00"})
        page = await service.text("GET", "/reports/dead-stock.html")
        assert "<svg" in page
        assert "Yu-Gi-Oh!" in page
        assert "<script" not in page
        csv = await service.text("GET", "/reports/dead-stock.csv")
        assert csv.splitlines()[1].startswith("HQ4276,8.5,")
        assert (await service.call("GET", "/reports/dead-stock", user="8"))["lines"] == []

        await service.ended(await service.start("dead_stock"))
        (kept,) = (await service.call("GET", "/reports/dead-stock/kept"))["reports"]
        again = await service.call("GET", "/reports/dead-stock", report=kept["report_id"])
        assert again["lines"] == told["lines"]
        assert (await service.call("GET", "/reports/dead-stock/kept", user="8"))["reports"] == []


async def test_of_all_replicas_one_begins_each_moments_run(world: World) -> None:
    runs = Runs(world.database, JobQueue(world.database, QUEUE))
    today = datetime.now(UTC).replace(hour=3, minute=0, second=7, microsecond=0) + timedelta(days=1)

    def at(moment: datetime) -> Schedule:
        kinds = frozenset({Kind.MARKET_DATA})
        return Schedule(world.database, runs, Timetable(), kinds, lambda: moment)

    async with world.database.connection() as connection:
        await connection.execute(
            "INSERT INTO market.runs (run_id, kind, requested_by, status, created_at, ended_at) "
            "SELECT kind || days, kind, '7', 'completed', at, at FROM unnest(ARRAY[89, 91]) AS days, "
            "unnest(ARRAY['notion_sales', 'inventory_import']) AS kind, "
            "LATERAL (SELECT now() - days * interval '1 day') AS ago (at)"
        )
    begun = [run_id for _ in range(3) for run_id in await at(today).look()]
    assert len(begun) == 1, "the moment has its run"
    left = {row["run_id"] for row in await world.rows("SELECT run_id FROM market.runs")}
    assert left == {*begun, "notion_sales89", "inventory_import89", "inventory_import91"}, "old ones are forgotten"
    assert await at(today + timedelta(days=1)).look() == [], "the first one has not ended"
    async with world.database.connection() as connection:
        await connection.execute("UPDATE market.runs SET status = 'completed', ended_at = now()")
    assert await at(today + timedelta(hours=23)).look() == []
    assert len(await at(today + timedelta(days=1)).look()) == 1
    assert await at(today + timedelta(days=2, hours=9)).look() == [], "it is too late for that one"
