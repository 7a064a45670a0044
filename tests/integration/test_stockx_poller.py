"""stockx_poller whole: commands, operations, states, orders; on a real Kafka, PostgreSQL and HTTP API."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from libs.bus.publisher import Publisher
from libs.bus.settings import KafkaSettings
from libs.db.migrate import migrate
from libs.db.pool import Database
from libs.projection.rebuild import Rebuild
from libs.read_models.listing_operations.project import READ_MODEL as OPERATIONS
from libs.read_models.listings.project import READ_MODEL as LISTINGS
from libs.read_models.orders.project import READ_MODEL as ORDERS
from libs.secrets.keys import SecretsError, read_keys
from libs.secrets.system_config import SystemConfig
from libs.secrets.vault import Vault
from tests.integration.running_sandbox import Sandbox, sandbox
from tests.projecting import projecting, scalar, until
from tests.stockx_account import account
from tests.stockx_polling import KEY, SECRETS_KEY, SPEED, USER, Poller, environment_of, serving

PANDA = "5e6a1e57-1c7d-435a-82bd-5666a13560fe"


@dataclass
class World:
    """What a test works with."""

    shop: Sandbox
    database: Database
    kafka: KafkaSettings
    variants: list[str]

    async def row(self, table: str, **key: str) -> dict[str, Any]:
        """A row of a read model, {} if there is none."""
        (name, value), *_ = key.items()
        async with self.database.connection() as connection:
            row = await connection.fetchrow(f"SELECT * FROM read_models.{table} WHERE {name} = $1", value)
        return dict(row) if row else {}

    async def becomes(self, table: str, status: str, seconds: float = 30, **key: str) -> dict[str, Any]:
        """A row of a read model once it has a status."""
        found: dict[str, Any] = {}

        async def so() -> bool:
            nonlocal found
            found = await self.row(table, **key)
            return status in (found.get("status"), found.get("marketplace_status"))

        await until(so, f"{table} {key} becomes {status}", seconds)
        return found

    async def quiet(self, poller: Poller, seconds: float = 60) -> None:
        """Wait until no command is open and no listing's state must be read."""

        async def so() -> bool:
            sql = """
                SELECT (SELECT count(*) FROM stockx_poller.operations
                        WHERE status IN ('waiting', 'sending', 'doubtful', 'pending'))
                     + (SELECT count(*) FROM stockx_poller.listings WHERE stale)
                     + (SELECT count(*) FROM stockx_poller.outbox)
            """
            return await scalar(self.database, sql) == 0

        await until(so, "all operations are known", seconds)

    async def truth(self) -> dict[str, dict[str, Any]]:
        told = (await self.shop.control("GET", "/_stockx/listings"))["listings"]
        return {each["listing_id"]: each for each in told}

    async def refusals(self) -> dict[str, int]:
        refused: dict[str, int] = (await self.shop.control("GET", "/_stockx/calls"))["refused"]
        return refused


async def prepared(stack: AsyncExitStack, kafka: KafkaSettings, publisher: Publisher, url: str, **more: Any) -> World:
    settings = {"stockx_failing": 0, "stockx_system": 0, "stockx_products": 20, "stockx_orders": 5, **more}
    shop = await stack.enter_async_context(sandbox(speed=SPEED, **settings))
    database = await stack.enter_async_context(Database(url, application="tests", most=20))
    await migrate(database)
    for model in (OPERATIONS, LISTINGS, ORDERS):
        await stack.enter_async_context(projecting(model, kafka, publisher, database))

    async def made() -> bool:
        names = [f"read_models.{model.name}" for model in (OPERATIONS, LISTINGS, ORDERS)]
        return bool(
            await scalar(database, "SELECT bool_and(to_regclass(n) IS NOT NULL) FROM unnest($1::text[]) n", names)
        )

    await until(made, "the read models are there")
    async with account(shop) as seller:
        variants = [each.variant_id for each in await seller.stockx.catalog.variants(PANDA)]
    await shop.control("DELETE", "/_stockx/calls")
    return World(shop, database, kafka, variants)


@pytest.fixture
async def world(kafka: KafkaSettings, publisher: Publisher, database_url: str) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        yield await prepared(stack, kafka, publisher, database_url)


