"""Pricing on real Kafka and PostgreSQL: every input reaches the opportunities, and the topics alone give the same."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from libs.bus.halt import AT_LEAST
from libs.bus.message import Outgoing
from libs.bus.publisher import Publisher
from libs.bus.reader import extents, partitions_of
from libs.bus.replay import HEADER as REPLAYED
from libs.bus.settings import KafkaSettings
from libs.db.pool import Database
from libs.read_models import READ_MODELS
from schemas.exchange_rates.exchange_rates_published import ExchangeRatesPublishedV1
from schemas.market_data.market_data_recorded import MarketDataRecordedV1
from schemas.recorded_sales.recorded_sale_changed import RecordedSaleChangedV1
from schemas.values import Money
from services.pricing.recompute import live, recomputed
from tests.facts import at
from tests.integration.running_catalog import Catalog, catalog
from tests.integration.running_pricing import give_out_partitions_again, pricing, pricing_process
from tests.projecting import projecting, until, until_read

KEY = (1, "amazon", "US")
RUBBISH = 12_000  # more than Faust lets wait for an agent: that must not stop the other agents


@pytest.fixture
async def api(database: Database, kafka: KafkaSettings) -> AsyncIterator[Catalog]:
    async with catalog(database.url, kafka) as opened:
        yield opened


async def documented(api: Catalog) -> None:
    """The document's product, offer and rule, and three listings of it."""
    await api.create("unifiedProducts", attributesJson={"category": "Electronics"})
    await api.create("buyOffers")
    for item, price in (("A", 799.99), ("B", 810.00), ("C", 830.00)):
        await api.create("sellListings", channelItemId=item, sellPriceUsd=price, sellPriceOriginal=price)
    await api.create("productMatches", entityId=1)
    await api.create("costRules")


def holds(api: Catalog, channel: str = "amazon", **wanted: Any) -> Callable[[], Awaitable[bool]]:
    """Whether the opportunity of KEY says so; without anything wanted: whether there is none."""

    async def held() -> bool:
        found = (await api.get("/opportunities", unifiedProductId=1, channel=channel, market="US")).json
        rows = found["opportunities"]
        if not wanted:
            return not rows
        return bool(rows) and all(rows[0][name] == value for name, value in wanted.items())

    return held


async def same_as_the_topics(kafka: KafkaSettings, database: Database) -> dict[Any, Any]:
    """Wait until the live opportunities are those that all topics give; return them."""
    today = datetime.now(UTC).date()
    wanted = await recomputed(kafka, today)

    async def equal() -> bool:
        return await live(database) == wanted

    await until(equal, "the live opportunities are those of the topics", 60)
    return dict(wanted)


async def test_every_input_reaches_the_opportunity(
    api: Catalog, kafka: KafkaSettings, database: Database, publisher: Publisher
) -> None:
    async with pricing(database.url, kafka):
        await documented(api)
        # fees: a fifth of the price is 160.00, and 0.30, 0.16, 0.50, 0.25 besides
        earned = {"estimatedProfitUsd": "-11.22", "roiPercent": "-1.73", "marginPercent": "-1.40"}
        others = {"competitorCount": 2, "avgCompetitorPriceUsd": "820.00", "priceStrategy": "competitive"}
        await until(holds(api, **earned, **others), "the opportunity of the first inputs")

        await api.post("buyOffers", {"buyOfferId": 1, "buyCostUsd": 500, "action": 2})
        await until(holds(api, estimatedProfitUsd="138.78"), "a cheaper offer")
        await api.post("costRules", {"costRuleId": 1, "feePercent": 0.05, "action": 2})
        await until(holds(api, estimatedProfitUsd="218.78"), "a change of the cost rule")
        today = datetime.now(UTC).date()
        later = await api.create("costRules", feePercent=0.10, effectiveFrom=today.isoformat(), effectiveTo=None)
        await until(holds(api, estimatedProfitUsd="178.78"), "a rule that holds from today on")
        over = {"effectiveFrom": "2026-01-18", "effectiveTo": (today - timedelta(days=1)).isoformat()}
        await api.post("costRules", {"costRuleId": later, **over, "action": 2})
        await until(holds(api, estimatedProfitUsd="218.78"), "it ended yesterday: the earlier one holds")
        await api.post("sellListings", {"sellListingId": 1, "sellPriceUsd": 900, "action": 2})
        await until(holds(api, sellPriceUsd="900.00", priceStrategy="premium"), "another price")
        await api.post("sellListings", {"sellListingId": 3, "action": 3})
        await until(holds(api, competitorCount=1, avgCompetitorPriceUsd="810.00"), "a competitor less")
        await api.post("sellListings", {"sellListingId": 1, "currencyOriginal": "MXN", "action": 2})
        rates = {"USD": Decimal("1.10"), "MXN": Decimal(22)}
        fact = ExchangeRatesPublishedV1(source="ecb", day=date(2026, 11, 20), base="EUR", rates=rates, fetched_at=at(0))
        await publisher.publish(Outgoing(fact))
        await until(holds(api, sellPriceUsd="40.00"), "newer rates: 799.99 MXN at 0.05")
        await api.create("costRules", channel="stockx", category="*")
        await api.create("sellListings", channel="stockx", sellPriceUsd=900)
        market = {"platform": "stockx", "sku": "A-2890", "product_id": "p", "updated_at": at(0)}
        await publisher.publish(Outgoing(MarketDataRecordedV1(**market, lowest_ask=Money(amount=880, currency="USD"))))
        await until(holds(api, "stockx", avgCompetitorPriceUsd="880.00"), "what StockX tells of its market")
        await api.post("buyOffers", {"buyOfferId": 1, "isActive": False, "action": 2})
        await until(holds(api), "nowhere to buy, no opportunity")
        await api.post("buyOffers", {"buyOfferId": 1, "isActive": True, "action": 2})
        await until(holds(api, sellPriceUsd="40.00"), "it is back")
        again = MarketDataRecordedV1(**market | {"updated_at": at(1)}, lowest_ask=Money(amount=500, currency="USD"))
        await publisher.publish(Outgoing(again, headers=[(REPLAYED, b"20261121T120000Z-1")]))
        assert len(await same_as_the_topics(kafka, database)) == 2, "what is replayed says nothing new"
        await api.post("productMatches", {"productMatchId": 1, "confidence": 0.7, "action": 2})
        await until(holds(api), "a match that must be reviewed does not count")


