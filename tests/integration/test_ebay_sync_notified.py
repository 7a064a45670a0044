"""ebay_sync between its runs: what notifications tell and what the orders' poll finds, on real Kafka and PostgreSQL."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from libs.bus.message import Outgoing
from libs.bus.publisher import Publisher
from libs.bus.settings import KafkaSettings
from libs.bus.tail import read_tail
from libs.db.pool import Database
from libs.marketplaces.ebay.item import InventoryItem
from libs.marketplaces.ebay.offer import Offer
from libs.marketplaces.ebay.orders import EbayOrder
from libs.marketplaces.ebay.translate import Owner
from libs.read_models.inventory.project import READ_MODEL as INVENTORY
from libs.read_models.offers.project import READ_MODEL as OFFERS
from libs.read_models.orders.project import READ_MODEL as ORDERS
from schemas.envelope import Envelope
from schemas.webhooks.webhook_received import WebhookReceivedV1
from services.ebay_sync.order_book import OrderBook, Told
from services.ebay_sync.run import Kind, Mode
from services.ebay_sync.runs import Runs
from services.ebay_sync.stock import Answer, Stock
from tests.ebay_account import account
from tests.ebay_syncing import EBAY_TOPICS, accounts_of, environment_of, serving
from tests.integration.running_sandbox import Sandbox, sandbox
from tests.projecting import projecting, scalar, until

TOPICS = EBAY_TOPICS
ITEMS = 14
PAST = 7
LONG_AGO = datetime(2026, 6, 5, tzinfo=UTC)
EVER = datetime(1970, 1, 1, tzinfo=UTC)
SINCE = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
async def shop() -> AsyncIterator[Sandbox]:
    async with sandbox(ebay_items=ITEMS, ebay_orders=PAST, ebay_sellers=2) as running:
        yield running


@pytest.fixture
async def projector(kafka: KafkaSettings, publisher: Publisher, database: Database) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        for model in (INVENTORY, OFFERS, ORDERS):
            await stack.enter_async_context(projecting(model, kafka, publisher, database))

        async def there() -> bool:
            return await scalar(database, "SELECT count(*) FROM projection.builds WHERE place = 'live'") == 3

        await until(there, "the read models' tables are there")
        yield


async def environment(shop: Sandbox, kafka: KafkaSettings, database: Database, **more: str) -> dict[str, str]:
    """Both sellers have authorised one application, whose notifications come to the gateway's `main`."""
    told = await accounts_of(shop, ("7", "8"))
    sellers = [{**one, "destination": "main", "username": one["account"]} for one in told]
    settings = {"notified__coalesce": "PT0.05S", "notified__settle": "PT0S", **more}
    return environment_of(shop, kafka, database, sellers, **settings)


async def seller(shop: Sandbox) -> str:
    return str((await accounts_of(shop))[0]["account"])


def notice(topic: str, data: dict[str, Any], *, about: str, destination: str = "main", number: int = 1) -> Outgoing:
    told = {"metadata": {"topic": topic}, "notification": {"notificationId": str(number), "data": data}}
    fact = WebhookReceivedV1(
        marketplace="ebay",
        account=destination,
        delivery_id=f"{topic} {number}",
        notification_topic=topic,
        resource=None,
        subject=f"ebay:{destination}:{about}",
        body=json.dumps(told).encode(),
    )
    return Outgoing(fact, time=LONG_AGO)


def availability(listing: str, username: str, number: int = 1, topic: str = "ITEM_AVAILABILITY") -> Outgoing:
    data = {"itemId": listing, "seller": {"username": username}, "availability": "AVAILABLE"}
    return notice(topic, data, about=f"item:{listing}", number=number)


def confirmation(order_id: str, username: str = "", number: int = 1) -> Outgoing:
    data = {"orderId": order_id, **({"username": username} if username else {})}
    return notice("ORDER_CONFIRMATION", data, about=f"order:{order_id}", number=number)


async def records(kafka: KafkaSettings, topic: str) -> list[Any]:
    return [one async for one in read_tail(kafka, topic, since=EVER, most_per_partition=10_000)]


