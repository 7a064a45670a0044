"""The client against a server generated from eBay's published contract of the Inventory API."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import aiohttp
import jsonschema
import pytest
from openapi_spec_validator import validate

from libs.http.client import ApiClient, ApiSettings
from libs.http.errors import Refused
from libs.marketplaces.ebay.client import Ebay
from libs.marketplaces.ebay.item import InventoryItem
from libs.marketplaces.ebay.offer import Offer
from libs.marketplaces.ebay.paging import Cursor
from libs.marketplaces.ebay.values import EbayPayload, whole
from libs.marketplaces.payload import as_json
from tests.contract.ebay.bodies import Bodies
from tests.contract.ebay.mock_server import MockServer, mock_server
from tests.contract.ebay.published import FEED, FULFILLMENT, INVENTORY, Published, published
from tests.ebay_account import AnyToken

SEEDS = range(3)


@pytest.fixture(scope="module")
def contract() -> Published:
    return published(*INVENTORY)


@asynccontextmanager
async def served(contract: Published, seed: int, fullness: float = 1.0) -> AsyncIterator[tuple[Ebay, MockServer]]:
    async with mock_server(contract, seed, fullness) as mock:
        settings = ApiSettings(base_url=mock.base_url, attempts=1, timeout_seconds=20.0)
        async with ApiClient("ebay contract", settings) as api:
            yield Ebay(api, AnyToken()), mock


def told(value: Any) -> Any:
    """JSON as it comes through the client: exact numbers, then as text."""
    return as_json(json.loads(json.dumps(value), parse_float=Decimal))


def assert_nothing_lost(entries: tuple[EbayPayload, ...], bodies: list[Any]) -> None:
    assert [whole(entry) for entry in entries] == [told(body) for body in bodies]


@pytest.mark.parametrize("section", [INVENTORY, FEED, FULFILLMENT], ids=lambda section: section[0])
def test_what_is_read_back_is_a_valid_openapi_document(section):
    validate(published(*section).document)


def test_the_operations_that_the_client_uses_are_the_published_ones(contract):
    operations = {name: (method, path) for name, (method, path, _) in contract.operations().items()}
    assert contract.base_path == "/sell/inventory/v1"
    assert operations["getInventoryItems"] == ("GET", "/inventory_item")
    assert operations["getInventoryItem"] == ("GET", "/inventory_item/{sku}")
    assert operations["bulkGetInventoryItem"] == ("POST", "/bulk_get_inventory_item")
    assert operations["getOffers"] == ("GET", "/offer")


@pytest.mark.parametrize("seed", SEEDS)
async def test_all_pages_of_items(contract, seed):
    async with served(contract, seed) as (ebay, mock):
        pages = [page async for page in ebay.inventory.pages(Cursor(0, 20))]
        assert mock.violations == []
        assert [request.query_string for _, request, _ in mock.asked] == [
            "limit=20&offset=0",
            "limit=20&offset=1",
            "limit=20&offset=2",
        ]
        assert [page.fetched for page in pages] == [20, 20, 5]
        for page, body in zip(pages, mock.answered, strict=True):
            assert (page.total, page.pages, page.unreadable) == (45, 3, ())
            assert_nothing_lost(page.entries, body["inventoryItems"])
            for item, one in zip(page.entries, body["inventoryItems"], strict=True):
                assert_item(item, one)


def assert_item(item: InventoryItem, body: dict[str, Any]) -> None:
    assert item.sku == body["sku"]
    assert item.condition == body["condition"]
    assert item.quantity == body["availability"]["shipToLocationAvailability"]["quantity"]
    assert item.product is not None
    assert item.product.title == body["product"]["title"]
    assert item.product.image_urls == body["product"]["imageUrls"]
    for name, values in body["product"]["aspects"].items():
        assert item.product.aspect(name) == values[0]
    assert (item.price, item.offers) == (None, None)


@pytest.mark.parametrize("sku", ["SKU0000001", "A B/1", "100%", "ä?#&+"])
async def test_one_item(contract, sku):
    async with served(contract, 7) as (ebay, mock):
        item = await ebay.inventory.item(sku)
        assert mock.violations == []
        assert mock.asked[0][1].match_info["sku"] == sku
        assert_item(item, mock.answered[0])


@pytest.mark.parametrize("seed", SEEDS)
async def test_many_items_at_once(contract, seed):
    skus = [f"SKU{number}" for number in range(25)]
    async with served(contract, seed) as (ebay, mock):
        found = await ebay.inventory.bulk(skus)
        assert mock.violations == []
        assert mock.asked[0][2] == {"requests": [{"sku": sku} for sku in skus]}
        assert list(found.items) == skus
        assert found.failures == {}


@pytest.mark.parametrize("seed", SEEDS)
async def test_all_offers_of_a_sku(contract, seed):
    async with served(contract, seed) as (ebay, mock):
        found = await ebay.offers.of_sku("A B", limit=20, format="FIXED_PRICE", marketplace_id="EBAY_US")
        assert mock.violations == []
        assert [dict(request.query) for _, request, _ in mock.asked] == [
            {"sku": "A B", "limit": "20", "offset": page, "format": "FIXED_PRICE", "marketplace_id": "EBAY_US"}
            for page in ("0", "1", "2")
        ]
        bodies = [offer for page in mock.answered for offer in page["offers"]]
        assert_nothing_lost(found.offers, bodies)
        for offer, body in zip(found.offers, bodies, strict=True):
            assert_offer(offer, body)


def assert_offer(offer: Offer, body: dict[str, Any]) -> None:
    assert (offer.offer_id, offer.sku, offer.status) == (body["offerId"], body["sku"], body["status"])
    assert offer.listing_id == body["listing"]["listingId"]
    assert offer.available_quantity == body["availableQuantity"]
    assert offer.category_id == body["categoryId"]
    assert offer.price is not None
    assert (offer.price.value, offer.price.currency) == (Decimal("85.0"), "USD")


@pytest.mark.parametrize("seed", range(6))
async def test_bodies_with_anything_left_out_that_the_contract_lets_out(contract, seed):
    """Every property is optional in the contract: an entry without an id is named, and the others are not lost."""
    async with served(contract, seed, fullness=0.5) as (ebay, mock):
        page = await ebay.inventory.page()
        bodies = mock.answered[0].get("inventoryItems", [])
        assert page.fetched == len(bodies)
        assert_nothing_lost(page.entries, [body for body in bodies if "sku" in body])
        offers = await ebay.offers.page("A")
        bodies = mock.answered[1].get("offers", [])
        assert offers.fetched == len(bodies)
        readable = [body for body in bodies if {"offerId", "sku", "status"} <= body.keys()]
        assert len(offers.entries) <= len(readable)
        assert {offer.offer_id for offer in offers.entries} <= {body["offerId"] for body in readable}
        assert mock.violations == []


@pytest.mark.parametrize(
    ("method", "path", "body", "violation"),
    [
        ("GET", "/inventory_item?page=1", None, "an unknown parameter query page"),
        ("GET", "/inventory_items", None, "no operation GET /sell/inventory/v1/inventory_items"),
        ("POST", "/bulk_get_inventory_item", {"skus": ["A"]}, "Additional properties are not allowed"),
        ("POST", "/bulk_get_inventory_item", {"requests": "A"}, "is not of type 'array'"),
        ("PUT", "/inventory_item/A", {}, "no header content-language"),
    ],
)
async def test_the_server_refuses_what_the_contract_does_not_have(contract, method, path, body, violation):
    async with served(contract, 1) as (_, mock), aiohttp.ClientSession() as http:
        url = f"{mock.base_url}{contract.base_path}{path}"
        async with http.request(method, url, json=body, headers={"Authorization": "Bearer any"}) as answer:
            assert answer.status in (400, 404)
        assert any(violation in each for each in mock.violations), mock.violations


async def test_the_client_tells_a_refusal_of_the_contracts_server(contract):
    async with served(contract, 1) as (ebay, mock):
        with pytest.raises(Refused) as raised:
            await ebay.inventory._caller.call("GET", "/sell/inventory/v1/offer", operation="/offer", query={"x": "1"})
        assert raised.value.status == 400
        assert mock.violations == ["getOffers: an unknown parameter query x"]


@pytest.mark.parametrize("seed", range(20))
def test_the_servers_bodies_conform_to_the_contract(contract, seed):
    for name in ("InventoryItems", "InventoryItemWithSkuLocaleGroupid", "BulkGetInventoryItemResponse", "Offers"):
        body = Bodies(contract, seed, fullness=seed / 20).of(name)
        jsonschema.Draft202012Validator(contract.closed(name)).validate(body)
