"""Two pricing workers: the second joins amid the traffic, the first is killed, and nothing is missing in the end."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from libs.bus.publisher import Publisher
from libs.bus.settings import KafkaSettings
from libs.db.migrate import migrate
from libs.db.pool import Database
from libs.read_models import READ_MODELS
from services.pricing.recompute import live
from tests.integration.running_catalog import Catalog, catalog
from tests.integration.running_pricing import pricing_process
from tests.integration.test_pricing import same_as_the_topics
from tests.projecting import projecting, until


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with Database(database_url, application="tests") as opened:
        await migrate(opened)
        yield opened


async def test_a_worker_that_joins_takes_over_from_one_that_dies(
    database: Database, kafka: KafkaSettings, publisher: Publisher
) -> None:
    numbers = range(1, 25)
    async with (
        catalog(database.url, kafka) as api,
        projecting(READ_MODELS["opportunities"], kafka, publisher, database),
    ):
        await prepared(api, numbers)

        async def opportunities(least: int) -> bool:
            return len(await live(database)) >= least

        async def listed(some: range) -> None:
            for n in some:
                await api.create("sellListings", channelItemId=str(n), sellPriceUsd=2 * n + 5, unifiedProductId=n)

        async with pricing_process(database.url, kafka) as first:
            await listed(range(1, 9))
            await until(lambda: opportunities(8), "the first works alone", 60)
            async with pricing_process(database.url, kafka):
                await listed(range(9, 17))
                await until(lambda: opportunities(16), "both work", 60)
                first.kill()
                written = asyncio.create_task(listed(range(17, 25)))
                await api.post("costRules", {"costRuleId": 1, "feePercent": 0.2, "action": 2})
                await written
                assert len(await same_as_the_topics(kafka, database)) == len(numbers)


async def prepared(api: Catalog, numbers: range) -> None:
    """A rule, and products with an offer each."""
    await api.create("costRules", category="*")
    products = [{"brand": "b", "model": str(n), "title": "t", "ean_upc": str(n), "action": 1} for n in numbers]
    await api.post("unifiedProducts", *products)
    offers = [
        {"supplierName": "s", "productUrl": f"https://shop.example/{n}", "buyCostUsd": n, "action": 1} for n in numbers
    ]
    await api.post("buyOffers", *offers)
    match = {"entityType": "buy", "confidence": 1, "matchMethod": "sku", "action": 1}
    await api.post("productMatches", *({**match, "unifiedProductId": n, "entityId": n} for n in numbers))
