"""The sandbox's answers against eBay's published contracts: no unknown property, no wrong type."""

from collections.abc import AsyncIterator
from typing import Any

import jsonschema
import pytest

from tests.contract.ebay.published import FEED, FULFILLMENT, INVENTORY, Published, published
from tests.ebay_account import Account, account
from tests.integration.running_sandbox import Sandbox, sandbox

BASE = "/ebay/sell/inventory/v1"


@pytest.fixture(scope="module")
def inventory() -> Published:
    return published(*INVENTORY)


@pytest.fixture
async def running() -> AsyncIterator[tuple[Sandbox, Account]]:
    async with sandbox(ebay_items=450, ebay_orders=60) as made, account(made) as opened:
        await made.control("POST", "/_world/steps", {"steps": 60, "marketplace": "ebay"})
        yield made, opened


async def asked(made: Sandbox, opened: Account, path: str, status: int = 200, **options: Any) -> Any:
    method = "POST" if options else "GET"
    headers = {"Authorization": f"Bearer {await opened.tokens.token()}"}
    async with made.http.request(method, made.base + path, headers=headers, **options) as answer:
        assert answer.status == status, await answer.text()
        return await answer.json()


def assert_conforms(contract: Published, name: str, body: Any) -> None:
    jsonschema.Draft202012Validator(contract.closed(name)).validate(body)


async def test_every_page_of_items(running, inventory):
    made, opened = running
    skus = []
    for page in range(3):
        body = await asked(made, opened, f"{BASE}/inventory_item?limit=200&offset={page}")
        assert_conforms(inventory, "InventoryItems", body)
        assert ("next" in body, "prev" in body) == (page < 2, page > 0)
        skus += [item["sku"] for item in body["inventoryItems"]]
    assert len({*skus}) == 450
    assert set(body) <= inventory.schema("InventoryItems")["properties"].keys()


async def test_items_one_and_many(running, inventory):
    made, opened = running
    item = await asked(made, opened, f"{BASE}/inventory_item/SKU0000003")
    assert_conforms(inventory, "InventoryItemWithSkuLocaleGroupid", item)
    request = {"requests": [{"sku": "SKU0000003"}, {"sku": "unknown"}]}
    assert_conforms(inventory, "BulkGetInventoryItem", request)
    body = await asked(made, opened, f"{BASE}/bulk_get_inventory_item", 207, json=request)
    assert_conforms(inventory, "BulkGetInventoryItemResponse", body)
    assert [each["statusCode"] for each in body["responses"]] == [200, 404]
    assert body["responses"][0]["inventoryItem"] == item


async def test_offers_of_every_kind(running, inventory):
    made, opened = running
    kinds = set()
    for truth in (await made.control("GET", "/_ebay/inventory?limit=120"))["inventory"]:
        if not truth["offers"]:
            refused = await asked(made, opened, f"{BASE}/offer?sku={truth['item']['sku']}", 404)
            assert_conforms(inventory, "Error", refused["errors"][0])
            assert refused["errors"][0]["errorId"] == 25713
            continue
        body = await asked(made, opened, f"{BASE}/offer?sku={truth['item']['sku']}")
        assert_conforms(inventory, "Offers", body)
        one = await asked(made, opened, f"{BASE}/offer/{body['offers'][0]['offerId']}")
        assert_conforms(inventory, "EbayOfferDetailsWithAll", one)
        kinds |= {(offer["format"], offer["status"]) for offer in body["offers"]}
    assert kinds == {(kind, state) for kind in ("FIXED_PRICE", "AUCTION") for state in ("PUBLISHED", "UNPUBLISHED")}


@pytest.mark.parametrize(
    ("path", "status", "error_id"),
    [
        (f"{BASE}/inventory_item?limit=201", 400, 25706),
        (f"{BASE}/inventory_item?offset=-1", 400, 25706),
        (f"{BASE}/inventory_item/unknown", 404, 25702),
        (f"{BASE}/offer", 400, 25707),
        (f"{BASE}/offer?sku=A&format=GIFT", 400, 25709),
        ("/ebay/sell/nothing", 404, 2002),
    ],
)
async def test_errors(running, inventory, path, status, error_id):
    made, opened = running
    body = await asked(made, opened, path, status)
    assert_conforms(inventory, "Error", body["errors"][0])
    assert body["errors"][0]["errorId"] == error_id


@pytest.mark.parametrize("fault", [{"kind": "rate_limited"}, {"kind": "outage", "status": 500}, {"kind": "blocked"}])
async def test_faults_are_worded_as_ebay_words_errors(running, inventory, fault):
    made, opened = running
    await opened.tokens.token()
    await made.control("POST", "/_faults", {"marketplace": "ebay", "path": "/sell/inventory/*", **fault})
    status = {"rate_limited": 429, "outage": 500, "blocked": 403}[fault["kind"]]
    body = await asked(made, opened, f"{BASE}/inventory_item", status)
    assert_conforms(inventory, "Error", body["errors"][0])


async def test_inventory_tasks(running):
    made, opened = running
    contract = published(*FEED)
    task_id = await opened.ebay.feed.create("FIXED_PRICE")
    for _ in range(2):
        task = await asked(made, opened, f"/ebay/sell/feed/v1/inventory_task/{task_id}")
        assert_conforms(contract, "InventoryTask", task)
    assert task["status"] == "COMPLETED"
    tasks = await asked(made, opened, "/ebay/sell/feed/v1/inventory_task?feed_type=LMS_ACTIVE_INVENTORY_REPORT")
    assert_conforms(contract, "InventoryTaskCollection", tasks)
    assert tasks["tasks"] == [task]


async def test_orders(running):
    made, opened = running
    contract = published(*FULFILLMENT)
    body = await asked(made, opened, "/ebay/sell/fulfillment/v1/order?limit=200")
    assert_conforms(contract, "OrderSearchPagedCollection", body)
    assert body["total"] > 60
    one = await asked(made, opened, f"/ebay/sell/fulfillment/v1/order/{body['orders'][-1]['orderId']}")
    assert one == body["orders"][-1]
