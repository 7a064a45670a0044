"""stockx_poller killed, replicated, and with answers lost: every command ends, once, and StockX never says 429."""

import os
import signal
from collections import Counter
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import pytest

from libs.bus.publisher import Publisher
from libs.bus.settings import KafkaSettings
from tests.integration.test_stockx_poller import World, prepared
from tests.projecting import scalar, until
from tests.stockx_polling import environment_of, replica, serving

MANY = 12


async def counted(world: World, condition: str) -> int:
    found = await scalar(world.database, f"SELECT count(*) FROM stockx_poller.operations WHERE {condition}")
    return int(str(found))


async def test_killed_while_a_batch_is_being_sent(
    kafka: KafkaSettings, publisher: Publisher, database_url: str
) -> None:
    async with AsyncExitStack() as stack:
        world = await prepared(stack, kafka, publisher, database_url)
        http = await stack.enter_async_context(aiohttp.ClientSession())
        environment = await environment_of(world.shop, kafka, world.database)
        await stack.enter_async_context(replica(environment, http))
        second, _ = await stack.enter_async_context(replica(environment, http))  # one of them stands by

        async def kill_the_sender() -> None:
            async def sends() -> bool:
                return await counted(world, "status = 'sending'") > 0

            await until(sends, "commands are being sent")
            owner = str(await scalar(world.database, "SELECT owner FROM stockx_poller.accounts"))
            os.kill(int(owner.split(":")[1]), signal.SIGKILL)

        async def swept() -> bool:
            return bool(
                await scalar(world.database, "SELECT bool_and(swept_at IS NOT NULL) FROM stockx_poller.accounts")
            )

        await until(swept, "all listings were read once")
        await world.shop.control("PATCH", "/_stockx/switches", {"latency": 0.5})  # so that a call can be hit
        for number in range(MANY):
            await second.call("POST", "/listings", {"variant_id": world.variants[number], "amount": str(100 + number)})
        await kill_the_sender()
        poller, _ = await stack.enter_async_context(replica(environment, http))
        await world.quiet(poller, 60)
        truth = await world.truth()
        wanted = Counter((str(100 + number), "ACTIVE") for number in range(MANY))
        assert Counter((each["amount"], each["status"]) for each in truth.values()) == wanted, "each is there once"
        for listing_id in truth:
            await poller.call("PATCH", f"/listings/{listing_id}", {"amount": "77"})
        await kill_the_sender()
        last, _ = await stack.enter_async_context(replica(environment, http))
        await world.quiet(last, 60)
        assert Counter((e["amount"], e["status"]) for e in (await world.truth()).values()) == {("77", "ACTIVE"): MANY}
        assert await world.refusals() == {}, "no 429"
        assert await counted(world, "status = 'succeeded'") == 2 * MANY

        async def projected() -> bool:
            told = "SELECT count(*) FROM read_models.listing_operations WHERE status = 'succeeded'"
            return await scalar(world.database, told) == 2 * MANY

        await until(projected, "every operation is in its read model")


@pytest.mark.parametrize("many", [1, 12])
@pytest.mark.parametrize("kind", ["garbage", "outage"])
async def test_a_write_whose_answer_is_lost_is_looked_for(
    kafka: KafkaSettings, publisher: Publisher, database_url: str, kind: str, many: int
) -> None:
    async with AsyncExitStack() as stack:
        world = await prepared(stack, kafka, publisher, database_url)
        poller = await stack.enter_async_context(serving(await environment_of(world.shop, kafka, world.database)))

        async def all_of(method: str, places: list[tuple[str, Any]]) -> None:
            written = method if many == 1 else "POST"  # a batch is always posted
            fault = {"marketplace": "stockx", "kind": kind, "path": "/v2/selling/*", "method": written, "count": 1}
            await world.shop.control("POST", "/_faults", fault)
            for path, body in places:
                await poller.call(method, path, body)
            await world.quiet(poller)

        await all_of("POST", [("/listings", {"variant_id": world.variants[0], "amount": "150"})] * many)
        truth = await world.truth()
        assert [each["status"] for each in truth.values()] == ["ACTIVE"] * many, "done, and not twice"
        await all_of("PATCH", [(f"/listings/{each}", {"amount": "151"}) for each in truth])
        assert {each["amount"] for each in (await world.truth()).values()} == {"151"}
        assert await counted(world, "status = 'succeeded'") == 2 * many
        assert [each["hits"] for each in await faults(world)] == [1, 1], "two answers were lost"
        if kind == "garbage":
            begun = (await world.shop.control("GET", "/_stockx/operations"))["total"]
            assert begun == 2 * many, "what StockX had done was found, and not sent again"


async def faults(world: World) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = (await world.shop.control("GET", "/_faults"))["faults"]
    return told
