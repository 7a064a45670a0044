"""The catalog's entities, field for field as documented: requests, answers, rules, and errors in the unified form."""

import asyncio
import base64
import io
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from libs.bus.settings import KafkaSettings
from libs.db.pool import Database
from schemas.entities import BY_COLLECTION, ENTITIES
from services.catalog.requests import MOST_OPERATIONS
from services.catalog.writing import MOST_BYTES
from tests.integration.running_catalog import ORDER, Catalog, catalog, example, fill
from tests.integration.running_mercadolibre_api import NO_KAFKA
from tests.projecting import scalar


@pytest.fixture
async def api(database: Database, kafka: KafkaSettings) -> AsyncIterator[Catalog]:
    async with catalog(database.url, kafka) as opened:
        yield opened


def same(given: Any, told: Any) -> bool:
    """Whether an answer says what was given: decimals as texts, times with their offset."""
    if isinstance(given, float):
        return Decimal(told) == Decimal(str(given))
    if told == f"{given}.000000Z":
        return True
    return bool(told == given)


async def test_every_documented_example_is_answered_and_kept_as_documented(api: Catalog) -> None:
    await fill(api)
    for entity in ENTITIES:
        row = (await api.get(f"/{entity.collection}/1")).json
        expected = example(entity.collection) | {entity.told(entity.id_field): 1}
        del expected["action"]
        changes: dict[str, Any] = (
            {"attributesJson": {"color": "black"}} if entity.collection == "unifiedProducts" else {}
        )
        changes |= {"decision": "pending"} if entity.collection == "procurementJobs" else {}
        assert set(row) == {*expected, "updatedAt"}
        for name, given in (expected | changes).items():
            assert same(given, row[name]), (entity.collection, name, given, row[name])
    paths = (await api.get("/openapi.json")).json["paths"]
    for collection in ORDER:
        assert set(paths[f"/{collection}"]) == {"post", "get"}
        assert set(paths[f"/{collection}/{{id}}"]) == {"get"}


PAYLOAD = {
    "title": "Apple iPhone 15 128GB Black",
    "description": "Latest iPhone model",
    "condition": "new",
    "quantity": 10,
    "brand": "Apple",
    "model": "A2890",
    "bullet_point1": "6.1-inch Super Retina XDR display",
    "bullet_point2": "A16 Bionic chip",
    "bullet_point3": "48MP camera system",
    "images": ["https://example.com/img1.jpg", "https://example.com/img2.jpg"],
    "keywords": ["iPhone", "Apple", "smartphone"],
}
"""The document's "PayloadJson Example (Amazon)"."""

ADDRESS = {
    "name": "Full Name",
    "email": "email@example.com",
    "phone": "+1-555-0100",
    "address1": "Street address",
    "address2": "Apt, suite, etc.",
    "city": "City",
    "state": "State/Province",
    "postalCode": "Postal code",
    "country": "Country code",
}
"""The document's "BuyerAddressJson Schema"."""


async def test_the_documented_json_fields_are_kept_as_they_are_also_when_sent_as_texts(api: Catalog) -> None:
    await api.create("unifiedProducts")
    for number, (payload, address) in enumerate(((PAYLOAD, ADDRESS), (json.dumps(PAYLOAD), json.dumps(ADDRESS))), 1):
        assert await api.create("listingDrafts", payloadJson=payload) == number
        assert (await api.get(f"/listingDrafts/{number}")).json["payloadJson"] == PAYLOAD
        order = {"buyerAddressJson": address, "channelOrderId": str(number)}
        assert await api.create("marketplaceOrders", **order) == number
        assert (await api.get(f"/marketplaceOrders/{number}")).json["buyerAddressJson"] == ADDRESS


async def test_text_that_only_looks_sealed_is_told_as_it_is(api: Catalog, database: Database) -> None:
    await fill(api)
    token = await scalar(database, "SELECT customer_message FROM read_models.message_tickets")
    for title in (token, f"{token}AAAA"):
        (value,) = (await api.post("unifiedProducts", PRODUCT | {"ean_upc": title, "title": title})).values
        assert (await api.get(f"/unifiedProducts/{value}")).json["title"] == title
    said = await api.create("messageTickets", threadId="2", customerMessage=f"{token}AAAA", suggestedReply=token)
    ticket = (await api.get(f"/messageTickets/{said}")).json
    assert (ticket["customerMessage"], ticket["suggestedReply"]) == (f"{token}AAAA", token)


