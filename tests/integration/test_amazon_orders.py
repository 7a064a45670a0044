"""Amazon's orders, polled: each state is a fact once, and a sale there is one for the desk and for the interlock."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from libs.bus.publisher import Publisher
from libs.bus.settings import KafkaSettings
from libs.commands.live_builds import LiveBuilds
from libs.db.pool import Database
from libs.entities.prepared import prepare_tables
from libs.read_models import READ_MODELS
from libs.secrets.keys import new_key
from schemas.channels import Channel
from schemas.orders.order_changed import OrderChangedV2
from schemas.topics import dead_letter_topic
from tests.e2e.checks import records
from tests.integration.running_amazon_orders import amazon_orders
from tests.integration.running_catalog import catalog
from tests.integration.running_interlock import consuming, interlock_of, working
from tests.integration.running_order_desk import order_desk
from tests.integration.running_sandbox import Sandbox, sandbox
from tests.integration.selling_channels import channels, on_sale, wanted
from tests.projecting import projecting, scalar, until
from tests.selling import Shop

KEY = new_key()


@pytest.fixture
async def made() -> AsyncIterator[Sandbox]:
    async with sandbox(ebay_items=20, ebay_orders=0, amazon_settle_seconds=0) as running:
        yield running


async def listed(made: Sandbox, *skus: str) -> dict[str, str]:
    """Phones on sale at Amazon, two of each; their ASINs by SKU."""
    async with channels(made) as opened:
        channel = opened["amazon"]
        return {sku: (await channel.publish(wanted(channel, sku, model=sku))).item_id for sku in skus}


async def sell(made: Sandbox, sku: str, status: str | None = None, quantity: int = 1) -> str:
    order = await made.control("POST", "/_amazon/orders", {"sku": sku, "quantity": quantity}, 201)
    if status is not None:
        await become(made, order["AmazonOrderId"], status)
    return str(order["AmazonOrderId"])


async def become(made: Sandbox, order_id: str, status: str) -> None:
    await made.control("PATCH", f"/_amazon/orders/{order_id}", {"status": status})


async def facts(kafka: KafkaSettings) -> list[tuple[str, OrderChangedV2]]:
    """Event ids and facts of the topic; the personal data is sealed."""
    found = []
    for record in await records(kafka, "orders"):
        headers = dict(record.headers)
        found.append((headers["ce_id"].decode(), OrderChangedV2.model_validate_json(record.value)))
    return found


async def polls(database: Database) -> int:
    """How often what was asked of Amazon came to an end."""
    ended = await scalar(database, "SELECT count(*) FROM amazon_orders.polls WHERE ended_at IS NOT NULL")
    return int(str(ended))


async def polled(database: Database) -> None:
    """Wait for a poll that begins now to end."""
    await scalar(database, "UPDATE amazon_orders.polls SET ended_at = NULL")

    async def ended() -> bool:
        return await polls(database) == 1

    await until(ended, "a poll comes to its end")
    await scalar(database, "UPDATE amazon_orders.polls SET ended_at = NULL")
    await until(ended, "and one that began after it")


async def test_a_sale_at_amazon_takes_every_other_listing_off_and_is_the_catalogs_order(
    made: Sandbox, database: Database, kafka: KafkaSettings, publisher: Publisher
) -> None:
    asins = await listed(made, "SS-1")
    shop = Shop(Channel.EBAY, on_sale={"ebay-1"})
    async with AsyncExitStack() as stack:
        opened = await stack.enter_async_context(channels(made))
        api = await stack.enter_async_context(catalog(database.url, kafka, secrets=KEY))
        assert await prepare_tables(LiveBuilds(database), asyncio.Event())
        product = await api.create("unifiedProducts", attributesJson={"unitsOnHand": 1})
        draft = await api.create("listingDrafts", unifiedProductId=product, channel="amazon", market="US")
        assert draft == 1, "its SKU is SS-1"
        approved = {"action": 2, "id": draft, "approvedBy": "u", "approvedAt": "2026-01-17T10:00:00Z"}
        assert (await api.post("listingDrafts", {**approved, "status": "approved"})).status == 200
        await api.create("sellListings", channel="amazon", channelItemId=asins["SS-1"], unifiedProductId=product)
        await api.create("sellListings", channel="ebay", channelItemId="ebay-1", unifiedProductId=product)
        order_id = await sell(made, "SS-1", "Pending")

        interlock = interlock_of(database)
        await stack.enter_async_context(working(interlock, [shop, opened["amazon"]]))
        await stack.enter_async_context(consuming(interlock, kafka, publisher))
        await stack.enter_async_context(order_desk(database.url, kafka, KEY))
        await stack.enter_async_context(projecting(READ_MODELS["orders"], kafka, publisher, database))
        await stack.enter_async_context(amazon_orders(database.url, kafka, KEY, made))

        async def off() -> bool:
            return not shop.on_sale and not await on_sale(made, "amazon", "SS-1")

        await until(off, "the unit is spoken for before it is paid: every listing is off")
        why = "SELECT string_agg(why, '') FROM order_desk.waiting"
        await until(lambda: told(database, why, "amazon tells no price before the buyer has paid"), "the desk waits")

        await become(made, order_id, "Unshipped")
        row: dict[str, Any] = {}

        async def is_so(status: str) -> bool:
            nonlocal row
            found = (await api.get("/marketplaceOrders", channelOrderId=order_id)).json["marketplaceOrders"]
            row = found[0] if found else {}
            return row.get("status") == status

        await until(lambda: is_so("ORDER_CONFIRMED"), "the catalog's order")
        assert (row["channel"], row["market"], row["unifiedProductId"]) == ("amazon", "US", product)
        assert (row["quantity"], row["soldPriceUsd"]) == (1, "799.99")
        assert row["buyerAddressJson"]["name"]
        model = "SELECT status FROM read_models.orders WHERE key = $1"
        await until(lambda: told(database, model, "paid", f"amazon:{order_id}"), "the read model orders")

        await become(made, order_id, "Canceled")
        await until(lambda: is_so("ORDER_CANCELLED"), "it is cancelled")
        state = "SELECT state FROM interlock.reservations WHERE order_key = $1"
        await until(lambda: told(database, state, "released", f"amazon:{order_id}"), "the unit is free again")
    raw = str([record.value for record in await records(kafka, "orders")])
    assert "@marketplace.amazon" not in raw, "who bought is sealed"


async def told(database: Database, sql: str, words: str, *arguments: object) -> bool:
    return words in str(await scalar(database, sql, *arguments))


async def test_each_state_is_published_once_whoever_polls_and_whatever_dies(
    made: Sandbox, database: Database, kafka: KafkaSettings
) -> None:
    await listed(made, "SS-1", "SS-2")
    first, second = await sell(made, "SS-1"), await sell(made, "SS-2", quantity=2)
    async with (
        amazon_orders(database.url, kafka, KEY, made),
        amazon_orders(database.url, kafka, KEY, made),  # a replica
    ):
        await until(lambda: count(kafka, 2), "two orders")
        await polled(database)
        assert len(await facts(kafka)) == 2, "what is known is not published again"
        await become(made, second, "Shipped")
        await until(lambda: count(kafka, 3), "and another state of one")
    by_order = {fact.order_id: fact for _, fact in await facts(kafka)}
    assert {number: fact.status for number, fact in by_order.items()} == {first: "paid", second: "shipped"}
    (line,) = by_order[second].lines
    assert (line.sku, line.quantity, str(line.unit_price.amount)) == ("SS-2", 2, "799.99")

    # Killed between the publishing and what is written down of it; the cursor, too, is as it was before.
    await scalar(database, "DELETE FROM amazon_orders.orders")
    await scalar(database, "UPDATE amazon_orders.polls SET updated_until = NULL, next_at = now()")
    async with amazon_orders(database.url, kafka, KEY, made):
        await until(lambda: count(kafka, 5), "they are published again")
    assert len({name for name, _ in await facts(kafka)}) == 3, "under the same event ids"


async def count(kafka: KafkaSettings, wanted_facts: int) -> bool:
    return len(await facts(kafka)) == wanted_facts


async def test_a_dead_pollers_turn_is_taken_over_and_a_late_one_loses_its_own(
    made: Sandbox, database: Database, kafka: KafkaSettings
) -> None:
    await listed(made, "SS-1")
    await sell(made, "SS-1")
    await scalar(
        database,
        "INSERT INTO amazon_orders.polls (account, market, owner, next_at) "
        "VALUES ('main', 'US', 'dead', now() + interval '1 second')",
    )
    async with amazon_orders(database.url, kafka, KEY, made):
        await until(lambda: count(kafka, 1), "the lease of a dead one is over")


async def test_what_cannot_be_read_is_a_dead_letter_once_and_hides_no_other(
    made: Sandbox, database: Database, kafka: KafkaSettings
) -> None:
    await listed(made, "SS-1", "SS-2")
    lost, good = await sell(made, "SS-1"), await sell(made, "SS-2")
    path = f"/orders/v0/orders/{lost}/orderItems"
    await made.control("POST", "/_faults", {"marketplace": "amazon", "kind": "not_found", "path": path})
    strange = (await made.control("POST", "/_amazon/orders/unreadable", {}, 201))["AmazonOrderId"]
    async with amazon_orders(database.url, kafka, KEY, made):
        await until(lambda: count(kafka, 1), "the other is published")
        await polled(database)
        ((_, fact),) = await facts(kafka)
        assert fact.order_id == good
        letters = await records(kafka, dead_letter_topic("amazon_orders"))
    assert [any(name.encode() in one.value for one in letters) for name in (lost, strange)] == [True, True]
    assert len(letters) == 2, "once each, however often they are seen"
    assert {dict(one.headers)["__connect.errors.topic"] for one in letters} == {b"amazon"}


async def test_amazon_away_costs_nothing_but_time(made: Sandbox, database: Database, kafka: KafkaSettings) -> None:
    await listed(made, "SS-1")
    await sell(made, "SS-1")
    fault = {"marketplace": "amazon", "kind": "rate_limited", "path": "/orders/*", "count": 2, "retry_after": 0}
    await made.control("POST", "/_faults", fault)
    async with amazon_orders(database.url, kafka, KEY, made):
        await until(lambda: count(kafka, 1), "the third poll succeeds")