async def test_a_restart_goes_on_from_its_tables_and_the_topics_give_the_same(
    api: Catalog, kafka: KafkaSettings, database: Database
) -> None:
    async with pricing(database.url, kafka):
        await documented(api)
        await until(holds(api, estimatedProfitUsd="-11.22"), "the opportunity")
    await api.post("buyOffers", {"buyOfferId": 1, "buyCostUsd": 500, "action": 2})
    before = await extents(kafka, await partitions_of(kafka, ["opportunities"]))
    async with pricing(database.url, kafka):
        await until(holds(api, estimatedProfitUsd="138.78"), "what changed meanwhile; all else is remembered")
        after = await extents(kafka, await partitions_of(kafka, ["opportunities"]))
        assert sum(each.end for each in after.values()) == sum(each.end for each in before.values()) + 1
        assert list(await same_as_the_topics(kafka, database)) == [KEY]


async def test_what_is_no_fact_goes_to_the_dead_letters_and_the_rest_goes_on(
    api: Catalog, kafka: KafkaSettings, database: Database, publisher: Publisher
) -> None:
    await publisher.send("exchange_rates", b"x", b"not a fact", [])
    async with pricing(database.url, kafka):
        await documented(api)
        await until(holds(api, estimatedProfitUsd="-11.22"), "the opportunity")
        found = await extents(kafka, await partitions_of(kafka, ["pricing-dlt"]))
        assert [each.end for each in found.values()] == [1]


async def test_where_nearly_all_is_unreadable_it_halts_until_a_fact_can_be_read(
    api: Catalog, kafka: KafkaSettings, database: Database, publisher: Publisher
) -> None:
    """As when producers are upgraded first: the topic is not drained into the dead letters, and readiness tells it."""

    async def dead() -> int:
        found = await extents(kafka, await partitions_of(kafka, ["pricing-dlt"]))
        return sum(each.end for each in found.values())

    async with pricing(database.url, kafka) as client:

        async def not_ready(reason: str) -> bool:
            answer = await client.get("/readyz")
            return answer.status == 503 and reason in await answer.text()

        halted, recovering = partial(not_ready, "halted"), partial(not_ready, "recovered")
        rubbish = [publisher.send("exchange_rates", b"x", b"of a future version", []) for _ in range(RUBBISH)]
        await asyncio.gather(*rubbish)
        await until(halted, "it halts")
        await give_out_partitions_again(kafka)
        await until(recovering, "the wait keeps nobody from beginning anew", 60)
        await until(halted, "it is halted still: the batch was read again", 60)
        assert await dead() == AT_LEAST, "not one more than it takes to notice"
        await documented(api)
        await until(holds(api, estimatedProfitUsd="-11.22"), "facts of other topics go on")
        await until(halted, "a success ends the halt, and it halts again")
        assert AT_LEAST < await dead() < RUBBISH
    assert await dead() < RUBBISH, "it stops while it waits"


