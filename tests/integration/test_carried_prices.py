"""Live repricing whole: a competitor's price → a proposal → the catalog's price → the marketplace's."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from decimal import Decimal
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from libs.bus.message import Outgoing
from libs.bus.publisher import Publisher
from libs.bus.replay import HEADER
from libs.bus.settings import KafkaSettings
from libs.channels.price_jobs import QUEUE
from libs.db.pool import Database
from libs.read_models.entities import read_model
from libs.secrets.keys import new_key
from schemas.entities import BY_COLLECTION
from schemas.market_data.market_data_recorded import MarketDataRecordedV1
from schemas.values import Money
from tests.facts import at
from tests.integration.running_catalog import Catalog, catalog
from tests.integration.running_pricing import pricing
from tests.integration.running_publisher import publisher_service
from tests.integration.running_sandbox import Sandbox, sandbox
from tests.integration.test_publisher import ENTITIES, draft, job_is
from tests.projecting import projecting, scalar, until

KEYS = new_key()
RULE = {"position": "undercut", "distance": {"kind": "amount", "value": "1"}, "minimum_usd": "700", "mode": "live"}


@pytest.fixture
async def made() -> AsyncIterator[Sandbox]:
    async with sandbox(ebay_items=5, ebay_orders=0) as running:
        yield running


@pytest.fixture
async def api(database: Database, kafka: KafkaSettings, publisher: Publisher) -> AsyncIterator[Catalog]:
    async with AsyncExitStack() as stack:
        for name in ENTITIES:
            model = read_model(BY_COLLECTION[name])
            await stack.enter_async_context(projecting(model, kafka, publisher, database))
        opened = await stack.enter_async_context(catalog(database.url, kafka))
        await opened.create("unifiedProducts")
        yield opened


async def ebays_price(made: Sandbox, sku: str) -> str:
    inventory = (await made.control("GET", "/_ebay/inventory?limit=100"))["inventory"]
    (price,) = (
        offer["pricingSummary"]["price"]["value"] for one in inventory for offer in one["offers"] if offer["sku"] == sku
    )
    return str(price)


async def newest(client: TestClient[Any, Any], listing: int) -> dict[str, Any]:
    answer = await client.get(f"/api/v1/pricing/listings/{listing}/proposals")
    proposals = (await answer.json())["proposals"]
    return dict(proposals[0]) if proposals else {"price_usd": None, "carried_at": None, "carry_error": None}


async def test_a_live_price_reaches_the_marketplace_within_its_drafts_limits(api, kafka, database, made):
    async with publisher_service(database.url, kafka, KEYS, made), pricing(database.url, kafka) as client:
        number = await draft(api, "ebay")  # between 749.99 and 849.99 USD
        await until(job_is(api, number, "completed"), "the draft is published")
        assert await ebays_price(made, f"SS-{number}") == "799.99"
        rival = await api.create("sellListings", channel="ebay", channelItemId="rival", sellPriceUsd=790)
        await client.put("/api/v1/pricing/listings/1/repricing-rule", json=RULE)

        async def carried() -> bool:
            return (await newest(client, 1))["carried_at"] is not None

        await until(carried, "the marketplace has the price")
        told = await newest(client, 1)
        assert (told["price_usd"], told["carry_error"]) == ("789.00", None)
        assert await ebays_price(made, f"SS-{number}") == "789.00"
        assert Decimal((await api.get("/sellListings/1")).json["sellPriceUsd"]) == 789

        await api.post("sellListings", {"sellListingId": rival, "sellPriceUsd": 720, "action": 2})

        async def kept_back() -> bool:
            return (await newest(client, 1))["carry_error"] is not None

        await until(kept_back, "a price below the draft's minimum is not carried")
        told = await newest(client, 1)
        assert (told["price_usd"], told["carried_at"]) == ("719.00", None)
        assert "719.00 USD is not within 749.99" in told["carry_error"]
        assert await ebays_price(made, f"SS-{number}") == "789.00"

        await client.delete("/api/v1/pricing/listings/1/repricing-rule")
        await client.put(f"/api/v1/pricing/listings/{rival}/repricing-rule", json=RULE | {"minimum_usd": "715"})
        other = await api.create("sellListings", channel="ebay", channelItemId="another", sellPriceUsd=718)

        async def not_ours() -> bool:
            return "the publisher made no such listing" in ((await newest(client, rival))["carry_error"] or "")

        await until(not_ours, f"a listing that somebody else made is left alone; {other} made it cheaper")


async def test_a_replayed_fact_changes_no_price(
    api: Catalog, kafka: KafkaSettings, database: Database, publisher: Publisher
) -> None:
    def market(ask: int, minute: int) -> MarketDataRecordedV1:
        usd = Money(amount=Decimal(ask), currency="USD")
        return MarketDataRecordedV1(
            platform="stockx", sku="A-2890", product_id="p", updated_at=at(minute), lowest_ask=usd
        )

    async with pricing(database.url, kafka) as client:
        listing = await api.create("sellListings", channel="stockx", sellPriceUsd=900)
        await client.put(f"/api/v1/pricing/listings/{listing}/repricing-rule", json=RULE)
        await publisher.publish(Outgoing(market(750, 1), headers=[(HEADER, b"20261121T120000Z-1")]))
        await publisher.publish(Outgoing(market(880, 2)))

        async def repriced() -> bool:
            return (await newest(client, listing))["price_usd"] is not None

        await until(repriced, "the fact behind the replay is followed")
        proposals = await (await client.get(f"/api/v1/pricing/listings/{listing}/proposals")).json()
        assert [one["price_usd"] for one in proposals["proposals"]] == ["879.00"]

        async def asked() -> bool:
            return await scalar(database, "SELECT count(*) FROM ops.jobs WHERE queue = $1", QUEUE) == 1

        await until(asked, "one price is to be carried")

        # As if it had died behind the fact of the price, before the commit that says so and asks the publisher.
        async with database.connection() as connection:
            await connection.execute("UPDATE pricing.price_proposals SET applied_at = NULL")
            await connection.execute("DELETE FROM ops.jobs WHERE queue = $1", QUEUE)
        await client.put(f"/api/v1/pricing/listings/{listing}/repricing-rule", json=RULE)
        await until(asked, "what was left undone is done when the market is looked at again")
        assert (await newest(client, listing))["applied_at"] is not None
