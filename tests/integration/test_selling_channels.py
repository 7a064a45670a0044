"""Every sales channel against the sandbox: one conformance suite, and what is particular to each marketplace."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from libs.http.errors import RateLimited, Unauthorized, Unavailable
from libs.marketplaces.amazon.client import MARKETPLACES, Amazon
from libs.selling.channel import NotPublishable, NotYet, SalesChannel, SkuNeeded, our_sku
from tests.integration.running_sandbox import Sandbox, sandbox
from tests.integration.selling_channels import channels, on_sale, wanted

NAMES = ("amazon", "ebay", "mercadolibre")
each_channel = pytest.mark.parametrize("name", NAMES)


@pytest.fixture
async def made() -> AsyncIterator[Sandbox]:
    async with sandbox(ebay_items=20, ebay_orders=0, amazon_settle_seconds=0) as running:
        yield running


@pytest.fixture
async def opened(made: Sandbox) -> AsyncIterator[dict[str, SalesChannel]]:
    async with channels(made) as found:
        yield found


@each_channel
async def test_it_publishes_finds_takes_off_and_publishes_again(made, opened, name):
    channel, sku = opened[name], our_sku(7)
    assert await channel.find(sku) is None
    listed = await channel.publish(wanted(channel, sku))
    assert await on_sale(made, name, sku) == [listed.item_id]
    found = await channel.find(sku)
    assert found is not None
    assert (found.item_id, found.sku, found.price, found.quantity) == (listed.item_id, sku, listed.price, 2)

    await channel.take_off(listed.item_id, sku)
    assert await on_sale(made, name, sku) == []
    assert await channel.find(sku) is None
    await channel.take_off(listed.item_id, sku)  # a second time changes nothing
    await channel.take_off("MLM1", "never-listed")

    again = await channel.publish(wanted(channel, sku, price="750"))
    assert await on_sale(made, name, sku) == [again.item_id]
    assert (await channel.find(sku)).price.amount == Decimal("750")

    for each in (sku, sku, our_sku(8)):  # a second time, and what was never published: nothing
        await channel.withdraw(each)
        assert await on_sale(made, name, each) == []
    back = await channel.publish(wanted(channel, sku))
    assert await on_sale(made, name, sku) == [back.item_id]


@each_channel
async def test_a_price_is_changed_and_nothing_else_and_what_is_off_stays_off(made, opened, name):
    channel, sku = opened[name], our_sku(7)
    listed = await channel.publish(wanted(channel, sku))
    dearer = replace(wanted(channel, sku, price="812.34"), quantity=9)
    assert await channel.reprice(listed.item_id, dearer)
    assert await channel.reprice(listed.item_id, dearer), "a second time puts the same"
    found = await channel.find(sku)
    assert found is not None
    assert (found.item_id, found.price, found.quantity) == (listed.item_id, dearer.price, 2)
    assert not await channel.reprice("MLM1", wanted(channel, "never-listed"))
    await channel.take_off(listed.item_id, sku)
    assert not await channel.reprice(listed.item_id, dearer)
    assert await on_sale(made, name, sku) == []


@each_channel
async def test_publishing_again_makes_no_second_listing_and_puts_the_price(made, opened, name):
    channel = opened[name]
    first = await channel.publish(wanted(channel))
    second = await channel.publish(wanted(channel, price="780.50"))
    assert second.item_id == first.item_id
    assert await on_sale(made, name, "SS-1") == [first.item_id]
    assert (await channel.find("SS-1")).price.amount == Decimal("780.50")


@each_channel
@pytest.mark.parametrize("lost", range(5))
async def test_an_answer_that_is_lost_anywhere_leads_to_no_second_listing(made, opened, name, lost):
    """The request number `lost` is carried out, and its answer does not come; then all of it is done again."""
    async with channels(made, attempts=1) as impatient:
        channel = impatient[name]
        await channel.find("SS-0")  # so that the token is there
        await made.control(
            "POST",
            "/_faults",
            {"marketplace": name, "kind": "lost", "path": "/*", "after": lost, "count": 1, "delay": 0},
        )
        try:
            await channel.publish(wanted(channel))
        except Unavailable:
            assert (await channel.publish(wanted(channel))).sku == "SS-1"
    assert len(await on_sale(made, name, "SS-1")) == 1


@each_channel
@pytest.mark.parametrize(("fault", "error"), [("rate_limited", RateLimited), ("outage", Unavailable)])
async def test_faults_are_raised_as_what_they_are(made, opened, name, fault, error):
    channel = opened[name]
    await channel.find("SS-1")
    await made.control("POST", "/_faults", {"marketplace": name, "kind": fault, "path": "/*"})
    with pytest.raises(error):
        await channel.publish(wanted(channel))


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("amazon", {"brand": None}, "payloadJson.brand is required"),
        ("ebay", {"categoryId": None}, "payloadJson.categoryId is required"),
        ("ebay", {"condition": "mint"}, "no condition at eBay"),
        ("mercadolibre", {"category_id": None}, "payloadJson.category_id is required"),
        ("mercadolibre", {"category_id": "MLB1"}, "item.category_id.invalid"),
    ],
)
async def test_what_cannot_be_listed_is_refused_in_words(opened, name, change, words):
    with pytest.raises(NotPublishable, match=words):
        await opened[name].publish(wanted(opened[name], **change))


@pytest.mark.parametrize("name", ["amazon", "ebay"])
async def test_the_sku_is_needed_where_changes_go_by_it(opened, name):
    with pytest.raises(SkuNeeded):
        await opened[name].take_off("1")


async def test_two_items_that_came_of_lost_answers_become_one(made, opened):
    channel = opened["mercadolibre"]
    body = channel._body(wanted(channel))  # the request as it is sent, without the look before it
    for _ in range(2):
        await channel._client.write("POST", "/items", operation="/items", body=body)
    assert len(await on_sale(made, "mercadolibre", "SS-1")) == 2
    kept = await channel.publish(wanted(channel))
    assert await on_sale(made, "mercadolibre", "SS-1") == [kept.item_id]


async def test_whatever_a_draft_calls_an_attribute_is_mercadolibre_s_to_judge(made, opened):
    odd = wanted(opened["mercadolibre"], attributes=[{"id": ["GTIN"]}, {"id": None}, "GTIN"])
    listed = await opened["mercadolibre"].publish(odd)
    assert await on_sale(made, "mercadolibre", "SS-1") == [listed.item_id]


async def test_mercadolibre_s_listings_are_taken_off_by_variation_and_by_sku_too(made, opened):
    """As the catalog may know them: `item:variation` empties that variation, a SKU pauses what stands under it."""
    channel = opened["mercadolibre"]
    items = (await made.control("GET", "/_world/items?marketplace=mercadolibre&limit=10000"))["items"]
    own = [one for one in items if str(one["seller_id"]) == channel._client.user_id and one["available_quantity"]]
    varied = next(one for one in own if one["variations"] and one["status"] == "active")
    for _ in range(2):  # a second time changes nothing
        await channel.take_off(f"{varied['id']}:{varied['variations'][0]['id']}")
    assert (await channel._item(varied["id"])).available_quantity == 0
    listed = await channel.publish(wanted(channel, our_sku(8)))
    await channel.take_off(f"{listed.item_id}:1")  # it has no such variation
    assert await on_sale(made, "mercadolibre", our_sku(8)) == [listed.item_id]
    await channel.take_off(our_sku(8))
    assert await on_sale(made, "mercadolibre", our_sku(8)) == []


async def test_a_seeded_offer_of_ebay_can_be_taken_off(made, opened):
    inventory = (await made.control("GET", "/_ebay/inventory?limit=20"))["inventory"]
    offer = next(one["offers"][0] for one in inventory if len(one["offers"]) == 1 and "listing" in one["offers"][0])
    await opened["ebay"].take_off(offer["listing"]["listingId"], offer["sku"])
    assert await on_sale(made, "ebay", offer["sku"]) == []


async def test_amazon_works_on_what_it_has_accepted():
    async with sandbox(ebay_items=0, ebay_orders=0, amazon_settle_seconds=60) as made, channels(made) as opened:
        with pytest.raises(NotYet):
            await opened["amazon"].publish(wanted(opened["amazon"]))
        await opened["amazon"].withdraw("SS-1")
        await made.control("POST", "/_clock", {"advance_seconds": 61})
        assert await on_sale(made, "amazon", "SS-1") == [], "withdrawn before Amazon was done, it is not on sale then"
        listed = await opened["amazon"].publish(wanted(opened["amazon"]))
        assert listed.item_id.startswith("B0")


async def test_amazon_s_expired_token_is_renewed_once(made, opened):
    await opened["amazon"].find("SS-1")
    await made.control("POST", "/_clock", {"advance_seconds": 4000})
    assert await opened["amazon"].find("SS-1") is None
    await made.control("POST", "/_faults", {"marketplace": "amazon", "kind": "unauthorized", "path": "/listings/*"})
    with pytest.raises(Unauthorized):
        await opened["amazon"].find("SS-1")


async def test_amazon_s_orders_are_read_page_by_page(made, opened):
    channel = opened["amazon"]
    for number in range(25):
        await channel.publish(wanted(channel, f"SS-{number}"))
        await made.control("POST", "/_amazon/orders", {"sku": f"SS-{number}"}, 201)
    amazon: Amazon = channel._amazon
    since = datetime(2026, 1, 1, tzinfo=UTC)
    pages = [one async for one in amazon.orders.updated_since(since, MARKETPLACES["US"].id, page_size=2)]
    orders = [one for page in pages for one in page.orders]
    assert len({one.amazon_order_id for one in orders}) == 25
    one = await amazon.orders.order(orders[0].amazon_order_id)
    (line,) = await amazon.orders.items(one.amazon_order_id)
    assert (line.seller_sku, line.quantity_ordered, line.item_price.amount) == ("SS-0", 1, Decimal("799.99"))
    assert (await channel.find("SS-0")).quantity == 1
    await made.control("PATCH", f"/_amazon/orders/{one.amazon_order_id}", {"status": "Shipped"})
    assert (await amazon.orders.order(one.amazon_order_id)).order_status == "Shipped"