async def test_killed_in_the_middle_and_followed_by_who_stood_by_it_ends_where_the_topics_lead(
    api: Catalog, kafka: KafkaSettings, database: Database, publisher: Publisher
) -> None:
    await api.create("costRules", category="*")
    numbers = range(1, 31)
    products = [{"brand": "b", "model": str(n), "title": "t", "ean_upc": str(n), "action": 1} for n in numbers]
    await api.post("unifiedProducts", *products)
    offers = [
        {"supplierName": "s", "productUrl": f"https://shop.example/{n}", "buyCostUsd": n, "action": 1} for n in numbers
    ]

    async def traffic() -> None:
        await api.post("buyOffers", *offers)
        for n in numbers:
            match = {"unifiedProductId": n, "entityType": "buy", "entityId": n, "confidence": 1, "matchMethod": "sku"}
            await api.post("productMatches", match | {"action": 1})
            await api.create("sellListings", channelItemId=str(n), sellPriceUsd=2 * n + 5, unifiedProductId=n)
        for n in numbers[::3]:
            await api.post("sellListings", {"sellListingId": n, "unifiedProductId": n % 7 + 1, "action": 2})
        await api.post("costRules", {"costRuleId": 1, "feePercent": 0.2, "action": 2})

    # Killed between publishing and its commit, it leaves a fact that only the projector applies.
    async with projecting(READ_MODELS["opportunities"], kafka, publisher, database), AsyncExitStack() as processes:
        start = partial(pricing_process, database.url, kafka)
        written = asyncio.create_task(traffic())
        works = await processes.enter_async_context(start())
        for some in (1, 15):  # killed while it writes: it is somewhere between a batch's beginning and its end

            async def going(process: asyncio.subprocess.Process = works, least: int = some) -> bool:
                assert process.returncode is None, "pricing ended by itself"
                return len(await live(database)) >= least

            await until(going, f"{some} opportunities", 60)
            follows = await processes.enter_async_context(start())
            works.kill()
            works = follows
        await written
        await processes.enter_async_context(start())
        works.terminate()  # perhaps while it recovers its tables
        assert len(await same_as_the_topics(kafka, database)) >= 20


async def test_of_two_one_works_until_its_lock_is_lost_and_begins_anew_when_its_partitions_are_given_out_again(
    api: Catalog, kafka: KafkaSettings, database: Database, publisher: Publisher
) -> None:
    async def lose_the_lock() -> None:
        async with database.connection() as connection:
            sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = $1"
            assert await connection.fetchval(sql, kafka.group("pricing")) >= 1

    # Ended between publishing and its commit, it leaves a fact that only the projector applies.
    async with (
        projecting(READ_MODELS["opportunities"], kafka, publisher, database),
        pricing(database.url, kafka) as works,
        pricing(database.url, kafka) as stands_by,
    ):
        await documented(api)
        await until(holds(api, sellPriceUsd="799.99"), "the opportunity")
        path = "/api/v1/pricing/listings/3"
        rule = {"position": "undercut", "distance": {"kind": "amount", "value": "1"}, "minimum_usd": "780"}
        assert (await stands_by.put(f"{path}/repricing-rule", json=rule)).status == 200

        async def proposed() -> bool:
            return bool((await (await works.get(f"{path}/proposals")).json())["proposals"])

        await until(proposed, "a rule that was given to the other one is found")
        for cost, profit, trouble in (
            ("500", "138.78", partial(give_out_partitions_again, kafka)),
            ("400", "238.78", lose_the_lock),
        ):
            await trouble()
            await api.post("buyOffers", {"buyOfferId": 1, "buyCostUsd": cost, "action": 2})
            await until(holds(api, estimatedProfitUsd=profit), "whoever works now goes on", 60)
        assert list(await same_as_the_topics(kafka, database)) == [KEY]


async def test_the_market_s_intelligence_is_asked_for_by_style_code_and_size(
    kafka: KafkaSettings, database: Database, publisher: Publisher
) -> None:
    usd = partial(Money, currency="USD")
    market = MarketDataRecordedV1(
        platform="stockx",
        sku="HQ4276",
        size="8.5",
        product_id="fa671f11-b94d-4596-a4fe-d91e0bd995a0",
        variant_id="v1",
        lowest_ask=usd(amount=Decimal(150)),
        highest_bid=usd(amount=Decimal(110)),
        updated_at=at(0),
    )
    sold = RecordedSaleChangedV1(
        source="notion",
        source_id="1",
        user_id="1",
        marketplace="stockx",
        sku="HQ4276",
        size="8.5",
        product_id=market.product_id,
        variant_id="v1",
        price=usd(amount=Decimal(140)),
        sold_at=datetime.now(UTC) - timedelta(days=9),
        updated_at=at(0),
    )
    async with AsyncExitStack() as stack:
        for name in ("market_data", "recorded_sales"):
            await stack.enter_async_context(projecting(READ_MODELS[name], kafka, publisher, database))
        client = await stack.enter_async_context(pricing(database.url, kafka))
        await publisher.publish(Outgoing(market))
        await publisher.publish(Outgoing(sold))
        for name in ("market_data", "recorded_sales"):
            await until_read(database, READ_MODELS[name], 1)
        answer = await client.get("/api/v1/pricing/intelligence", params={"sku": "HQ4276", "size": "8.5"})
        told = await answer.json()
        assert answer.status == 200, told
        assert told["stockx_product_id"] == market.product_id
        assert (told["current_lowest_ask"], told["current_highest_bid"]) == ("150", "110")
        assert (told["last_sale_price"], told["total_sales"], told["price_trend"]) == ("140", 1, "stable")
        assert (told["recommended_list_price"], told["expected_sell_days"]) == ("149.99", 90)
        for query, status in (({"sku": "HQ4276", "size": "9"}, 404), ({"sku": ""}, 400), ({}, 400)):
            assert (await client.get("/api/v1/pricing/intelligence", params=query)).status == status


