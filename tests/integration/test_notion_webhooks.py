"""A sale written in Notion lands in `platforms.stockx_listings` at once: Notion → gateway → Kafka → market_data."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from libs.bus.message import Outgoing
from libs.bus.publisher import Publisher
from libs.bus.settings import KafkaSettings
from libs.bus.tail import read_tail
from libs.db.migrate import migrate
from libs.db.pool import Database
from libs.projection.live_build import open_live
from libs.read_models import READ_MODELS
from schemas.topics import dead_letter_topic
from schemas.webhooks.webhook_received import WebhookReceivedV1
from tests.integration.running_sandbox import Sandbox, sandbox
from tests.integration.test_webhook_gateway import gateway, log
from tests.market_data_running import environment_of, serving
from tests.projecting import projecting, scalar, until

SECRET = "a-secret-of-the-address"
YUGIOH = "fa671f11-b94d-4596-a4fe-d91e0bd995a0"
SALE: dict[str, Any] = {"sku": "hq 4276", "size": "8.5", "gross": 61, "sold_on": "2026-06-05", "title": "Slides"}
SOLD = "SELECT count(*) FROM platforms.stockx_listings WHERE source = 'notion'"


@dataclass
class World:
    """What a test works with. `token_file`: where the gateway keeps the token of Notion's subscription."""

    shop: Sandbox
    database: Database
    kafka: KafkaSettings
    publisher: Publisher
    token_file: Path

    async def write(self, page_id: str | None = None, **cells: Any) -> str:
        """Somebody writes in Notion's database; the page's id."""
        await self.shop.control("POST", "/_clock", {"advance_seconds": 120})  # Notion tells edits by the minute
        path = "/_notion/pages" + (f"/{page_id}" if page_id else "")
        told = await self.shop.control("PATCH" if page_id else "POST", path, cells)
        return str(told["id"])

    async def becomes(self, value: object, sql: str) -> None:
        async def so() -> bool:
            return await scalar(self.database, sql) == value

        await until(so, f"{value} of {sql}")


@pytest.fixture
async def world(kafka: KafkaSettings, publisher: Publisher, database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    token_file = tmp_path / "notion.token"
    account = {"marketplace": "notion", "account": "sales", "token_file": str(token_file), "path_secret": SECRET}
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(Database(database_url, application="tests", most=20))
        await migrate(database)
        await open_live(database, READ_MODELS["listings"], set())
        await stack.enter_async_context(projecting(READ_MODELS["recorded_sales"], kafka, publisher, database))
        door = await stack.enter_async_context(gateway(kafka, accounts=json.dumps([account])))
        async with door.get("/livez") as answer:
            door_url = answer.url.origin()
        shop = await stack.enter_async_context(
            sandbox(
                stockx_limited=False,
                stockx_products=10,
                stockx_orders=0,
                notion_sales=3,
                notion_target=f"{door_url}/webhooks/notion/sales/{SECRET}",
            )
        )
        yield World(shop, database, kafka, publisher, token_file)


async def test_a_page_is_read_when_notion_tells_that_it_changed(world: World) -> None:
    await world.shop.control("POST", "/_notion/subscribe")
    await until(lambda: _exists(world.token_file), "the subscription's token has come")
    token = (await world.shop.control("GET", "/_accounts"))["notion_webhooks"]["verification_token"]
    assert world.token_file.read_text().strip() == token
    assert not await log(world.kafka), "the key of all proofs goes into no topic"

    async with serving(await environment_of(world.shop, world.kafka, world.database)):
        page_id = await world.write(**SALE)
        await world.becomes(1, SOLD)
        (row,) = await _rows(world.database, "SELECT * FROM platforms.stockx_listings WHERE source = 'notion'")
        assert (row["stockx_product_id"], row["sku"], row["amount"]) == (YUGIOH, "HQ4276", 61)
        assert row["id"] == f"notion:{page_id}"
        await world.write(page_id, gross=77)
        await world.becomes(77, "SELECT price_amount FROM read_models.recorded_sales")
        await world.write(**SALE, platform="eBay")
        await world.write(page_id, trashed=True)
        await world.becomes(0, SOLD)
        await world.write(page_id, trashed=False)
        await world.becomes(1, SOLD)
        runs = await _rows(world.database, "SELECT kind, status, requested_by FROM market.runs")
        assert {(run["kind"], run["requested_by"]) for run in runs} == {("notion_page", "webhook")}
        assert await scalar(world.database, "SELECT count(*) FROM read_models.recorded_sales") == 1


async def test_an_event_makes_one_run_and_every_event_has_a_fate(world: World) -> None:
    def event(topic: str, number: int, subject: str = "page:p1", marketplace: str = "notion") -> Outgoing:
        fact = WebhookReceivedV1(
            marketplace=marketplace,
            account="sales",
            delivery_id=f"event-{number}",
            notification_topic=topic,
            resource=None,
            subject=f"{marketplace}:sales:{subject}",
            body=b"{}",
        )
        return Outgoing(fact)

    for outgoing in (
        event("page.created", 1),
        event("comment.created", 2),
        event("data_source.schema_updated", 3, "data_source:d1"),
        event("order.placed", 4, marketplace="square"),
        event("page.invented", 5),
        event("page.created", 6, "page:p2"),
    ):
        await world.publisher.publish(outgoing)
    async with serving(await environment_of(world.shop, world.kafka, world.database)):
        await world.becomes(2, "SELECT count(*) FROM market.runs WHERE status = 'completed'")
        await world.publisher.publish(event("page.created", 1))
        await world.publisher.publish(
            event("page.created", 7, "page:p3")
        )  # what is told after it is looked at after it
        await world.becomes(3, "SELECT count(*) FROM market.runs WHERE status = 'completed'")
        since = datetime(1970, 1, 1, tzinfo=UTC)
        dead = [
            each
            async for each in read_tail(
                world.kafka, dead_letter_topic("market_data"), since=since, most_per_partition=9
            )
        ]
        assert len(dead) == 1, "the unknown one"
    details = await _rows(world.database, "SELECT detail FROM market.run_items")
    assert all("no sale" in each["detail"] for each in details), "there are no such pages"


async def _exists(file: Path) -> bool:
    return file.exists()


async def _rows(database: Database, sql: str) -> list[dict[str, Any]]:
    async with database.connection() as connection:
        return [dict(row) for row in await connection.fetch(sql)]
