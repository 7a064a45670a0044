"""Drafts become StockX listings, by stockx_poller's commands: once, whatever dies."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from libs.bus.publisher import Publisher
from libs.bus.settings import KafkaSettings
from libs.read_models.entities import read_model
from schemas.entities import BY_COLLECTION
from tests.ebay_account import QUICK
from tests.integration.running_catalog import Catalog, catalog, example
from tests.integration.running_publisher import WORKER, publisher_service
from tests.integration.test_publisher import ENTITIES, approve, job_is, job_of, killed_at_the_end, lock_of
from tests.integration.test_stockx_poller import World, prepared
from tests.projecting import projecting, scalar, until
from tests.stockx_polling import KEY, SECRETS_KEY, USER, environment_of, serving

ACCOUNT = {"channel": "stockx", "market": "US", "account": "acme", "user_id": USER}


@dataclass
class Shop:
    """StockX with a poller, the catalog, and the settings of a publisher."""

    world: World
    api: Catalog
    environment: dict[str, str]

    async def draft(self, variant: str, price: int) -> int:
        payload = {"title": "Nike Dunk Low Panda", "quantity": 1, "variantId": variant}
        prices = {f"{name}PriceUsd": price for name in ("suggested", "min", "max")}
        fields = {**example("listingDrafts"), "channel": "stockx", "market": "US", "payloadJson": payload, **prices}
        number = await self.api.create("listingDrafts", **fields)
        await approve(self.api, number)
        return number


@pytest.fixture
async def shop(kafka: KafkaSettings, publisher: Publisher, database_url: str) -> AsyncIterator[Shop]:
    async with AsyncExitStack() as stack:
        world = await prepared(stack, kafka, publisher, database_url)
        poller = await stack.enter_async_context(serving(await environment_of(world.shop, kafka, world.database)))
        for name in ENTITIES:
            model = read_model(BY_COLLECTION[name])
            await stack.enter_async_context(projecting(model, kafka, publisher, world.database))
        api = await stack.enter_async_context(catalog(database_url, kafka, secrets=SECRETS_KEY))
        await api.create("unifiedProducts")
        # Drafts lead to jobs in this process; the jobs are done in the one that is killed.
        await stack.enter_async_context(
            publisher_service(database_url, kafka, SECRETS_KEY, world.shop, workers=("consumer",))
        )
        environment = {
            "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
            "KAFKA_TOPIC_PREFIX": kafka.topic_prefix,
            "DATABASE_URL": database_url,
            "SELLSTREAM_SECRETS_KEYS": SECRETS_KEY,
            "SELLING_ACCOUNTS": json.dumps([ACCOUNT]),
            "SELLING_STOCKX_COMMANDS": json.dumps({**QUICK, "base_url": poller.url}),
            "SELLING_STOCKX_JWT_KEY": KEY,
            **{name.upper(): str(value) for name, value in WORKER.items()},
        }
        yield Shop(world, api, environment)


async def test_from_an_approval_to_a_sell_listing_once_whatever_is_killed_where(shop: Shop) -> None:
    world, drafts = shop.world, list[int]()

    async def taken(count: int) -> bool:
        return await scalar(world.database, "SELECT count(*) FROM stockx_poller.operations") == count

    async def waits() -> bool:
        waiting = """
            SELECT count(*) > 0 FROM pg_stat_activity
            WHERE datname = current_database() AND application_name = 'publisher' AND wait_event_type = 'Lock'
        """
        return bool(await scalar(world.database, waiting))

    async def accepted(count: int) -> bool:
        return len(await world.truth()) == count

    async with killed_at_the_end(shop.environment):
        drafts.append(await shop.draft(world.variants[0], 150))
        await until(lambda: taken(1), "StockX is asked; nobody has heard what became of it")
    async with AsyncExitStack() as stack, killed_at_the_end(shop.environment):
        await until(job_is(shop.api, drafts[-1], "completed"), f"draft {drafts[-1]} is published", 60)
        await stack.enter_async_context(lock_of(world.database, "sell_listings"))
        drafts.append(await shop.draft(world.variants[1], 151))
        await until(lambda: accepted(2), "StockX has the listing", 60)
        await until(waits, "it is about to be written down", 60)
    async with killed_at_the_end(shop.environment):
        await until(job_is(shop.api, drafts[-1], "completed"), f"draft {drafts[-1]} is published", 60)

        truth = await world.truth()
        assert sorted((one["amount"], one["status"]) for one in truth.values()) == [
            ("150", "ACTIVE"),
            ("151", "ACTIVE"),
        ], "each is there once"
        rows = (await shop.api.all_rows("sellListings")).values()
        assert {row["channelItemId"]: row["sellPriceUsd"] for row in rows} == {
            listing_id: f"{one['amount']}.00" for listing_id, one in truth.items()
        }
        for number in drafts:
            assert (await job_of(shop.api, number))["attempts"] == 1
            assert (await shop.api.get(f"/listingDrafts/{number}")).json["status"] == "published"
        matches: list[dict[str, Any]] = (await shop.api.get("/productMatches")).json["productMatches"]
        assert {match["entityId"] for match in matches} == {row["sellListingId"] for row in rows}
        ended = "SELECT count(*) FROM read_models.listing_operations WHERE status = 'succeeded'"

        async def all_succeeded() -> bool:
            return await scalar(world.database, ended) == len(drafts)

        await until(all_succeeded, "one operation of StockX for each draft, and no more")
        assert await taken(len(drafts))

        refused = await shop.draft("none-such", 160)
        await until(job_is(shop.api, refused, "failed"), "StockX refuses it", 60)
        row = (await shop.api.get(f"/listingDrafts/{refused}")).json
        assert (row["status"], "StockX refuses it" in row["errorMessage"]) == ("draft", True), row["errorMessage"]