@pytest.fixture
async def poller(world: World) -> AsyncIterator[Poller]:
    async with serving(await environment_of(world.shop, world.kafka, world.database)) as opened:
        yield opened


async def test_a_listings_life_by_commands(world: World, poller: Poller) -> None:
    body = {"variant_id": world.variants[0], "amount": "150", "active": False}
    kept = await poller.call("POST", "/listings", body, key="first")
    again = await poller.call("POST", "/listings", body, key="first")
    assert again["command_id"] == kept["command_id"], "under its key a command is kept once"
    await poller.call("POST", "/listings", {**body, "amount": "151"}, 422, key="first")
    created = await poller.ended(kept["command_id"])
    assert created["status"] == "succeeded"
    listing_id = created["listing_id"]
    await world.becomes("listings", "INACTIVE", listing_id=listing_id)
    steps = [
        ("PATCH", {"active": True, "amount": "155.50"}, "ACTIVE"),
        ("PATCH", {"amount": "160"}, "ACTIVE"),
        ("PATCH", {"active": False}, "INACTIVE"),
        ("DELETE", None, "DELETED"),
    ]
    commands = [await poller.call(method, f"/listings/{listing_id}", told) for method, told, _ in steps]
    for command in commands:
        assert (await poller.ended(command["command_id"]))["status"] == "succeeded", "they are done in their order"
    row = await world.becomes("listings", "DELETED", listing_id=listing_id)
    assert (row["status"], row["price_amount"]) == ("closed", 160)
    for command in [kept, *commands]:
        operation = await world.becomes("listing_operations", "succeeded", id=command["command_id"])
        history = [each["status"] for each in json.loads(operation["status_history"])]
        assert history == ["started", "succeeded"]
        assert operation["listing_id"] == listing_id
    assert len(await world.truth()) == 1
    assert await world.refusals() == {}


async def test_secrets_that_are_kept_need_not_be_told_again(world: World) -> None:
    environment = await environment_of(world.shop, world.kafka, world.database)
    (told,) = json.loads(environment["STOCKX_POLLER_ACCOUNTS"])
    kept = SystemConfig(world.database, Vault(read_keys(SECRETS_KEY)))
    secrets = {name: told.pop(name) for name in ("client_secret", "api_key")}
    bare = {**environment, "STOCKX_POLLER_ACCOUNTS": json.dumps([told])}
    with pytest.raises(SecretsError, match="sellstream secrets set stockx_client_secret"):
        async with serving(bare):
            pass
    for name, secret in secrets.items():
        await kept.put(f"stockx_{name}", secret)
    async with serving(bare) as poller:
        command = await poller.call("POST", "/listings", {"variant_id": world.variants[0], "amount": "150"})
        assert (await poller.ended(command["command_id"]))["status"] == "succeeded"


async def test_what_stockx_refuses_and_what_fails(world: World, poller: Poller) -> None:
    unknown = await poller.call("POST", "/listings", {"variant_id": "no-such-variant", "amount": "150"})
    told = await poller.ended(unknown["command_id"])
    assert told["status"] == "failed"
    assert told["error"]
    await world.becomes("listing_operations", "failed", id=unknown["command_id"])
    await world.shop.control("PATCH", "/_stockx/switches", {"failing": 1})
    doomed = await poller.call("POST", "/listings", {"variant_id": world.variants[0], "amount": "150"})
    told = await poller.ended(doomed["command_id"])
    assert told["status"] == "failed"
    row = await world.becomes("listing_operations", "failed", id=doomed["command_id"])
    assert row["error"] == told["error"] != ""
    for body in ({"amount": "-1", "variant_id": "x"}, {"variant_id": "x"}, {"variant_id": "x", "amount": "1", "y": 1}):
        await poller.call("POST", "/listings", body, 422)
    await poller.call("PATCH", "/listings/some-listing", {}, 422)
    await poller.call("GET", "/commands/no-such-command", expect=404)


