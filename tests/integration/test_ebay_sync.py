"""ebay_sync whole: the sync document's testing checklist, line by line, on a real Kafka, PostgreSQL and HTTP API."""

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import datetime
from decimal import Decimal
from itertools import accumulate
from typing import Any

import pytest

from libs.bus.publisher import Publisher
from libs.bus.settings import KafkaSettings
from libs.db.pool import Database
from libs.read_models.inventory.project import READ_MODEL as INVENTORY
from libs.read_models.inventory.project import InventoryRow
from libs.read_models.offers.project import READ_MODEL as OFFERS
from libs.read_models.offers.project import OfferRow
from services.ebay_sync.config import Pace
from tests.ebay_syncing import EBAY_TOPICS, Sync, accounts_of, environment_of, serving
from tests.integration.running_sandbox import Sandbox, sandbox
from tests.projecting import projecting

TOPICS = EBAY_TOPICS
ITEMS = 230


@pytest.fixture
async def shop() -> AsyncIterator[Sandbox]:
    async with sandbox(ebay_items=ITEMS, ebay_orders=0, ebay_sellers=2) as running:
        yield running


@pytest.fixture
async def projector(kafka: KafkaSettings, publisher: Publisher, database: Database) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        for model in (INVENTORY, OFFERS):
            await stack.enter_async_context(projecting(model, kafka, publisher, database))
        yield


@pytest.fixture
async def sync(shop: Sandbox, kafka: KafkaSettings, database: Database, projector: None) -> AsyncIterator[Sync]:
    async with serving(environment_of(shop, kafka, database, await accounts_of(shop))) as running:
        yield running


async def rows(database: Database, model: Any) -> list[Any]:
    async with database.connection() as connection:
        found = await connection.fetch(f"SELECT {', '.join(model.columns)} FROM read_models.{model.name} ORDER BY key")
    return [model.row_of(one) for one in found]


async def truth(shop: Sandbox, seller: str | None = None) -> dict[str, dict[str, Any]]:
    """What the seller has at eBay, by SKU."""
    query = f"?limit=100000{f'&seller={seller}' if seller else ''}"
    told = (await shop.control("GET", f"/_ebay/inventory{query}"))["inventory"]
    return {one["item"]["sku"]: one for one in told}


async def test_inventory(sync: Sync, shop: Sandbox, database: Database) -> None:
    started = await sync.call("POST", "/inventory")  # POST /ebay/sync/inventory returns run_id
    assert re.fullmatch(r"inventory_\d{10}_[0-9a-f]{6}", started["run_id"])
    assert started == {
        "run_id": started["run_id"],
        "status": "started",
        "message": "Inventory sync started in background",
    }
    events = await sync.events(started["run_id"])  # Terminal shows inventory sync progress
    assert all(re.match(r"\[\d\d:\d\d:\d\d\] ", event.data["line"]) for event in events[:-1])
    assert [event.id for event in events[:-1]] == [str(number) for number in range(1, len(events))]
    told = [re.sub(r"\d+ms", "Nms", event.text) for event in events[:-1]]
    fetched = [200, 30]
    expected = [
        "Starting Inventory sync from eBay (production)",
        "API Configuration: Inventory API v1 - getInventoryItems with pagination",
    ]
    for page, count in enumerate(fetched, 1):
        so_far = sum(fetched[:page])
        expected += [
            f"→ Requesting page {page}: GET /sell/inventory/v1/inventory_item?limit=200&offset={page - 1}",
            f"← Response: 200 OK (Nms) - Received {count} items (Total available: {ITEMS})",
            f"→ Storing {count} inventory items in database...",
            f"← Database: Stored {count} items (Nms)",
            f"Page {page}/2 complete: {count} fetched, {count} stored | "
            f"Running total: {so_far}/{ITEMS} fetched, {so_far} stored",
        ]
    expected.append(f"Inventory sync completed: {ITEMS} fetched, {ITEMS} stored in Nms")
    assert told == expected
    stored = await rows(database, INVENTORY)  # All inventory items fetched with pagination
    assert {row.sku_code for row in stored} == (await truth(shop)).keys()
    end = events[-1]
    assert (end.name, end.data["status"]) == ("end", "completed")
    assert end.data["counts"]["fetched"] == end.data["counts"]["stored"] == len(stored) == ITEMS


