"""Products, offers and listings are matched as they appear and change; what is not sure waits for a person."""

import zlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from libs.bus.publisher import Publisher
from libs.bus.settings import KafkaSettings
from libs.db.pool import Database
from libs.db.settings import DatabaseSettings
from libs.http.server import Health, prepare_application
from libs.read_models.entities import read_model
from schemas.entities import BY_COLLECTION
from services.matcher.app import build
from services.matcher.config import Config
from tests.integration.running_catalog import Catalog, catalog
from tests.integration.running_matcher import matcher
from tests.projecting import projecting, scalar, until

ENTITIES = ("unifiedProducts", "buyOffers", "sellListings", "productMatches")
GTIN = "194253701286"


@pytest.fixture
async def api(database: Database, kafka: KafkaSettings, publisher: Publisher) -> AsyncIterator[Catalog]:
    async with AsyncExitStack() as stack:
        for name in ENTITIES:
            model = read_model(BY_COLLECTION[name])
            await stack.enter_async_context(projecting(model, kafka, publisher, database))
        yield await stack.enter_async_context(catalog(database.url, kafka))


async def product(api: Catalog, **changes: Any) -> int:
    return await api.create("unifiedProducts", **changes)


async def listing(api: Catalog, title: str, product_id: int = 1, **changes: Any) -> int:
    item = f"B0{zlib.crc32(title.encode()):08X}"
    return await api.create(
        "sellListings", title=title, unifiedProductId=product_id, **{"channelItemId": item, **changes}
    )


async def matches(api: Catalog, kind: str, number: int) -> list[tuple[int, str, str]]:
    """Product, method and confidence of each match of an offer or a listing."""
    found = (await api.get("/productMatches", entityType=kind, entityId=number)).json["productMatches"]
    return [(one["unifiedProductId"], one["matchMethod"], one["confidence"]) for one in found]


async def until_matched(api: Catalog, kind: str, number: int, *expected: tuple[int, str]) -> None:
    async def as_expected() -> bool:
        return [found[:2] for found in await matches(api, kind, number)] == list(expected)

    await until(as_expected, f"{kind} {number} is matched with {expected}")


async def test_barcodes_and_codes_link_without_a_model_whatever_comes_first(api, kafka, database):
    iphone = await product(api, ean_upc="1")
    other = await product(api, ean_upc="2", model="X-100", title="Headphones X-100", brand="Sony")
    early = await listing(api, f"Phone {GTIN}", other)
    await api.create("buyOffers", productUrl="http://[no host")  # what one caller writes keeps no other unmatched
    async with matcher(database.url, kafka, titles="off"):
        coded = await listing(api, "Sony X100 headphones", iphone)
        await until_matched(api, "sell", coded, (other, "sku"))
        assert (await api.get(f"/sellListings/{coded}")).json["unifiedProductId"] == other

        offer = await api.create("buyOffers", productUrl=f"https://shop.example/p/1?gtin={GTIN}")
        assert await matches(api, "buy", offer) == []
        changed = {"action": 2, "unifiedProductId": iphone, "ean_upc": GTIN}
        assert (await api.post("unifiedProducts", changed)).status == 200
        await until_matched(api, "buy", offer, (iphone, "barcode"))
        await until_matched(api, "sell", early, (iphone, "barcode"))
        assert await matches(api, "sell", early) == [(iphone, "barcode", "0.99")]
        assert (await api.get(f"/sellListings/{early}")).json["unifiedProductId"] == iphone

        gone = {"action": 2, "sellListingId": early, "title": "Sony X-100"}
        assert (await api.post("sellListings", gone)).status == 200
        await until_matched(api, "sell", early, (other, "sku"))
    assert await scalar(database, "SELECT count(*) FROM matcher.vectors") == 0