async def test_a_listing_with_a_rule_is_repriced_when_its_market_changes(
    api: Catalog, kafka: KafkaSettings, database: Database
) -> None:
    async with pricing(database.url, kafka) as client:
        await documented(api)
        await until(holds(api, sellPriceUsd="799.99"), "the opportunity")
        path = "/api/v1/pricing/listings/3"
        rule = {"position": "undercut", "distance": {"kind": "amount", "value": "1"}, "minimum_usd": "780"}

        async def proposals() -> list[dict[str, Any]]:
            return list((await (await client.get(f"{path}/proposals")).json())["proposals"])

        assert (await client.get(f"{path}/repricing-rule")).status == 404
        assert (await client.put(f"{path}/repricing-rule", json=rule | {"minimum_usd": None})).status == 400
        assert (await (await client.put(f"{path}/repricing-rule", json=rule)).json())["version"] == 1
        (first,) = await proposals()
        assert (first["mode"], first["current_usd"], first["price_usd"]) == ("test", "830.00", "798.99")
        assert first["explanation"].startswith("The cheapest of 2 competitors (listing 1) asks 799.99 USD")
        details = first["details"]
        assert details["guardrails"] == []
        assert details["rule"]["minimum_usd"] == "780"
        assert (Decimal(details["buy_cost_usd"]), details["cost_rule_id"]) == (650, 1)
        offers = [(one["seller"], Decimal(one["price_usd"])) for one in details["offers"]]
        assert offers == [("listing 1", Decimal("799.99")), ("listing 2", Decimal(810))]
        assert first["applied_at"] is None
        await api.post("sellListings", {"sellListingId": 1, "sellPriceUsd": 700, "action": 2})

        async def again() -> bool:
            return len(await proposals()) == 2

        await until(again, "a proposal for the changed market")
        second = (await proposals())[0]
        assert (second["price_usd"], second["details"]["guardrails"]) == ("780.00", ["minimum"])
        told = await (await client.put(f"{path}/repricing-rule", json=rule | {"mode": "live"})).json()
        assert told["version"] == 2
        row = (await api.get("/sellListings/3")).json
        assert Decimal(row["sellPriceUsd"]) == 780, "in live mode the listing's price is changed"
        assert (await proposals())[0]["applied_at"] is not None
        unworn = rule | {"condition": "new", "fallback_usd": "820"}
        assert (await client.put(f"{path}/repricing-rule", json=unworn)).status == 200
        attributes = {"category": "Electronics", "condition": "used"}
        await api.post("unifiedProducts", {"unifiedProductId": 1, "attributesJson": attributes, "action": 2})

        async def nobody_comparable() -> bool:
            newest = (await proposals())[0]
            return newest["price_usd"] == "820.00" and "(2 of another condition, " in newest["explanation"]

        await until(nobody_comparable, "competitors in another condition count no more")
        assert (await client.put(f"{path}/repricing-rule", json=rule | {"condition": " "})).status == 400
        assert (await client.delete(f"{path}/repricing-rule")).status == 200


async def test_after_a_restart_a_rule_proposes_at_once_and_our_own_listings_do_not_compete(
    api: Catalog, kafka: KafkaSettings, database: Database
) -> None:
    async with pricing(database.url, kafka):
        await documented(api)
        await until(holds(api, sellPriceUsd="799.99"), "the opportunity")
    await api.create("productMatches", entityType="sell", entityId=1, matchMethod="published")
    rule = {"position": "undercut", "distance": {"kind": "amount", "value": "1"}, "minimum_usd": "780"}
    async with pricing(database.url, kafka) as client:
        path = "/api/v1/pricing/listings/3"
        assert (await client.put(f"{path}/repricing-rule", json=rule)).status == 200
        (first,) = (await (await client.get(f"{path}/proposals")).json())["proposals"]
        assert first["price_usd"] == "809.00", "listing 2 asks 810; listing 1 is ours"
