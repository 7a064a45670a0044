"""One resource that StockX fails at, or refuses, stops nothing else of its account."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from libs.bus.publisher import Publisher
from libs.bus.settings import KafkaSettings
from tests.integration.test_stockx_poller import World, prepared
from tests.projecting import scalar, until
from tests.stockx_polling import Poller, environment_of, serving

LISTINGS, ORDERS = "/v2/selling/listings", "/v2/selling/orders"


@pytest.fixture
async def world(kafka: KafkaSettings, publisher: Publisher, database_url: str) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        yield await prepared(stack, kafka, publisher, database_url)


async def fault(world: World, kind: str, path: str, method: str = "GET", **more: Any) -> None:
    spec = {"marketplace": "stockx", "kind": kind, "path": path, "method": method, **more}
    await world.shop.control("POST", "/_faults", spec)


async def created(world: World, poller: Poller, variant: int = 0) -> str:
    body = {"variant_id": world.variants[variant], "amount": "150"}
    told = await poller.ended((await poller.call("POST", "/listings", body))["command_id"])
    assert told["status"] == "succeeded"
    return str(told["listing_id"])


@pytest.mark.parametrize("doubtful", [False, True])
async def test_a_listing_that_stockx_fails_at_holds_up_no_other(world: World, doubtful: bool) -> None:
    async with serving(await environment_of(world.shop, world.kafka, world.database)) as poller:
        listing_id = await created(world, poller)
        await fault(world, "outage", f"{LISTINGS}/{listing_id}*")
        if doubtful:
            await fault(world, "outage", f"{LISTINGS}/{listing_id}", "PATCH", count=1)
        stuck = await poller.call("PATCH", f"/listings/{listing_id}", {"amount": "160"})

        async def asked_for() -> bool:
            told = await world.shop.control("GET", "/_faults")
            return bool(told["faults"][0]["hits"])

        await until(asked_for, "StockX has failed", 10)
        await created(world, poller, 1)
        kept = await poller.call("GET", f"/commands/{stuck['command_id']}", expect=200)
        assert kept["ended_at"] is None
        await world.shop.control("DELETE", "/_faults")
        assert (await poller.ended(stuck["command_id"]))["status"] == "succeeded"
    assert {each["amount"] for each in (await world.truth()).values()} == {"150", "160"}


@pytest.mark.parametrize("kind", ["garbage", "outage"])
async def test_an_order_that_cannot_be_read_holds_up_no_other(world: World, kind: str) -> None:
    timing = {"timing__history": "PT1H", "timing__orders": "PT0.2S"}
    async with serving(await environment_of(world.shop, world.kafka, world.database, **timing)) as poller:
        sold = [await created(world, poller, number) for number in range(2)]
        orders = (await world.shop.control("POST", "/_stockx/sales", {"listing_ids": sold}))["orders"]
        broken, whole = sorted(each["orderNumber"] for each in orders)
        for number in (broken, whole):
            await world.becomes("orders", "placed", order_id=number)
        await fault(world, kind, f"{ORDERS}/{broken}")
        for number in (broken, whole):
            await world.shop.control("POST", f"/_stockx/orders/{number}/advance", {"status": "COMPLETED"})
        # As after a second page: what is new stands on the first one.
        await scalar(world.database, "UPDATE stockx_poller.accounts SET orders_page = 2")
        await world.becomes("orders", "COMPLETED", order_id=whole)
        listing_id = await created(world, poller, 2)
        (new,) = (await world.shop.control("POST", "/_stockx/sales", {"listing_ids": [listing_id]}))["orders"]
        await world.becomes("orders", "placed", order_id=new["orderNumber"])
        await missed(world, broken, 4)
        asked = (await world.shop.control("GET", "/_faults"))["faults"][0]["hits"]
        await missed(world, broken, 8)
        assert (await world.shop.control("GET", "/_faults"))["faults"][0]["hits"] == asked > 0, "not in every round"
        await world.shop.control("DELETE", "/_faults")
        await world.becomes("orders", "COMPLETED", order_id=broken)


async def missed(world: World, order_number: str, rounds: int) -> None:
    """An order was on no page in so many rounds."""
    sql = "SELECT absent >= $2 FROM stockx_poller.orders WHERE order_number = $1"

    async def so() -> bool:
        return await scalar(world.database, sql, order_number, rounds) is True

    await until(so, f"{order_number} was missed {rounds} times")


async def test_a_command_that_is_forbidden_does_not_halt_its_account_for_ever(world: World) -> None:
    await fault(world, "blocked", LISTINGS, "POST", count=3)
    async with serving(await environment_of(world.shop, world.kafka, world.database)) as poller:
        command = await poller.call("POST", "/listings", {"variant_id": world.variants[0], "amount": "150"})
        told: dict[str, Any] = {}

        async def goes_on() -> bool:
            nonlocal told
            await scalar(world.database, "UPDATE stockx_poller.accounts SET halted_until = '-infinity'")
            told = await poller.call("GET", f"/commands/{command['command_id']}", expect=200)
            return told["ended_at"] is not None

        await until(goes_on, "the command has ended", 30)
        assert told["status"] == "failed"
        assert "403" in told["error"]
        assert await scalar(world.database, "SELECT forbidden FROM stockx_poller.operations") == 3
        await created(world, poller, 1)


async def test_a_deletion_whose_listing_is_not_there_any_more_has_succeeded(world: World) -> None:
    async with serving(await environment_of(world.shop, world.kafka, world.database)) as poller:
        listing_id = await created(world, poller)
        await world.becomes("listings", "ACTIVE", listing_id=listing_id)
        await fault(world, "not_found", f"{LISTINGS}/{listing_id}*")
        command = await poller.call("DELETE", f"/listings/{listing_id}")
        assert (await poller.ended(command["command_id"]))["status"] == "succeeded"
        await world.becomes("listings", "DELETED", listing_id=listing_id)