async def test_titles_link_above_0_8_and_wait_for_a_person_otherwise(api, kafka, database):
    pytest.importorskip("onnxruntime")
    blue = await product(api, ean_upc="1", brand="Apple", model="A2890", title="Apple iPhone 15 128GB Blue",
                         attributesJson={"color": "blue"})  # fmt: skip
    black = await product(api, ean_upc="2", brand="Apple", model="A2891", title="Apple iPhone 15 256GB Black",
                          attributesJson={"color": "black"})  # fmt: skip
    async with matcher(database.url, kafka):
        sure = await listing(api, "Apple iPhone 15 (128 GB) - Blue", black)
        await until_matched(api, "sell", sure, (blue, "embedding"))
        assert (await api.get(f"/sellListings/{sure}")).json["unifiedProductId"] == blue
        case = await listing(api, "Case for Apple iPhone 15 128GB Blue", black)
        await until_matched(api, "sell", case, (blue, "embedding"))
        assert (await api.get(f"/sellListings/{case}")).json["unifiedProductId"] == black
        (waiting,) = (await api.get("/productMatches/review")).json["productMatches"]
        assert (waiting["entityId"], waiting["unifiedProductId"]) == (case, blue)
        assert waiting["entityTitle"] == "Case for Apple iPhone 15 128GB Blue"
        assert waiting["productTitle"] == "Apple iPhone 15 128GB Blue"
        assert waiting["band"] in ("moderate", "low")

        rejected = f"/productMatches/{waiting['productMatchId']}/reject"
        for replayed in (None, "true"):
            async with api.session.post(rejected, headers={"Idempotency-Key": "k1"}) as told:
                assert (told.status, told.headers.get("Idempotency-Replayed")) == (200, replayed)
        assert (await api.get("/productMatches/review")).json == {"productMatches": [], "total": 0}
        touched = {"action": 2, "sellListingId": case, "sellPriceUsd": "9.99"}
        assert (await api.post("sellListings", touched)).status == 200
        last = await listing(api, "Apple iPhone 15 (256 GB) - Black", blue)
        await until_matched(api, "sell", last, (black, "embedding"))
        told = [found for found in await matches(api, "sell", case) if found[0] == blue]
        assert told == [(blue, "manual", "0.0000")]
    assert await scalar(database, "SELECT count(*) FROM matcher.vectors") == 5


async def test_an_approved_match_links_and_is_left_alone(api, kafka, database):
    first, second = await product(api, ean_upc="1"), await product(api, ean_upc="2", model="A2891")
    mine = await listing(api, "Apple iPhone 15", first)
    match = {"unifiedProductId": second, "entityType": "sell", "entityId": mine, "matchMethod": "embedding"}
    number = await api.create("productMatches", **match, confidence="0.7")
    assert (await api.get("/productMatches/review", entityType="buy")).json["total"] == 0
    assert (await api.get("/productMatches/review", size=1)).status == 400
    async with api.session.post(f"/productMatches/{number}/approve") as told:
        assert (await told.json())["result"] == [{"value": str(number), "msg": "success", "error": ""}]
    async with api.session.post("/productMatches/77/approve") as told:
        assert (told.status, (await told.json())["result"][0]["error"]) == (400, "there is no productMatchId 77")
    assert await matches(api, "sell", mine) == [(second, "manual", "1.0000")]
    assert (await api.get(f"/sellListings/{mine}")).json["unifiedProductId"] == second
    async with matcher(database.url, kafka, titles="off"):
        changed = {"action": 2, "sellListingId": mine, "title": "Apple iPhone 15 A2890"}
        assert (await api.post("sellListings", changed)).status == 200
        other = await listing(api, "Apple A2890", second)
        await until_matched(api, "sell", other, (first, "sku"))
        assert await matches(api, "sell", mine) == [(second, "manual", "1.0000")]


async def test_it_says_which_methods_it_has(kafka, database):
    for titles, methods in (("off", ["barcode", "sku"]), ("on", ["barcode", "sku", "embedding"])):
        config = Config(kafka=kafka, database=DatabaseSettings(url=database.url), port=0, titles=titles)
        async with build(config) as service:
            prepare_application(service.http, service.name, Health(service.ready))
            async with TestClient(TestServer(service.http)) as client:
                told = await (await client.get("/methods")).json()
        assert told["methods"] == methods
        assert ("pip install" in (told["missing"] or "")) == (titles == "off")