async def test_stockx_deactivates_by_itself_and_the_sweep_finds_it(world: World, poller: Poller) -> None:
    command = await poller.call("POST", "/listings", {"variant_id": world.variants[0], "amount": "150"})
    listing_id = (await poller.ended(command["command_id"]))["listing_id"]
    begun = await world.shop.control("POST", "/_stockx/system", {"listing_ids": [listing_id]})
    operation = await world.becomes("listing_operations", "succeeded", id=begun["operations"][0]["operation_id"])
    assert (operation["initiated_by"], operation["kind"]) == ("system", "deactivate")
    await world.becomes("listings", "INACTIVE", listing_id=listing_id)


async def test_what_stockx_did_and_undid_meanwhile_is_found_by_one_call_for_each_listing_that_changed(
    world: World,
) -> None:
    environment = await environment_of(world.shop, world.kafka, world.database)
    async with serving(environment) as poller:
        bodies = [{"variant_id": each, "amount": "150"} for each in world.variants[:3]]
        commands = [await poller.call("POST", "/listings", body) for body in bodies]
        ids = [(await poller.ended(each["command_id"]))["listing_id"] for each in commands]
        await world.quiet(poller)
        for listing_id in ids:
            await world.becomes("listings", "ACTIVE", listing_id=listing_id)
    begun = []
    for kind in ("DEACTIVATE", "ACTIVATE"):  # while nobody looks
        order = {"listing_ids": ids[:1], "kind": kind}
        begun += (await world.shop.control("POST", "/_stockx/system", order))["operations"]
    begun += (await world.shop.control("POST", "/_stockx/system", {"listing_ids": ids[1:2], "kind": "UPDATE"}))[
        "operations"
    ]
    await world.shop.control("POST", "/_clock", {"advance_seconds": 300})
    truth = await world.truth()
    assert {truth[each]["status"] for each in ids} == {"ACTIVE"}, "no status tells of it"
    await world.shop.control("DELETE", "/_stockx/calls")
    async with serving(environment):
        for each in begun:
            found = await world.becomes("listing_operations", "succeeded", id=each["operation_id"])
            assert (found["initiated_by"], found["marketplace_kind"]) == ("system", each["type"])
        swept = "SELECT count(*) FROM stockx_poller.accounts WHERE swept_at > $1"
        moment = await scalar(world.database, "SELECT now()")

        async def again() -> bool:
            return await scalar(world.database, swept, moment) == 1

        await until(again, "the next sweep")
    calls = (await world.shop.control("GET", "/_stockx/calls"))["calls"]
    looked = {route: count for route, count in calls.items() if route.endswith("/operations")}
    assert list(looked.values()) == [2], "a call for each of the two, and none for the third or for the next sweep"


async def test_a_status_that_our_own_command_led_to_is_not_looked_into(world: World, poller: Poller) -> None:
    body = {"variant_id": world.variants[0], "amount": "150"}
    listing_id = (await poller.ended((await poller.call("POST", "/listings", body))["command_id"]))["listing_id"]
    await world.becomes("listings", "ACTIVE", listing_id=listing_id)
    for active, status in ((False, "INACTIVE"), (True, "ACTIVE")):
        command = await poller.call("PATCH", f"/listings/{listing_id}", {"active": active})
        assert (await poller.ended(command["command_id"]))["status"] == "succeeded"
        await world.becomes("listings", status, listing_id=listing_id)
    calls = (await world.shop.control("GET", "/_stockx/calls"))["calls"]
    assert not [route for route in calls if route.endswith("/operations")]
    assert await scalar(world.database, "SELECT count(*) FROM stockx_poller.listings WHERE look") == 0


async def test_an_operation_without_an_end_is_given_up(
    kafka: KafkaSettings, publisher: Publisher, database_url: str
) -> None:
    async with AsyncExitStack() as stack:
        world = await prepared(stack, kafka, publisher, database_url)
        await world.shop.control("PATCH", "/_stockx/switches", {"endless": 1})
        environment = await environment_of(world.shop, kafka, world.database, timing__give_up="PT1S")
        poller = await stack.enter_async_context(serving(environment))
        command = await poller.call("POST", "/listings", {"variant_id": world.variants[0], "amount": "150"})
        told = await poller.ended(command["command_id"])
        assert told["status"] == "given_up"
        row = await world.becomes("listing_operations", "given_up", id=command["command_id"])
        assert "has not ended" in row["error"]