async def test_offers(sync: Sync, shop: Sandbox, database: Database) -> None:
    started = await sync.call("POST", "/offers")  # POST /ebay/sync/offers returns run_id
    assert re.fullmatch(r"offers_\d{10}_[0-9a-f]{6}", started["run_id"])
    assert started["message"] == "Offers sync started in background"
    lines = [event.text for event in (await sync.events(started["run_id"]))[:-1]]
    expected = await truth(shop)
    offers = {offer["offerId"]: offer for one in expected.values() for offer in one["offers"]}
    plain = [re.sub(r"\d+ms", "Nms", line) for line in lines]
    assert plain[:8] == [
        "Starting Offers sync from eBay (production)",
        "API Configuration: Inventory API v1 - getInventoryItems → getOffers per SKU",
        "Step 1: Fetching all inventory items to get SKU list...",  # Terminal shows Step 1
        "→ Fetching inventory items page 1: GET /sell/inventory/v1/inventory_item?limit=200&offset=0",
        f"← Response: 200 OK (Nms) - Received 200 items, 200 SKUs (Total: {ITEMS})",
        "→ Fetching inventory items page 2: GET /sell/inventory/v1/inventory_item?limit=200&offset=1",
        f"← Response: 200 OK (Nms) - Received 30 items, 30 SKUs (Total: {ITEMS})",
        f"✓ Step 1 complete: Found {ITEMS} unique SKUs",
    ]
    assert plain[8] == f"Step 2: Fetching offers for {ITEMS} SKUs..."  # Terminal shows Step 2
    asked = [line for line in plain if line.startswith("→ [")]
    answered = {line for line in plain if line.startswith("← [")}
    under_way = list(accumulate({"→ [": 1, "← [": -1}.get(line[:3], 0) for line in plain))
    assert max(under_way) == Pace().concurrency, "several SKUs at a time, and never more than that"
    assert asked == [f"→ [{n}/{ITEMS}] Fetching offers for SKU: {sku}" for n, sku in enumerate(sorted(expected), 1)]
    assert answered == {
        f"← [{n}/{ITEMS}] SKU {sku}: {len(expected[sku]['offers'])} offers (Nms)"
        for n, sku in enumerate(sorted(expected), 1)
    }
    assert plain[-2:] == [
        f"✓ Step 2 complete: Processed {ITEMS} SKUs",
        f"Offers sync completed: {len(offers)} offers fetched, {len(offers)} stored from {ITEMS} SKUs in Nms",
    ]
    stored = await rows(database, OFFERS)  # All offers fetched and stored
    assert {row.offer_id for row in stored} == offers.keys()
    run = await sync.call("GET", f"/runs/{started['run_id']}")  # "Fetched: X, Stored: Y" shows correct numbers
    assert (run["counts"]["fetched"], run["counts"]["stored"], run["counts"]["skus"]) == (
        len(offers),
        len(offers),
        ITEMS,
    )


@pytest.mark.parametrize(
    ("kind", "page_size", "line", "most"),
    [
        ("inventory", 10, 4, 1 + 4),  # of 23 pages; STOP at the answer to the first
        ("offers", 10, 5, 1 + 4),  # in step 1: the same
        ("offers", 200, 18, 1 + 2 + 4 * 8),  # of 230 SKUs, 8 at a time; STOP at the first answer
    ],
)
async def test_the_stop_button_works_during_a_sync(
    kind: str,
    page_size: int,
    line: int,
    most: int,
    shop: Sandbox,
    kafka: KafkaSettings,
    database: Database,
    projector: None,
) -> None:
    await shop.control("PATCH", "/_ebay/switches", {"latency": 0.2})
    pace = {"pace__page_size": str(page_size)}
    async with serving(environment_of(shop, kafka, database, await accounts_of(shop), **pace)) as sync:
        run_id = await sync.start(kind)
        seen = await sync.events(run_id, most=line)
        assert seen[-1].text.startswith("← "), "eBay has answered"
        told = await sync.call("POST", f"/{run_id}/stop", expect=202)
        assert told["run_id"] == run_id
        events = await sync.events(run_id)
        assert events[-2].data["kind"] == "stopped"
        assert events[-1].data["status"] == "stopped"
        counts = events[-1].data["counts"]
        calls = (await shop.control("GET", "/_ebay/calls"))["total"]
        assert calls <= most, "it stops at the next checkpoint"
        model = INVENTORY if kind == "inventory" else OFFERS
        assert counts["stored"] <= counts["fetched"]
        assert counts["stored"] <= len(await rows(database, model)) or counts["stored"] == 0
        assert (await sync.call("POST", f"/{run_id}/stop"))["status"] == "stopped"