async def test_rows_are_changed_found_and_deleted(api: Catalog, database: Database) -> None:
    await fill(api)
    changed = await api.post(
        "sellListings", {"action": 2, "sellListingId": 1, "sellPriceUsd": "149.95", "rating": None}
    )
    assert changed.values == ["1"]
    row = (await api.get("/sellListings/1")).json
    assert (row["sellPriceUsd"], row["rating"], row["title"]) == ("149.95", None, "Product X")

    by_key = {"channel": "amazon", "channelOrderId": "AMZ-ORDER-000001", "unifiedProductId": 1}
    assert (await api.post("marketplaceOrders", {"action": "2", "status": "ORDER_CONFIRMED", **by_key})).values == ["1"]
    assert (await api.get("/marketplaceOrders", status="ORDER_CONFIRMED", channel="amazon")).json["next"] is None
    assert (await api.get("/marketplaceOrders", status="ORDER_NEW")).json["marketplaceOrders"] == []
    assert (await api.get("/marketplaceOrders", status="elsewhere")).json["marketplaceOrders"] == []
    assert (await api.get("/marketplaceOrders", size="XL")).status == 400
    assert (await api.get("/buyOffers", after="?")).status == 400
    assert (await api.get("/buyOffers", supplierName="a\0b")).status == 400
    for value in ("1e200000", "1e-20000", "1e999999999"):
        assert (await api.get("/buyOffers", buyCostUsd=value)).status == 400
    assert (await api.get("/sellListings", listingTimestamp="0001-01-01T00:00:00+14:00")).status == 400
    assert len((await api.get("/sellListings", listingTimestamp="2026-01-15T18:10:00")).json["sellListings"]) == 1
    for cursor in ("2026-01-15T00:00:00Z a\0b", "2026-01-15T00:00:00 1", "0001-01-01T00:00:00+14:00 1"):
        after = base64.urlsafe_b64encode(cursor.encode()).decode()
        assert (await api.get("/buyOffers", after=after)).status == 400
    assert sorted(await api.all_rows("buyOffers")) == list(range(1, 11))

    for collection in reversed(ORDER):
        whole_row = example(collection) | {"action": "3", "id": 1}
        whole_row.pop(BY_COLLECTION[collection].told(BY_COLLECTION[collection].id_field), None)
        answer = await api.post(collection, whole_row)
        if collection == "buyOffers":
            assert answer.values == [""]
        assert answer.json == {"result": [{"value": "", "msg": "success", "error": ""}]}, collection
        assert (await api.get(f"/{collection}/1")).status == 404
        gone = await api.post(collection, {"action": 2, "id": 1})
        assert (gone.status, "there is no" in gone.error) == (400, True)
    assert await scalar(database, "SELECT buyer_address_json::text FROM read_models.marketplace_orders") == "{}"
    assert await scalar(database, "SELECT customer_message FROM read_models.message_tickets") == ""
    assert (await api.post("unifiedProducts", example("unifiedProducts"))).values == ["2"], "a barcode is free again"


async def test_a_row_that_is_referred_to_stays(api: Catalog) -> None:
    await fill(api)
    cases = {
        "unifiedProducts": "unifiedProductId 1 is in use: unifiedProductId of listingDraftId 1 in listingDrafts",
        "marketplaceOrders": "marketplaceOrderId 1 is in use: marketplaceOrderId of messageTicketId 1 in "
        "messageTickets",
        "listingDrafts": "listingDraftId 1 is in use: draftId of publishJobId 1 in publishJobs",
    }
    for collection, words in cases.items():
        answer = await api.post(collection, {"action": 3, "id": 1})
        assert (answer.status, answer.error) == (400, f"{collection}[0]: Foreign key violation: {words}")
    matched = await api.post("buyOffers", {"action": 3, "id": 10})
    assert "entityId of productMatchId 1" in matched.error
    assert (await api.post("sellListings", {"action": 3, "id": 1})).values == [""], "that match is with an offer"