def place(record: Any) -> tuple[str, int, int]:
    return record.topic, record.partition, record.offset


async def handled(kafka: KafkaSettings, count: int) -> None:
    """Wait until ebay_sync has committed so many records of `webhooks`."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers)
    await admin.start()
    try:

        async def committed() -> bool:
            offsets = await admin.list_consumer_group_offsets(kafka.group("ebay_sync"))
            return bool(sum(max(0, one.offset) for one in offsets.values()) == count)

        await until(committed, f"{count} notifications have their fate")
    finally:
        await admin.close()


async def truth(shop: Sandbox) -> dict[str, dict[str, Any]]:
    told = (await shop.control("GET", "/_ebay/inventory"))["inventory"]
    return {one["item"]["sku"]: one for one in told}


def listed(goods: dict[str, dict[str, Any]]) -> tuple[str, str]:
    """A SKU that is on sale at a fixed price, and its listing."""
    return next(
        (sku, str(one["offers"][0]["listing"]["listingId"]))
        for sku, one in goods.items()
        if one["offers"] and "listing" in one["offers"][0]
    )


async def test_a_notification_about_a_listing_leads_to_its_sku_alone(
    shop: Sandbox, kafka: KafkaSettings, publisher: Publisher, database: Database, projector: None
) -> None:
    async with serving(await environment(shop, kafka, database)) as sync:
        name = await seller(shop)
        await sync.synced("offers")
        sku, listing = listed(await truth(shop))
        await shop.control("POST", "/_ebay/inventory/changes", {"change": ITEMS})
        before = {place(one) for topic in ("inventory", "offers") for one in await records(kafka, topic)}
        await shop.control("DELETE", "/_ebay/calls")
        for number in range(3):  # the second and the third tell nothing new
            await publisher.publish(availability(listing, name, number))
        await handled(kafka, 3)
        now = (await truth(shop))[sku]
        quantity = now["item"]["availability"]["shipToLocationAvailability"]["quantity"]
        price = now["offers"][0]["pricingSummary"]["price"]["value"]

        async def there() -> bool:
            row = await scalar(database, "SELECT quantity FROM read_models.inventory WHERE sku_code = $1", sku)
            cost = await scalar(
                database,
                "SELECT price_value FROM read_models.offers WHERE offer_id = $1",
                now["offers"][0]["offerId"],
            )
            return row == quantity and str(cost) == str(price)

        await until(there, "the SKU's rows are as at eBay")
        stock = [one for one in await records(kafka, "inventory") if place(one) not in before]
        offers = [one for one in await records(kafka, "offers") if place(one) not in before]
        assert {json.loads(one.value)["sku"] for one in (*stock, *offers)} == {sku}
        assert len(offers) == len(now["offers"])
        assert len(stock) <= 2  # its own change, and that of its offers
        calls = (await shop.control("GET", "/_ebay/calls"))["calls"]
        assert calls.keys() == {"GET /sell/inventory/v1/inventory_item/{sku}", "GET /sell/inventory/v1/offer"}
        causes = {Envelope.of(one.headers).causation_id for one in offers}
        assert causes & {Envelope.of(one.headers).id for one in await records(kafka, "webhooks")}
        run = await sync.synced("inventory")  # it finds the others, and what the notification told is known
        assert run["counts"]["unchanged"] >= 1
        assert run["counts"]["stored"] == ITEMS - run["counts"]["unchanged"]
        assert await records(kafka, "ebay-sync-dlt") == []


@pytest.mark.parametrize("topic", ["ITEM_PRICE_REVISION", "PRIORITY_LISTING_REVISION"])
async def test_a_revised_listing_leads_to_its_sku(
    topic: str, shop: Sandbox, kafka: KafkaSettings, publisher: Publisher, database: Database, projector: None
) -> None:
    async with serving(await environment(shop, kafka, database)) as sync:
        await sync.synced("offers")
        sku, listing = listed(await truth(shop))
        await shop.control("POST", "/_ebay/inventory/changes", {"change": ITEMS})
        offer = (await truth(shop))[sku]["offers"][0]
        await publisher.publish(availability(listing, await seller(shop), topic=topic))

        async def there() -> bool:
            sql = "SELECT price_value::text FROM read_models.offers WHERE offer_id = $1"
            return bool(await scalar(database, sql, offer["offerId"]) == offer["pricingSummary"]["price"]["value"])

        await until(there, "the offer's row is as at eBay")
        assert await records(kafka, "ebay-sync-dlt") == []


async def test_a_sku_that_is_gone_is_marked(
    shop: Sandbox, kafka: KafkaSettings, publisher: Publisher, database: Database, projector: None
) -> None:
    async with serving(await environment(shop, kafka, database)) as sync:
        await sync.synced("offers")
        goods = await truth(shop)
        sku = (await shop.control("POST", "/_ebay/inventory/changes", {"remove": ITEMS}))["removed"]
        known, listing = listed({one: goods[one] for one in sku})
        await publisher.publish(availability(listing, await seller(shop)))

        async def marked() -> bool:
            sql = "SELECT count(*) FROM read_models.inventory WHERE disappeared_at IS NOT NULL AND sku_code = $1"
            return await scalar(database, sql, known) == 1

        await until(marked, "the SKU is marked")


async def test_an_order_that_is_confirmed_becomes_one_fact_and_a_row(
    shop: Sandbox, kafka: KafkaSettings, publisher: Publisher, database: Database, projector: None
) -> None:
    async with serving(await environment(shop, kafka, database)):
        await shop.control("POST", "/_world/steps", {"steps": 12, "marketplace": "ebay"})
        made = (await shop.control("GET", "/_world/orders?marketplace=ebay"))["orders"]
        order_id = made[0]["orderId"]
        for number in range(4):  # once per line item, and each of them delivered twice
            await publisher.publish(confirmation(order_id, number=number))  # it does not say which seller's it is

        async def there() -> bool:
            return bool(await scalar(database, "SELECT count(*) FROM read_models.orders WHERE order_id = $1", order_id))

        await until(there, "the order is a row")
        await handled(kafka, 4)
        (record,) = await records(kafka, "orders")
        assert record.key == f"ebay:{order_id}".encode()
        assert await scalar(database, "SELECT account FROM read_models.orders") == await seller(shop)
        assert await scalar(database, "SELECT marketplace_status FROM read_models.orders") == "PAID/NOT_STARTED"
        await shop.control("POST", f"/_ebay/orders/{order_id}/fulfil")
        await publisher.publish(confirmation(order_id, number=9))

        async def shipped() -> bool:
            return await scalar(database, "SELECT status FROM read_models.orders") == "shipped"

        await until(shipped, "the order's new state is the row's")
        assert await records(kafka, "ebay-sync-dlt") == []


async def test_five_notifications_about_one_order_cost_one_fetch(
    shop: Sandbox, kafka: KafkaSettings, publisher: Publisher, database: Database
) -> None:
    await shop.control("POST", "/_world/steps", {"steps": 12, "marketplace": "ebay"})
    order_id = (await shop.control("GET", "/_world/orders?marketplace=ebay"))["orders"][0]["orderId"]
    settings = await environment(shop, kafka, database)
    for number in range(5):  # they are all there when the service begins to read
        await publisher.publish(confirmation(order_id, await seller(shop), number))
    await shop.control("DELETE", "/_ebay/calls")
    async with serving(settings):

        async def told() -> bool:
            return len(await records(kafka, "orders")) == 1

        await until(told, "the order is a fact")
        await handled(kafka, 5)
    assert await told()
    calls = (await shop.control("GET", "/_ebay/calls"))["calls"]
    assert {call: count for call, count in calls.items() if "/order/" in call} == {
        "GET /sell/fulfillment/v1/order/{order_id}": 1
    }, calls


async def test_the_poll_finds_what_no_notification_told(
    shop: Sandbox, kafka: KafkaSettings, publisher: Publisher, database: Database, projector: None
) -> None:
    await shop.control("POST", "/_world/steps", {"steps": 12, "marketplace": "ebay"})
    made = [one["orderId"] for one in (await shop.control("GET", "/_world/orders?marketplace=ebay"))["orders"]]
    back = str((datetime.now(UTC) - SINCE) // timedelta(days=1))
    polling = {"orders__every": "PT0.4S", "orders__back": f"P{back}D"}
    async with serving(await environment(shop, kafka, database, **polling)):

        async def all_there() -> bool:
            return await scalar(database, "SELECT count(*) FROM read_models.orders") == PAST + len(made)

        await until(all_there, "every order is a row")
        await shop.control("POST", f"/_ebay/orders/{made[0]}/fulfil")

        async def shipped() -> bool:
            sql = "SELECT status FROM read_models.orders WHERE order_id = $1"
            return await scalar(database, sql, made[0]) == "shipped"

        await until(shipped, "the shipping is found")
        await publisher.publish(confirmation(made[0]))
        await handled(kafka, 1)
    assert len(await records(kafka, "orders")) == PAST + len(made) + 1  # what an overlap brings again is not published
    cursors = "SELECT count(*) FROM ebay_sync.order_polls WHERE owner IS NULL AND ended_at IS NOT NULL"
    assert await scalar(database, cursors) == 2
    newest = await scalar(database, "SELECT max(updated_at) FROM read_models.orders")
    assert await scalar(database, "SELECT max(modified_until) FROM ebay_sync.order_polls") == newest


async def test_an_outage_of_ebay_costs_nothing(
    shop: Sandbox, kafka: KafkaSettings, publisher: Publisher, database: Database, projector: None
) -> None:
    settings = await environment(shop, kafka, database, orders__every="PT0.4S", orders__back="P1D")
    await shop.control("POST", "/_world/steps", {"steps": 12, "marketplace": "ebay"})
    order_id = (await shop.control("GET", "/_world/orders?marketplace=ebay"))["orders"][0]["orderId"]
    outage = {"marketplace": "ebay", "kind": "outage", "path": "/sell/fulfillment/*", "status": 503, "count": 12}
    await shop.control("POST", "/_faults", outage)
    async with serving(settings):
        await publisher.publish(confirmation(order_id))

        async def there() -> bool:
            return bool(await scalar(database, "SELECT count(*) FROM read_models.orders WHERE order_id = $1", order_id))

        await until(there, "the order is a row after the outage")
    assert await records(kafka, "ebay-sync-dlt") == []


async def test_what_is_unknown_has_a_fate(
    shop: Sandbox, kafka: KafkaSettings, publisher: Publisher, database: Database, projector: None
) -> None:
    async with serving(await environment(shop, kafka, database)) as sync:
        await sync.synced("offers")
        name = await seller(shop)
        ignored = (
            availability("999", name),
            confirmation("12-34567-99999"),
            notice("MARKETPLACE_ACCOUNT_DELETION", {"username": "x", "userId": "y"}, about="user:y"),
        )
        refused = (
            notice("A_NEW_TOPIC", {}, about="1"),
            notice("ORDER_CONFIRMATION", {"checkout": {}}, about="2"),
            notice("ORDER_CONFIRMATION", {"orderId": "1"}, about="3", destination="elsewhere"),
        )
        for one in (*ignored, *refused):
            await publisher.publish(one)
        await handled(kafka, len(ignored) + len(refused))
        letters = await records(kafka, "ebay-sync-dlt")
        classes = sorted(dict(one.headers)["x-error-class"].decode() for one in letters)
        assert classes == ["contract", "contract", "policy"]
        unlisted = {
            sku for sku, one in (await truth(shop)).items() if not any("listing" in offer for offer in one["offers"])
        }
        suspects = await scalar(database, "SELECT array_agg(sku) FROM ebay_sync.items WHERE suspect")
        assert set(suspects if isinstance(suspects, list) else []) == unlisted  # the listing may be one of theirs
        assert await records(kafka, "orders") == []


async def test_a_run_does_not_take_back_what_a_notification_told(
    shop: Sandbox, kafka: KafkaSettings, publisher: Publisher, database: Database
) -> None:
    """A run's answers from before the notification are stored after it: nothing of them counts."""
    name, goods = await seller(shop), await truth(shop)
    sku, _ = listed(goods)
    runs = Runs(database)
    await runs.start(Kind.OFFERS, Mode.FULL, name, "7", "test")
    run = await runs.claim("test", [name], timedelta(minutes=1))
    assert run is not None
    owner, asked_at = Owner(name, "7"), datetime.now(UTC)
    of_run, notified = Stock(database, publisher, owner, run), Stock(database, publisher, owner)
    before = {one: InventoryItem.read(told["item"]) for one, told in goods.items()}
    offers = {one: Answer([Offer.read(each) for each in told["offers"]], asked_at) for one, told in goods.items()}
    await of_run.take_items(before.values(), asked_at)
    await of_run.take_offers(offers)

    await shop.control("POST", "/_ebay/inventory/changes", {"change": ITEMS})
    fresh, later = (await truth(shop))[sku], asked_at + timedelta(seconds=2)
    await notified.take_items([InventoryItem.read(fresh["item"])], later)
    await notified.take_offers({sku: Answer([Offer.read(each) for each in fresh["offers"]], later)})
    published = len(await records(kafka, "inventory")), len(await records(kafka, "offers"))

    between = asked_at + timedelta(seconds=1)
    taken = await of_run.take_items(before.values(), between)
    assert taken.unchanged == 1  # the other ones it has published itself
    late = {one: Answer(answer.offers, between) for one, answer in offers.items()}
    taken = await of_run.take_offers(late)
    assert taken.unchanged == len(offers[sku].offers)
    lost = await of_run.take_disappearance([sku], between)
    assert lost.inventory == {}
    assert (len(await records(kafka, "inventory")), len(await records(kafka, "offers"))) == published
    newest = await scalar(database, "SELECT fact::jsonb -> 'raw' FROM ebay_sync.items WHERE sku = $1", sku)
    assert json.loads(str(newest)) == fresh["item"]

    gone_at = asked_at + timedelta(seconds=4)  # a notification finds it gone; an older page still has it
    await notified.take_disappearance([sku], gone_at)
    await of_run.take_items([before[sku]], asked_at + timedelta(seconds=3))
    await of_run.take_offers({sku: Answer(offers[sku].offers, asked_at + timedelta(seconds=3))})
    assert await scalar(database, "SELECT gone FROM ebay_sync.items WHERE sku = $1", sku) is True
    gone = await scalar(database, "SELECT bool_and(gone) FROM ebay_sync.offers WHERE sku = $1", sku)
    assert gone is True


