"""Long lists, page by page: killed between two pages, the next process goes on there; and a list that changes."""

import json
import os
import signal
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import aiohttp

from libs.bus.publisher import Publisher
from libs.bus.settings import KafkaSettings
from libs.marketplaces.stockx.batch import BatchKind, NewItem
from tests.integration.test_stockx_poller import World, prepared
from tests.projecting import scalar, until
from tests.stockx_account import account
from tests.stockx_polling import TIMING, environment_of, replica

HOURS = 7200.0
ONCE = {**TIMING, "sweep": HOURS, "orders": HOURS, "history": HOURS}
"""Each list is read once: what a test counts is that one reading."""
PAST, LISTED, SOLD = 150, 230, 130
ROUTES = {
    "sweep": "/v2/selling/listings",
    "orders": "/v2/selling/orders/active",
    "history": "/v2/selling/orders/history",
}


async def put_up(world: World, count: int) -> None:
    """So many listings, made by somebody else."""
    async with account(world.shop) as seller:
        item = NewItem(variant_id=world.variants[0], amount=Decimal(150), quantity=count)
        batch = await seller.stockx.batches.create([item])

        async def made() -> bool:
            told = await seller.stockx.batches.batch(BatchKind.CREATE, batch.batch_id)
            return told.status == "COMPLETED"

        await until(made, f"{count} listings are made")


async def account_row(world: World) -> dict[str, Any]:
    async with world.database.connection() as connection:
        row = await connection.fetchrow("SELECT * FROM stockx_poller.accounts")
    return dict(row) if row else {}


async def held(world: World, name: str, seconds: float, **more: int) -> None:
    """StockX takes its time with the second page of a list."""
    slow = {"marketplace": "stockx", "kind": "slow", "path": ROUTES[name], "query": "*pageNumber=2*", "delay": seconds}
    await world.shop.control("POST", "/_faults", {**slow, **more})


async def at_the_second_page(world: World, name: str) -> None:
    async def there() -> bool:
        return (await account_row(world)).get(f"{name}_page") == 2

    await until(there, f"the second page of {name}")


async def asked(world: World, name: str) -> int:
    told = await world.shop.control("GET", "/_stockx/calls")
    return sum(count for route, count in told["calls"].items() if route == f"GET {ROUTES[name].removeprefix('/v2')}")


async def test_killed_between_two_pages_the_next_process_goes_on_there(
    kafka: KafkaSettings, publisher: Publisher, database_url: str
) -> None:
    async with AsyncExitStack() as stack:
        world = await prepared(stack, kafka, publisher, database_url, stockx_orders=PAST, stockx_limited=False)
        await put_up(world, LISTED)
        sold = (await world.shop.control("POST", "/_stockx/sales", {"count": SOLD}))["orders"]
        await world.shop.control("DELETE", "/_stockx/calls")
        http = await stack.enter_async_context(aiohttp.ClientSession())
        environment = await environment_of(world.shop, kafka, world.database, timing=json.dumps(ONCE))
        for name in ROUTES:
            await held(world, name, HOURS / 2)
            async with replica(environment, http) as (_, running):
                await at_the_second_page(world, name)
                os.kill(running.pid, signal.SIGKILL)
            assert (await account_row(world))[f"{name}_page"] == 2, "a dead process turns no page"
            await world.shop.control("DELETE", "/_faults")
        await stack.enter_async_context(replica(environment, http))

        async def all_there() -> bool:
            tables = ("listings", "orders")
            counts = [await scalar(world.database, f"SELECT count(*) FROM read_models.{name}") for name in tables]
            return counts == [LISTED, PAST + SOLD]

        await until(all_there, "every listing and every order is in its read model", 60)
        row = await account_row(world)
        assert {row[f"{name}_page"] for name in ROUTES} == {1}, "the next reading begins at the beginning"
        left = row["orders_at"] - datetime.now(UTC)
        assert left > timedelta(seconds=1.5 * HOURS), "two pages are read half as often as one"
        for name, fewest in {"sweep": 3, "orders": 2, "history": 2}.items():
            assert fewest <= await asked(world, name) <= fewest + 1, f"{name}: only the killed request is repeated"
        await what_slips_to_another_page_is_followed(world, sold)


async def what_slips_to_another_page_is_followed(world: World, sold: list[dict[str, Any]]) -> None:
    """The list of active orders gets shorter between two pages: what began the second one stands on the first then."""
    finished, slipped = sold[0]["orderNumber"], sold[100]["orderNumber"]
    await held(world, "orders", 5, count=1)
    await read_again(world)
    await at_the_second_page(world, "orders")
    await finish(world, finished)
    known = "SELECT count(*) FROM stockx_poller.accounts WHERE orders_at > now()"

    async def read() -> bool:
        return await scalar(world.database, known) == 1

    await until(read, "the orders are read")
    await finish(world, slipped)  # before the list is read again: it is on no page any more
    await read_again(world)
    for number in (finished, slipped):
        await world.becomes("orders", "COMPLETED", order_id=number)


async def read_again(world: World) -> None:
    """As if it were time to read the active orders."""
    async with world.database.connection() as connection:
        await connection.execute("UPDATE stockx_poller.accounts SET orders_at = now()")


async def finish(world: World, number: str) -> None:
    await world.shop.control("POST", f"/_stockx/orders/{number}/advance", {"status": "COMPLETED"})