PRODUCT = example("unifiedProducts")
WRONG: list[tuple[str, Any, tuple[str, ...]]] = [
    ("unifiedProducts", "{", ("not JSON",)),
    ("unifiedProducts", "[]", ("dictionary",)),
    ("unifiedProducts", {"products": []}, ("unifiedProducts: Field required",)),
    ("unifiedProducts", {"unifiedProducts": []}, ("unifiedProducts", "at least 1")),
    ("unifiedProducts", {"unifiedProducts": [PRODUCT | {"action": "4"}]}, ("[0]", "action must be 1 (create)")),
    ("unifiedProducts", {"unifiedProducts": [{"action": 1}]}, ("[0].brand: Field required", "[0].ean_upc")),
    ("unifiedProducts", {"unifiedProducts": [PRODUCT | {"colour": 1}]}, ("[0].colour", "not permitted")),
    ("unifiedProducts", {"unifiedProducts": [PRODUCT | {"ean_upc": "a\0b"}]}, ("[0].ean_upc", "pattern")),
    ("unifiedProducts", {"unifiedProducts": [PRODUCT | {"title": None}]}, ("[0].title", "valid string")),
    ("unifiedProducts", {"unifiedProducts": [PRODUCT | {"title": "\ud800"}]}, ("surrogate",)),
    ("unifiedProducts", {"unifiedProducts": [PRODUCT | {"attributesJson": "{"}]}, ("[0].attributesJson", "not JSON")),
    (
        "unifiedProducts",
        {"unifiedProducts": [PRODUCT | {"attributesJson": {"a": "\0"}}]},
        ("[0].attributesJson", "NUL"),
    ),
    (
        "unifiedProducts",
        {"unifiedProducts": [PRODUCT | {"attributesJson": '{"\\ud800": 1}'}]},
        ("[0].attributesJson", "surrogate pair"),
    ),
    *(
        ("unifiedProducts", f'{{"unifiedProducts": [{{"action": 1, "attributesJson": {{"a": {deep}}}}}]}}', ("nested",))
        for deep in ("[" * levels + "]" * levels for levels in (100, 700, 100_000))
    ),
    ("unifiedProducts", {"unifiedProducts": [{"action": 3, "id": True}]}, ("[0].id", "not true or false")),
    (
        "unifiedProducts",
        {"unifiedProducts": [{"action": 2, "title": "x"}]},
        ("unifiedProductId, or ean_upc, is required",),
    ),
    ("unifiedProducts", {"unifiedProducts": [{"action": 3, "ean_upc": "0"}]}, ("there is no row with ean_upc 0",)),
    ("unifiedProducts", {"unifiedProducts": [{"action": 2, "id": 2**63}]}, ("[0].id",)),
    (
        "unifiedProducts",
        {"unifiedProducts": [PRODUCT]},
        ("Constraint violation: ean_upc '1234567890123' is taken: unifiedProductId 1 has it",),
    ),
    (
        "buyOffers",
        {"buyOffers": [example("buyOffers") | {"buyCostUsd": -1}]},
        ("[0].buyCostUsd", "greater than or equal to 0"),
    ),
    (
        "buyOffers",
        {"buyOffers": [example("buyOffers") | {"stockLevel": 2**63}]},
        ("[0].stockLevel", "less than or equal to 9223372036854775807"),
    ),
    ("buyOffers", {"buyOffers": [example("buyOffers") | {"buyCostUsd": "1e99999999"}]}, ("at most 40 digits",)),
    ("buyOffers", {"buyOffers": [example("buyOffers") | {"stockLevel": True}]}, ("[0].stockLevel", "not true or")),
    ("sellListings", {"sellListings": [{"action": 2, "id": 1, "fxAsOfDate": 0}]}, ("[0].fxAsOfDate", "a text was")),
    (
        "sellListings",
        {"sellListings": [{"action": 2, "id": 1, "listingTimestamp": 0}]},
        ("[0].listingTimestamp", "text"),
    ),
    (
        "sellListings",
        {"sellListings": [{"action": 2, "id": 1, "listingTimestamp": "0001-01-01T00:00:00+14:00"}]},
        ("[0].listingTimestamp", "between the years 1 and 9999"),
    ),
    (
        "buyOffers",
        {"buyOffers": [{"action": 2, "id": 1, "minQuantity": 51}]},
        ("minQuantity 51 is above maxQuantity 50",),
    ),
    (
        "buyOffers",
        {"buyOffers": [{"action": 2, "id": 1}, {"action": 2, "id": 1}]},
        ("buyOffers[1]: buyOfferId 1 stands twice",),
    ),
    (
        "sellListings",
        {"sellListings": [example("sellListings") | {"channel": "shop"}]},
        ("[0].channel", "'amazon', 'mercadolibre'"),
    ),
    (
        "sellListings",
        {"sellListings": [example("sellListings") | {"channelItemId": "B1", "unifiedProductId": 99}]},
        ("Foreign key violation: unifiedProductId 99 does not exist in unifiedProducts",),
    ),
    (
        "productMatches",
        {"productMatches": [example("productMatches") | {"entityType": "sell"}]},
        ("entityId 10 does not exist in sellListings",),
    ),
    (
        "productMatches",
        {"productMatches": [{"action": 2, "id": 1, "entityId": 1}]},
        ("productMatches[0]: entityId and entityType can only be changed together",),
    ),
    (
        "productMatches",
        {"productMatches": [example("productMatches") | {"confidence": 1.01}]},
        ("[0].confidence", "less than or equal to 1"),
    ),
    (
        "marketplaceOrders",
        {"marketplaceOrders": [{"action": 2, "id": 1, "quantity": 2**31, "soldPriceUsd": "10000000000.01"}]},
        ("[0].quantity", "less than or equal to 2147483647", "[0].soldPriceUsd", "less than or equal to 10000000000"),
    ),
    (
        "costRules",
        {"costRules": [{"action": 2, "id": 1, "effectiveTo": "2026-01-16"}]},
        ("effectiveTo 2026-01-16 is before effectiveFrom",),
    ),
    (
        "costRules",
        {"costRules": [{"action": 2, "id": 1, "feePercent": "0.1234567"}]},
        ("feePercent 0.1234567 has more than six decimals",),
    ),
    (
        "listingDrafts",
        {"listingDrafts": [{"action": 2, "draftId": 1, "suggestedPriceUsd": 900}]},
        ("suggestedPriceUsd 900 is not between minPriceUsd 749.99 and maxPriceUsd 849.99",),
    ),
    ("publishJobs", {"publishJobs": [example("publishJobs")]}, ("draftId 1 is taken: publishJobId 1 has it",)),
]