async def test_orders_active_and_past(world: World, poller: Poller) -> None:
    async def past() -> bool:
        return await scalar(world.database, "SELECT count(*) FROM read_models.orders") == 5

    await until(past, "the past orders are there")
    command = await poller.call("POST", "/listings", {"variant_id": world.variants[0], "amount": "150"})
    listing_id = (await poller.ended(command["command_id"]))["listing_id"]
    sold = (await world.shop.control("POST", "/_stockx/sales", {"listing_ids": [listing_id]}))["orders"][0]
    row = await world.becomes("orders", "placed", order_id=sold["orderNumber"])
    assert (row["marketplace"], row["account"], row["total_amount"], row["total_currency"]) == (
        "stockx",
        "acme",
        150,
        "USD",
    )
    await world.becomes("listings", "MATCHED", listing_id=listing_id)
    path = f"/_stockx/orders/{sold['orderNumber']}/advance"
    await world.shop.control("POST", path, {"status": "SHIPPED"})
    await world.becomes("orders", "shipped", order_id=sold["orderNumber"])
    await world.shop.control("POST", path, {"status": "COMPLETED"})
    row = await world.becomes("orders", "COMPLETED", order_id=sold["orderNumber"])
    assert row["closed_at"] is not None


async def printed(poller: Poller, *arguments: str) -> str:
    """What `sellstream stockx …` prints."""
    environment = {**os.environ, "STOCKX_POLLER_URL": poller.url, "STOCKX_POLLER_JWT_KEY": KEY}
    command = [sys.executable, "-m", "services.ops.cli", "stockx", *arguments, "--user", USER]
    running = await asyncio.create_subprocess_exec(*command, env=environment, stdout=asyncio.subprocess.PIPE)
    told, _ = await running.communicate()
    assert running.returncode == 0, told
    return told.decode()


async def test_batches_carry_many_and_the_quota_tells_it(world: World, poller: Poller) -> None:
    many = 60
    before = await poller.call("GET", "/quota", expect=200)
    assert before["accounts"][0]["waiting"] == 0
    assert "left today" in await printed(poller, "quota")
    commands = [
        await poller.call("POST", "/listings", {"variant_id": world.variants[number % 12], "amount": str(100 + number)})
        for number in range(many)
    ]
    await world.quiet(poller)
    truth = await world.truth()
    assert sorted(each["amount"] for each in truth.values()) == sorted(str(100 + number) for number in range(many))
    for method, body in (("PATCH", {"amount": "99"}), ("PATCH", {"active": False}), ("DELETE", None)):
        for listing_id in truth:
            await poller.call(method, f"/listings/{listing_id}", body)
    await world.quiet(poller)
    assert {(each["status"], each["amount"]) for each in (await world.truth()).values()} == {("DELETED", "99")}
    for listing_id in truth:
        await world.becomes("listings", "DELETED", listing_id=listing_id)
    told = await world.shop.control("GET", "/_stockx/calls")
    assert told["refused"] == {}
    writes = sum(count for call, count in told["calls"].items() if not call.startswith("GET"))
    assert writes < many, "far fewer writes than commands"
    for command in commands:
        assert (await world.row("listing_operations", id=command["command_id"]))["status"] == "succeeded"
    for model in (OPERATIONS, LISTINGS, ORDERS):
        assert (await Rebuild(model, world.kafka, world.database).verify()).equal, model.name


async def test_answers_that_tell_nothing_are_asked_for_again(world: World, poller: Poller) -> None:
    for path in ("/v2/selling/listings*", "/v2/selling/orders/*"):
        fault = {"marketplace": "stockx", "kind": "garbage", "path": path, "method": "GET", "count": 3}
        await world.shop.control("POST", "/_faults", fault)
    command = await poller.call("POST", "/listings", {"variant_id": world.variants[0], "amount": "150"})
    told = await poller.ended(command["command_id"])
    assert told["status"] == "succeeded"
    await world.becomes("listings", "ACTIVE", listing_id=told["listing_id"])

    async def all_there() -> bool:
        return await scalar(world.database, "SELECT count(*) FROM read_models.orders") == 5

    await until(all_there, "the past orders are there")
