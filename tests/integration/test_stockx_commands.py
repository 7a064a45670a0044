"""stockx_poller takes commands as facts, each once; what cannot be read goes to the dead letters with its bytes."""

import json
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from libs.bus.dead_letter import DeadLetter
from libs.bus.message import Outgoing
from libs.bus.publisher import Publisher
from libs.bus.settings import KafkaSettings
from libs.bus.tail import read_tail
from libs.db.pool import Database
from libs.http.answer import exact_json
from libs.marketplaces.stockx.order import Order
from schemas.listing_commands.listing_change_requested import ListingChangeRequestedV1
from schemas.topics import dead_letter_topic
from services.stockx_poller import orders
from services.stockx_poller.app import NAME
from services.stockx_poller.unreadable import ROUTE
from tests.integration.test_stockx_poller import World, prepared
from tests.projecting import until
from tests.stockx_polling import environment_of, serving


def wanted(**told: Any) -> ListingChangeRequestedV1:
    basis = {"marketplace": "stockx", "account": "acme", "id": str(uuid4()), "requested_by": "pricing"}
    return ListingChangeRequestedV1.model_validate({**basis, "requested_at": datetime.now(UTC), **told})


async def letters(kafka: KafkaSettings) -> list[DeadLetter]:
    everything = {"since": datetime(1970, 1, 1, tzinfo=UTC), "most_per_partition": 1_000}
    return [
        DeadLetter.of(record, NAME)
        async for record in read_tail(kafka, dead_letter_topic(NAME), **everything)  # type: ignore[arg-type]  # as above
    ]


async def dead(kafka: KafkaSettings, many: int) -> list[DeadLetter]:
    found: list[DeadLetter] = []

    async def so() -> bool:
        found[:] = await letters(kafka)
        return len(found) >= many

    await until(so, f"there are {many} dead letters")
    return found


@pytest.fixture
async def world(kafka: KafkaSettings, publisher: Publisher, database_url: str) -> Any:
    async with AsyncExitStack() as stack:
        yield await prepared(stack, kafka, publisher, database_url)


async def test_commands_that_come_as_facts(world: World, kafka: KafkaSettings, publisher: Publisher) -> None:
    price = {"amount": "150", "currency": "USD"}
    create = wanted(kind="create", variant_id=world.variants[0], price=price, active=False)
    wrong = [
        wanted(kind="create", variant_id=world.variants[0]),
        wanted(kind="update", listing_id="some-listing"),
        wanted(kind="delete"),
        wanted(kind="create", variant_id=world.variants[0], price=price, account="nobody"),
        create.model_copy(update={"active": True}),
    ]
    async with serving(await environment_of(world.shop, kafka, world.database)) as poller:
        for fact in (create, create):
            await publisher.publish(Outgoing(fact), within=30)
        told = await world.becomes("listing_operations", "succeeded", id=create.id)
        assert (told["kind"], told["requested_by"]) == ("create", "pricing")
        listing_id = told["listing_id"]
        steps = [
            wanted(kind="activate", listing_id=listing_id, price={"amount": "155", "currency": "USD"}),
            wanted(kind="deactivate", listing_id=listing_id),
            wanted(kind="delete", listing_id=listing_id),
        ]
        for fact in [*wrong, wanted(kind="delete", listing_id="x", marketplace="ebay"), *steps]:
            await publisher.publish(Outgoing(fact), within=30)
        await world.becomes("listings", "DELETED", listing_id=listing_id)
        assert len(await world.truth()) == 1, "the same command is carried out once"
        await world.quiet(poller)
        assert (await poller.ended(steps[0].id))["status"] == "succeeded", "it can be asked for under its id"
        found = await dead(kafka, len(wrong))
    assert {json.loads(each.record.value or b"")["id"] for each in found} == {each.id for each in wrong}
    assert sorted(each.error_class for each in found) == ["contract"] * 4 + ["policy"]


async def test_what_cannot_be_read_is_kept_with_its_bytes(
    world: World, kafka: KafkaSettings, publisher: Publisher
) -> None:
    fault = {"marketplace": "stockx", "kind": "garbage", "path": "/v2/selling/listings*", "method": "GET", "count": 2}
    await world.shop.control("POST", "/_faults", fault)
    async with serving(await environment_of(world.shop, kafka, world.database)):
        await publisher.send("listing_commands", b"key", b"no command at all", [("other", b"tool")], within=30)
        found = await dead(kafka, 2)
        by_origin = {each.topic: each for each in found}
    assert by_origin["listing_commands"].record.value == b"no command at all"
    told = by_origin["stockx"]
    assert told.record.value, "the bytes that StockX answered"
    assert dict(told.record.headers)[ROUTE] == b"GET /selling/listings"
    assert told.error_class == "contract"
    assert len(found) == 2, "the same bytes are kept once"


async def test_an_order_that_no_fact_can_be_made_of_is_kept_as_it_was_told(database: Database) -> None:
    told = (
        b'{"orderNumber":"1-2","amount":"140","currencyCode":null,"status":"CREATED",'
        b'"createdAt":"2021-08-25T13:51:47.000Z","payout":{"totalPayout":76.81000000000002}}'
    )
    async with database.transaction() as connection:
        await orders.put(connection, "acme", [Order.read(exact_json(told))], active=True)
        rows = await connection.fetch("SELECT raw, why FROM stockx_poller.unreadable")
        assert await connection.fetchval("SELECT count(*) FROM stockx_poller.outbox") == 0
    assert [(row["raw"], row["why"]) for row in rows] == [(told, "order 1-2 tells no amount in a currency")]
