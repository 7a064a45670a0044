"""One physical unit on several marketplaces: the first order has it, all listings go off, a second order is flagged."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from libs.bus.message import Outgoing
from libs.bus.publisher import Publisher
from libs.bus.replay import EXTENSION
from libs.bus.settings import KafkaSettings
from libs.commands.live_builds import LiveBuilds
from libs.db.migrate import migrate
from libs.db.pool import Database
from libs.entities.prepared import prepare_tables
from libs.http.openapi import Api
from libs.read_models import READ_MODELS
from schemas.channels import Channel
from schemas.envelope import Envelope
from schemas.orders.order_changed import OrderChangedV2, OrderLine, OrderStatus
from services.interlock.interlocking import Interlock
from services.interlock.reservations import Sale, State, release, reserve
from services.interlock.routes import routes
from tests.facts import NOON, brl, offer, order
from tests.integration.running_catalog import Catalog, catalog
from tests.integration.running_interlock import consuming, interlock_of, working
from tests.projecting import projecting, scalar, until
from tests.selling import Shop


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with Database(database_url, application="tests", most=20) as opened:
        await migrate(opened)
        assert await prepare_tables(LiveBuilds(opened), asyncio.Event())
        yield opened


@dataclass
class Goods:
    """A product on three marketplaces, an interlock, and who tells of orders."""

    api: Catalog
    database: Database
    publisher: Publisher
    interlock: Interlock
    product: int
    shops: dict[str, Shop] = field(default_factory=dict)

    async def told(self, channel: str, number: int, status: OrderStatus = OrderStatus.PAID, minute: float = 0) -> None:
        await self.publisher.publish(Outgoing(sold_at(channel, number, status, minute)))

    async def list_at(self, channel: str, item: str, **changes: Any) -> int:
        if channel in self.shops:
            self.shops[channel].on_sale.add(item)
        listing = {"channel": channel, "channelItemId": item, "unifiedProductId": self.product}
        return await self.api.create("sellListings", **listing | changes)

    async def state(self, key: str) -> str | None:
        return await scalar(self.database, "SELECT state FROM interlock.reservations WHERE order_key = $1", key)  # type: ignore[return-value]  # a text


def sold_at(channel: str, number: int, status: OrderStatus = OrderStatus.PAID, minute: float = 0) -> OrderChangedV2:
    line = OrderLine(item_id=f"{channel}-1", title="One", quantity=1, unit_price=brl("750.00"))
    return order(number, minute, status).model_copy(update={"marketplace": channel, "lines": [line]})


@pytest.fixture
async def goods(database: Database, kafka: KafkaSettings, publisher: Publisher) -> AsyncIterator[Goods]:
    shops = {name: Shop(Channel(name)) for name in ("ebay", "mercadolibre", "amazon")}
    interlock = interlock_of(database)
    async with AsyncExitStack() as stack:
        api = await stack.enter_async_context(catalog(database.url, kafka))
        found = Goods(api, database, publisher, interlock, await api.create("unifiedProducts"), shops)
        for name in shops:
            await found.list_at(name, f"{name}-1")
        await stack.enter_async_context(working(interlock, shops.values()))
        await stack.enter_async_context(consuming(interlock, kafka, publisher))
        yield found


def all_off(goods: Goods) -> Callable[[], Awaitable[bool]]:
    async def off() -> bool:
        return not any(shop.on_sale for shop in goods.shops.values())

    return off


async def test_sold_on_one_marketplace_it_is_taken_off_all_and_a_second_order_is_told_what_to_do(goods: Goods) -> None:
    goods.shops["amazon"].fail = 2  # away for a moment: it is tried again
    offer = await goods.api.create("buyOffers", supplierName="Walmart", buyCostUsd="650.00")
    await goods.api.create("productMatches", unifiedProductId=goods.product, entityId=offer)
    await goods.told("ebay", 1)
    await until(all_off(goods), "every listing is off")
    assert goods.shops["amazon"].calls == ["amazon-1"] * 3

    await goods.told("mercadolibre", 2)
    async with AsyncExitStack() as stack:
        app = web.Application()
        Api("interlock", "0", "", routes=routes(goods.database)).add_to(app)
        server = await stack.enter_async_context(TestServer(app))
        session = await stack.enter_async_context(aiohttp.ClientSession(str(server.make_url("/"))))

        async def asked(path: str) -> Any:
            async with session.get(path) as response:
                return await response.json()

        await until(lambda: is_true(lambda: goods.state("mercadolibre:2"), State.OVERSOLD), "the second is flagged")
        (flagged,) = (await asked("/oversold"))["oversold"]
        assert (flagged["unifiedProductId"], flagged["orderKey"]) == (goods.product, "mercadolibre:2")
        assert flagged["advice"] == (
            f"Order 2 at mercadolibre needs 1 of product {goods.product}, which went to ebay:1. Buy another: Walmart "
            "sells it for 650.00 USD within 3 days (https://www.walmart.com/ip/product/123). Or cancel order 2 at "
            "mercadolibre before its shipping deadline, and tell the buyer."
        )
        await goods.told("ebay", 1, OrderStatus.CANCELLED, 1)
        await until(lambda: is_true(lambda: goods.state("mercadolibre:2"), State.HELD), "the second one has the unit")
        assert (await asked("/oversold"))["oversold"] == []
        standing = await asked(f"/products/{goods.product}")
    assert [(one["orderKey"], one["state"]) for one in standing["orders"]] == [
        ("ebay:1", "released"),
        ("mercadolibre:2", "held"),
    ]
    assert standing["fence"] == 2
    await goods.told("ebay", 1)  # an older state of the cancelled order, late
    await goods.told("ebay", 3)
    await until(lambda: is_true(lambda: goods.state("ebay:3"), State.OVERSOLD), "a third one is flagged, too")
    assert await goods.state("ebay:1") == State.RELEASED


async def is_true(asked: Callable[[], Awaitable[str | None]], expected: str) -> bool:
    return await asked() == expected


async def test_a_listing_that_comes_after_the_sale_is_taken_off_and_replays_take_nothing_off(goods: Goods) -> None:
    replay = Envelope("r", "/t", "t", NOON, "s", "d", extensions={EXTENSION: "20261121-1"})
    await goods.publisher.publish(Outgoing(sold_at("ebay", 1)), cause=replay)
    await goods.told("ebay", 2, OrderStatus.CANCELLED)
    await until(
        lambda: is_true(lambda: goods.state("ebay:2"), State.RELEASED), "what came behind the replay is handled"
    )
    assert await goods.state("ebay:1") is None
    assert all(shop.on_sale for shop in goods.shops.values())
    await goods.told("ebay", 3)
    await until(all_off(goods), "every listing is off")
    await goods.list_at("amazon", "amazon-2")
    await until(all_off(goods), "the late listing is off, too")
    without_account = await goods.list_at("square", "square-1")

    async def told() -> bool:
        error = "SELECT last_error FROM interlock.take_offs WHERE sell_listing_id = $1 AND done_at IS NULL"
        return "no account sells on square in US" in str(await scalar(goods.database, error, without_account))

    await until(told, "an operator sees which listing cannot be taken off, and why")


async def test_every_draft_s_sku_is_tried_and_what_is_told_again_is_taken_off_again(goods: Goods) -> None:
    """Two drafts, one listing: which SKU it stands under, only the marketplace knows."""
    place = {"channel": "amazon", "market": "US", "unifiedProductId": goods.product}
    drafts = [await goods.api.create("listingDrafts", **place) for _ in range(2)]
    for status in ("approved", "published"):
        approved = {"action": 2, "status": status, "approvedBy": "user123", "approvedAt": "2026-01-17T10:00:00Z"}
        assert (await goods.api.post("listingDrafts", *({"id": each, **approved} for each in drafts))).status == 200
    shop = goods.shops["amazon"]
    shop.sku = f"SS-{drafts[0]}"
    await goods.told("ebay", 1)
    await until(all_off(goods), "the listing under the first draft's SKU is off, too")
    rows = await goods.api.all_rows("sellListings")
    (listing,) = [number for number, row in rows.items() if row["channel"] == "amazon"]
    for draft in reversed(drafts):
        shop.sku = f"SS-{draft}"
        shop.on_sale.add("amazon-1")  # a publisher opens it anew, and tells it again
        assert (await goods.api.post("sellListings", {"action": 2, "id": listing})).status == 200
        await until(all_off(goods), "the interlock heard of it")


async def test_a_listing_that_somebody_else_made_is_taken_off_under_the_sku_that_ebay_tells(
    goods: Goods, kafka: KafkaSettings
) -> None:
    """A draft of the product is listed at eBay, too: its SKU is not that of the listing made by hand."""
    shop = goods.shops["ebay"]
    shop.sku = "BY-HAND"
    told = offer(1).model_copy(update={"marketplace": "ebay", "listing_id": "ebay-1", "sku": "BY-HAND"})
    await goods.publisher.publish(Outgoing(told))
    async with projecting(READ_MODELS["offers"], kafka, goods.publisher, goods.database):
        there = "SELECT count(*) FROM read_models.offers"

        async def projected() -> bool:
            return await scalar(goods.database, there) == 1

        await until(projected, "the offer can be read")
        index = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'read_models' AND indexname = 'offers_listing_id'"
        assert "(listing_id)" in str(await scalar(goods.database, index))
        await goods.told("amazon", 1)
        await until(all_off(goods), "all are off, the one made by hand among them")


async def test_a_matched_listing_s_sale_takes_the_other_product_s_listings_off(goods: Goods) -> None:
    other = await goods.api.create("unifiedProducts", ean_upc="4006381333931")
    shop = goods.shops["ebay"]
    sold = await goods.list_at("ebay", "ebay-2", unifiedProductId=other)
    fields = {"unifiedProductId": goods.product, "entityType": "sell", "entityId": sold}
    await goods.api.create("productMatches", **fields, confidence="0.81")
    line = OrderLine(item_id="ebay-2", title="One", quantity=1, unit_price=brl("750.00"))
    await goods.publisher.publish(Outgoing(sold_at("ebay", 1).model_copy(update={"lines": [line]})))
    await until(all_off(goods), "the listings of both products are off")
    assert "ebay-1" in shop.calls


async def test_what_was_to_be_taken_off_under_an_older_fence_stays(goods: Goods) -> None:
    """The sale is over before a marketplace that is away could be told of it: the unit can be bought again."""
    away = goods.shops["amazon"]
    away.fail = 1_000_000
    await goods.told("ebay", 1)

    async def others_are_off() -> bool:
        return not (goods.shops["ebay"].on_sale | goods.shops["mercadolibre"].on_sale) and bool(away.calls)

    await until(others_are_off, "the others are off; amazon was asked, and is away")
    await goods.told("ebay", 1, OrderStatus.CANCELLED, 1)
    await until(lambda: is_true(lambda: goods.state("ebay:1"), State.RELEASED), "the unit is free again")
    await scalar(goods.database, "UPDATE ops.jobs SET available_at = now() WHERE queue = 'interlock'")
    away.fail = 0
    open_jobs = "SELECT count(*) FROM ops.jobs WHERE queue = 'interlock' AND status NOT IN ('succeeded', 'cancelled')"

    async def nothing_to_do() -> bool:
        return await scalar(goods.database, open_jobs) == 0

    await until(nothing_to_do, "the job of the older fence is over")
    assert away.on_sale == {"amazon-1"}, "and has done nothing"


@pytest.mark.parametrize("sold", ["ebay-2", "mercadolibre-1"])
async def test_of_two_linked_products_a_sale_of_either_takes_the_listings_of_both_off(goods: Goods, sold: str) -> None:
    """The match is of one listing; the unit is that of all listings of both products, whichever of them sells."""
    other = await goods.api.create("unifiedProducts", ean_upc="4006381333931")
    matched = await goods.list_at("ebay", "ebay-2", unifiedProductId=other)
    await goods.list_at("amazon", "amazon-2", unifiedProductId=other)
    fields = {"unifiedProductId": goods.product, "entityType": "sell", "entityId": matched}
    await goods.api.create("productMatches", **fields, confidence="0.81")
    line = OrderLine(item_id=sold, title="One", quantity=1, unit_price=brl("750.00"))
    channel = sold.partition("-")[0]
    await goods.publisher.publish(Outgoing(sold_at(channel, 1).model_copy(update={"lines": [line]})))
    await until(all_off(goods), "the listings of both products are off")
    late = OrderLine(item_id="amazon-2", title="One", quantity=1, unit_price=brl("750.00"))
    await goods.publisher.publish(Outgoing(sold_at("amazon", 2).model_copy(update={"lines": [late]})))
    await until(lambda: is_true(lambda: goods.state("amazon:2"), State.OVERSOLD), "a second order has none of either")
    states = "SELECT string_agg(DISTINCT state, ' ') FROM interlock.reservations WHERE order_key = $1"
    assert await scalar(goods.database, states, f"{channel}:1") == "held"
    assert await scalar(goods.database, states, "amazon:2") == "oversold", "of both products"


async def test_a_match_that_is_made_after_the_sale_takes_the_other_product_s_listings_off(goods: Goods) -> None:
    other = await goods.api.create("unifiedProducts", ean_upc="4006381333931")
    matched = await goods.list_at("ebay", "ebay-2", unifiedProductId=other)
    await goods.list_at("amazon", "amazon-2", unifiedProductId=other)
    await goods.told("mercadolibre", 1)

    async def own_are_off() -> bool:
        return goods.shops["ebay"].on_sale | goods.shops["amazon"].on_sale == {"ebay-2", "amazon-2"}

    await until(own_are_off, "the sold product's own listings are off, another product's are not")
    fields = {"unifiedProductId": goods.product, "entityType": "sell", "entityId": matched}
    unsure = await goods.api.create("productMatches", **fields, confidence="0.80", matchMethod="embedding")
    assert await scalar(goods.database, "SELECT count(*) FROM interlock.reservations") == 1
    judged = {"action": 2, "id": unsure, "confidence": "1.0", "matchMethod": "manual"}
    assert (await goods.api.post("productMatches", judged)).values
    await until(all_off(goods), "it is the same unit: the other product's listings are off, too")
    await goods.told("mercadolibre", 1, OrderStatus.CANCELLED, 1)
    released = "SELECT count(*) FROM interlock.reservations WHERE state = 'released'"

    async def both_free() -> bool:
        return await scalar(goods.database, released) == 2

    await until(both_free, "and its end frees both")


async def test_an_order_grows_when_the_listing_of_its_second_line_becomes_known(goods: Goods) -> None:
    """Two lines of one product, of which only one is known at first: two units are sold, not one."""
    three = {"action": 2, "id": goods.product, "attributesJson": {"unitsOnHand": 3}}
    assert (await goods.api.post("unifiedProducts", three)).status == 200
    units = "SELECT units FROM interlock.reservations WHERE order_key = $1"

    async def sold(number: int, *items: str) -> None:
        lines = [OrderLine(item_id=item, title="One", quantity=1, unit_price=brl("750.00")) for item in items]
        told = sold_at("ebay", number).model_copy(update={"lines": lines})
        await goods.publisher.publish(Outgoing(told))
        await until(lambda: is_true(lambda: goods.state(f"ebay:{number}"), State.HELD), "its first line is known")
        assert await scalar(goods.database, units, f"ebay:{number}") == 1

    async def of(number: int, count: int) -> bool:
        return await scalar(goods.database, units, f"ebay:{number}") == count

    await sold(1, "ebay-1", "ebay-2")
    await goods.list_at("ebay", "ebay-2")
    await until(lambda: of(1, 2), "the order is of two units")
    assert await goods.state("ebay:1") == State.HELD
    assert all(shop.on_sale for shop in goods.shops.values()), "one is left"
    await sold(2, "ebay-1", "ebay-3")
    await until(all_off(goods), "that was the last unit")
    await goods.list_at("ebay", "ebay-3")
    await until(lambda: of(2, 2), "the second order is of two units, too")
    advice = str(await scalar(goods.database, "SELECT advice FROM interlock.reservations WHERE state = 'oversold'"))
    assert f"Order 2 at ebay needs 1 more of product {goods.product}, which went to ebay:1." in advice
    await until(all_off(goods), "the listing that came late is off")
    assert await scalar(goods.database, "SELECT count(*) FROM interlock.waiting_orders") == 0
    await goods.told("ebay", 1, OrderStatus.CANCELLED, 1)
    await until(lambda: is_true(lambda: goods.state("ebay:2"), State.HELD), "it has both of its units")
    await goods.told("ebay", 2, minute=1)  # a state with one line only
    await goods.told("ebay", 3)
    await until(lambda: is_true(lambda: goods.state("ebay:3"), State.HELD), "one of the three is free")
    assert await of(2, 2), "an order does not shrink"


async def test_fewer_units_take_listings_off_and_more_list_nothing_again(goods: Goods) -> None:
    async def units(count: int) -> None:
        changed = {"action": 2, "id": goods.product, "attributesJson": {"unitsOnHand": count}}
        assert (await goods.api.post("unifiedProducts", changed)).status == 200

    async def fence_rose() -> bool:
        return await scalar(goods.database, "SELECT fence FROM interlock.products") == 2

    await units(2)
    await goods.told("ebay", 1)
    await until(lambda: is_true(lambda: goods.state("ebay:1"), State.HELD), "one of two is sold")
    assert all(shop.on_sale for shop in goods.shops.values())
    await units(1)
    await until(all_off(goods), "the one that was left is gone: every listing is off")
    await units(2)
    await until(fence_rose, "there is a unit again")
    assert not any(shop.on_sale for shop in goods.shops.values()), "nothing is listed by itself"
    await goods.list_at("amazon", "amazon-2")
    await units(1)
    await until(all_off(goods), "what a person listed is taken off when the unit is gone")
    await goods.told("mercadolibre", 2)
    await until(lambda: is_true(lambda: goods.state("mercadolibre:2"), State.OVERSOLD), "there is none for it")
    await units(2)
    await until(lambda: is_true(lambda: goods.state("mercadolibre:2"), State.HELD), "another was bought for it")


async def test_a_marketplace_that_is_away_uses_up_no_attempts(goods: Goods) -> None:
    away = goods.shops["amazon"]
    away.fail = 1_000_000
    await goods.told("ebay", 1)

    async def asked_again() -> bool:
        return len(away.calls) > 3

    await until(asked_again, "amazon is asked again and again")
    assert await scalar(goods.database, "SELECT max(attempts) FROM ops.jobs WHERE queue = 'interlock'") == 0
    away_since = "SELECT away_since FROM interlock.take_offs WHERE channel = 'amazon'"
    assert await scalar(goods.database, away_since) is not None
    without_account = await goods.list_at("square", "square-1")
    refused = "SELECT max(attempts) FROM ops.jobs WHERE queue = 'interlock' AND (payload_json->>'listing')::bigint = $1"

    async def counted() -> bool:
        return bool(await scalar(goods.database, refused, without_account))

    await until(counted, "what is refused is an attempt")
    away.fail = 0
    await until(all_off(goods), "amazon is back")


async def test_a_refund_frees_a_claim_but_no_unit(goods: Goods) -> None:
    await goods.told("ebay", 1)
    await until(lambda: is_true(lambda: goods.state("ebay:1"), State.HELD), "the first has the unit")
    await goods.told("mercadolibre", 2)
    await until(lambda: is_true(lambda: goods.state("mercadolibre:2"), State.OVERSOLD), "the second is flagged")
    await goods.told("ebay", 1, OrderStatus.REFUNDED, 1)
    await goods.told("mercadolibre", 2, OrderStatus.REFUNDED, 1)
    await until(lambda: is_true(lambda: goods.state("mercadolibre:2"), State.RELEASED), "it needs no unit any more")
    await goods.told("ebay", 3)
    await until(lambda: is_true(lambda: goods.state("ebay:3"), State.OVERSOLD), "the refunded order has the unit")
    assert await goods.state("ebay:1") == State.HELD
    await goods.told("ebay", 1, OrderStatus.RETURNED, 2)
    await until(lambda: is_true(lambda: goods.state("ebay:3"), State.HELD), "the unit came back")


async def test_of_orders_at_the_same_moment_one_has_the_unit(database: Database, kafka: KafkaSettings) -> None:
    async with catalog(database.url, kafka) as api:
        products = [await api.create("unifiedProducts", ean_upc=str(number)) for number in range(5)]
    interlock = interlock_of(database)
    for product in products:
        sales = [Sale(product, f"ebay:{number}", 1) for number in range(8)]
        decided = [
            one for told in await asyncio.gather(*(interlock.sold([sale]) for sale in [*sales, *sales])) for one in told
        ]
        assert sum(one.news for one in decided) == len(sales)
        assert sum(one.news and one.state is State.HELD for one in decided) == 1
        states = "SELECT count(*) FROM interlock.reservations WHERE unified_product_id = $1 AND state = $2"
        assert await scalar(database, states, product, "held") == 1
        assert await scalar(database, states, product, "oversold") == len(sales) - 1


async def test_no_unit_is_ever_held_twice_whatever_comes_in_whatever_order(database: Database) -> None:
    """A thousand sales and ends of sales at random: the units that are held are never more than there are, who is told
    to have none gets one as soon as one is free, and the fence never goes back."""
    chance = random.Random(3)

    async def advise(sale: Sale, holders: tuple[str, ...]) -> str:
        return f"{sale.order_key} {holders}"

    fences: dict[int, int] = {}
    async with database.connection() as connection:
        for _ in range(1000):
            product, units = chance.randint(1, 4), chance.randint(1, 2)
            sale = Sale(product, f"ebay:{chance.randint(1, 30)}", units)
            async with connection.transaction():
                if chance.random() < 0.5:
                    decided = await reserve(connection, sale, product, advise)
                else:
                    decided = await release(connection, sale, product)
            assert decided.left is not None
            assert decided.left >= 0
            assert decided.fence >= fences.get(product, 0)
            fences[product] = decided.fence
            first = await connection.fetchval(
                "SELECT units - kept FROM interlock.reservations WHERE unified_product_id = $1 AND state = 'oversold' "
                "ORDER BY reserved_at, order_key LIMIT 1",
                product,
            )
            if decided.state is State.RELEASED and decided.news and first is not None:
                assert first > decided.left