@pytest.mark.parametrize("shape", ["official", "documented"])
async def test_the_stored_data_is_right(shape: str, sync: Sync, shop: Sandbox, database: Database) -> None:
    await shop.control("PATCH", "/_ebay/switches", {"shape": shape})
    await sync.synced("inventory")
    await sync.synced("offers")
    expected = await truth(shop)
    inventory: list[InventoryRow] = await rows(database, INVENTORY)
    offers: list[OfferRow] = await rows(database, OFFERS)
    assert len({(row.account, row.sku_code) for row in inventory}) == len(inventory) == ITEMS  # sku_code is unique
    for row in inventory:  # Inventory table contains all items with correct fields
        item, told = expected[row.sku_code]["item"], expected[row.sku_code]["offers"]
        product, aspects = item["product"], item["product"]["aspects"]
        first = next((one for one in told if "price" in one["pricingSummary"]), None)
        assert row.user_id == "7"
        assert row.title == product["title"]
        assert row.condition == item["condition"]
        named = [aspects[name][0] for name in ("Part Number", "MPN", "Brand Part Number") if name in aspects]
        assert row.part_number == (named[0] if named else product.get("mpn"))
        models = [aspects[name][0] for name in ("Model", "Model Number") if name in aspects]
        assert row.model == (models[0] if models else None)
        assert row.photo_count == len(product.get("imageUrls", []))
        assert row.quantity == item["availability"]["shipToLocationAvailability"]["quantity"]  # quantity matches
        price = first["pricingSummary"]["price"] if first else {"value": None, "currency": None}
        assert row.price_value == (None if price["value"] is None else Decimal(price["value"]))  # price_value …
        assert row.price_currency == price["currency"]  # … and price_currency are correct
        assert row.category == (told[0]["categoryId"] if told and (first or shape == "official") else None)
        assert row.ebay_listing_id == (told[0]["offerId"] if told else None)
        published = any(one["status"] == "PUBLISHED" for one in told)
        assert row.ebay_status == ("ACTIVE" if published else "ENDED" if told else "UNKNOWN")  # ebay_status is correct
        if shape == "official":
            assert row.raw_payload == item  # raw_payload contains the full eBay API response
        else:
            assert row.raw_payload["offers"] == [
                {"offerId": one["offerId"], "status": raw["status"]}
                for one, raw in zip(told, row.raw_payload["offers"], strict=True)
            ]
    by_id = {one["offerId"]: one for entry in expected.values() for one in entry["offers"]}
    assert {row.offer_id for row in offers} == by_id.keys()  # Offers table contains all offers
    for offer in offers:
        told_offer = by_id[offer.offer_id]
        assert offer.sku_code == told_offer["sku"]
        assert offer.listing_id == told_offer.get("listing", {}).get("listingId")
        assert offer.available_quantity == told_offer["availableQuantity"]
        if shape == "official":
            assert offer.raw_payload == told_offer
            assert offer.status == told_offer["status"]
        else:
            pricing = told_offer["pricingSummary"]
            cost = pricing.get("price") or pricing["auctionStartPrice"]
            assert (offer.price_value, offer.price_currency) == (Decimal(cost["value"]), cost["currency"])
            assert offer.status == offer.raw_payload["status"]
            assert (offer.status in ("PUBLISHED", "PUBLISHED_IN_PROGRESS")) == (told_offer["status"] == "PUBLISHED")
            assert offer.creation_date == datetime.fromisoformat(offer.raw_payload["creationDate"])
            assert offer.expiration_date == datetime.fromisoformat(offer.raw_payload["expirationDate"])
            assert offer.account == inventory[0].account
            assert offer.disappeared_at is None