async def test_an_older_state_of_an_order_never_follows_a_newer_one(
    shop: Sandbox, kafka: KafkaSettings, publisher: Publisher, database: Database
) -> None:
    book = OrderBook(database, publisher)
    async with account(shop) as opened:
        page = await opened.ebay.orders.page(SINCE)
    first, now = page.entries[0], datetime.now(UTC)

    def told(seconds: float, asked: float, words: str) -> Told:
        modified = first.last_modified_date + timedelta(seconds=seconds)
        state = EbayOrder.read(
            {**first.model_dump(by_alias=True), "lastModifiedDate": modified, "orderFulfillmentStatus": words}
        )
        return Told.of(state, "acme", now + timedelta(seconds=asked))

    assert await book.take("acme", [told(1, 0, "IN_PROGRESS"), told(2, 0, "FULFILLED")]) == 1
    assert await book.take("acme", [told(1, 9, "IN_PROGRESS")]) == 0  # older at eBay
    assert await book.take("acme", [told(2, 5, "FULFILLED")]) == 0  # the same
    assert await book.take("acme", [told(2, -1, "NOT_STARTED")]) == 0  # the same time, but asked for before
    assert await book.take("acme", [told(2, 6, "NOT_STARTED")]) == 1
    assert await book.take("other", [told(1, 0, "IN_PROGRESS")]) == 1
    assert len(await records(kafka, "orders")) == 3