async def test_what_is_wrong_is_told_by_field_and_value_and_changes_nothing(api: Catalog, database: Database) -> None:
    await fill(api)
    before = {collection: await api.all_rows(collection) for collection in ORDER}
    for collection, body, words in WRONG:
        answer = await api.send(collection, body)
        assert answer.status == 400, (body, answer.json)
        for word in words:
            assert word in answer.error, answer.error
    good = PRODUCT | {"ean_upc": "2"}
    for bad in (PRODUCT, good, {"action": 2, "id": 77}):
        answer = await api.post("unifiedProducts", good, bad)
        assert (answer.status, answer.error[:19]) == (400, "unifiedProducts[1]:")
    assert {collection: await api.all_rows(collection) for collection in ORDER} == before
    async with database.connection() as connection:
        await connection.execute("DROP SCHEMA commands CASCADE")
    answer = await api.post("unifiedProducts", good)
    assert (answer.status, answer.error != "") == (500, True)


async def test_the_largest_batch_is_carried_out_and_a_larger_one_refused_in_words(api: Catalog) -> None:
    batch = [PRODUCT | {"ean_upc": str(number)} for number in range(MOST_OPERATIONS + 1)]
    refused = await api.post("unifiedProducts", *batch)
    assert (refused.status, "at most 500 items" in refused.error) == (400, True)
    assert (await api.post("unifiedProducts", *batch[:-1])).values == [str(number) for number in range(1, 501)]
    async with api.session.post("/unifiedProducts", data=io.BytesIO(b" " * (MOST_BYTES + 1))) as heavy:
        assert (heavy.status, (await heavy.json())["result"][0]["msg"]) == (413, "error")


async def test_the_documented_way_of_a_publish_job(api: Catalog) -> None:
    await fill(api)
    for state in ("processing", "failed", "retrying", "processing", "completed"):
        assert (await api.post("publishJobs", {"action": "2", "draftId": 1, "status": state})).values == ["1"]
    assert (await api.get("/publishJobs/1")).json["status"] == "completed"


async def test_the_same_request_under_its_key_is_done_once(api: Catalog) -> None:
    first = await api.post("unifiedProducts", PRODUCT, Idempotency_Key="k-1")
    again = await api.post("unifiedProducts", PRODUCT, Idempotency_Key="k-1")
    assert first.values == again.values == ["1"]
    assert (first.headers.get("Idempotency-Replayed"), again.headers["Idempotency-Replayed"]) == (None, "true")
    other = await api.post("unifiedProducts", PRODUCT | {"title": "other"}, Idempotency_Key="k-1")
    assert (other.status, "another request" in other.error) == (422, True)
    assert await raw_answer(api, b"k-\xff", PRODUCT) == (400, True), "a key that is no UTF-8"


async def raw_answer(api: Catalog, key: bytes, product: dict[str, Any]) -> tuple[int, bool]:
    """The status of a create under a key of any bytes, and whether the answer speaks of the key."""
    body = json.dumps({"unifiedProducts": [product]}).encode()
    url = api.session._base_url
    assert url is not None
    reader, writer = await asyncio.open_connection(url.host, url.port)
    head = b"POST /unifiedProducts HTTP/1.1\r\nHost: catalog\r\nConnection: close\r\nContent-Length: %d\r\n" % len(body)
    writer.write(head + b"Idempotency-Key: " + key + b"\r\n\r\n" + body)
    answer = await reader.read()
    writer.close()
    return int(answer.split()[1]), b"Idempotency-Key must have" in answer


async def test_without_kafka_nothing_is_changed_and_the_answer_says_when_to_come_back(database: Database) -> None:
    async with catalog(database.url, NO_KAFKA) as api:
        answer = await api.post("unifiedProducts", PRODUCT)
        assert (answer.status, answer.headers["Retry-After"]) == (503, "2")
        assert (await api.get("/unifiedProducts")).json == {"unifiedProducts": [], "next": None}
