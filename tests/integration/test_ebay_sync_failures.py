"""What fails in a run of ebay_sync fails alone: other SKUs, what is known, STOP and the list of failures stay right."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from libs.bus.publisher import Publisher
from libs.bus.settings import KafkaSettings
from libs.db.locks import lock_in_transaction
from libs.db.pool import Database
from libs.read_models.inventory.project import READ_MODEL as INVENTORY
from libs.read_models.offers.project import READ_MODEL as OFFERS
from services.ebay_sync import lines
from tests.ebay_syncing import EBAY_TOPICS, Sync, accounts_of, environment_of, serving
from tests.integration.running_sandbox import Sandbox, sandbox
from tests.projecting import projecting, scalar, until

TOPICS = EBAY_TOPICS
ITEMS = 24
CIRCUIT = "5"  # as in a real installation


@pytest.fixture
async def shop() -> AsyncIterator[Sandbox]:
    async with sandbox(ebay_items=ITEMS, ebay_orders=0, ebay_sellers=1) as running:
        yield running


@pytest.fixture
async def projector(kafka: KafkaSettings, publisher: Publisher, database: Database) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        for model in (INVENTORY, OFFERS):
            await stack.enter_async_context(projecting(model, kafka, publisher, database))
        yield


async def skus_of(shop: Sandbox) -> list[str]:
    return sorted(one["item"]["sku"] for one in (await shop.control("GET", "/_ebay/inventory"))["inventory"])


async def retried(sync: Sync, run: dict[str, Any]) -> dict[str, Any]:
    return await sync.done((await sync.call("POST", f"/runs/{run['run_id']}/retry-failed"))["run_id"])


OUTAGE = {"marketplace": "ebay", "kind": "outage", "status": 500}


async def test_one_sku_that_always_fails_is_listed_and_the_run_goes_to_its_end(
    shop: Sandbox, kafka: KafkaSettings, database: Database, projector: None
) -> None:
    bad = (await skus_of(shop))[ITEMS // 2]
    await shop.control("POST", "/_faults", {**OUTAGE, "path": "/sell/inventory/v1/offer", "query": f"*sku={bad}*"})
    environment = environment_of(shop, kafka, database, await accounts_of(shop), api__circuit_failures=CIRCUIT)
    async with serving(environment) as sync:
        run = await sync.synced("offers")
        assert (run["status"], run["counts"]["failed"], run["counts"]["skus"]) == ("completed", 1, ITEMS)
        assert [(one["sku"], one["attempts"]) for one in run["failures"]] == [(bad, 4)]
        again = await retried(sync, run)
        assert (again["status"], again["counts"]["failed"]) == ("completed", 1)


async def test_skus_that_always_fail_are_listed_though_nearly_nothing_else_is_asked_for(
    shop: Sandbox, kafka: KafkaSettings, database: Database, projector: None
) -> None:
    impatient = {"api__circuit_failures": CIRCUIT, "pace__patience": "PT0S", "pace__retry_rounds": "1"}
    async with serving(environment_of(shop, kafka, database, await accounts_of(shop), **impatient)) as sync:
        await sync.synced("offers")
        bad = sorted((await shop.control("POST", "/_ebay/inventory/changes", {"change": 6}))["changed"])
        faults = {}
        for sku in bad:
            fault = {**OUTAGE, "path": "/sell/inventory/v1/offer", "query": f"*sku={sku}*"}
            faults[sku] = (await shop.control("POST", "/_faults", fault))["id"]
        run = await sync.synced("offers", mode="incremental")
        assert (run["status"], run["counts"]["skus"], run["counts"]["failed"]) == ("completed", 6, 6)
        assert [(one["sku"], one["attempts"]) for one in run["failures"]] == [(sku, 2) for sku in bad]
        told = [event.text for event in (await sync.events(run["run_id"]))[:-1]]
        assert lines.EBAY_IS_THERE in told
        promised = sum("to be tried again at the end" in line for line in told)
        assert promised == sum(line.startswith("⚠ [") for line in told) / 2 == 6, "of the last round, it is not said"
        good = bad.pop(3)  # among the bad ones, it is asked for all the same
        await shop.control("DELETE", f"/_faults/{faults[good]}")
        again = await retried(sync, run)
    assert (again["status"], again["counts"]["skus"], again["counts"]["failed"]) == ("completed", 6, 5)
    assert [one["sku"] for one in again["failures"]] == bad


@pytest.mark.parametrize("path", ["*", "/sell/inventory/v1/offer"], ids=["all of eBay", "getOffers"])
async def test_an_ebay_that_is_away_while_what_failed_is_retried_fails_the_run_and_loses_nothing(
    path: str, shop: Sandbox, kafka: KafkaSettings, database: Database, projector: None
) -> None:
    bad = (await skus_of(shop))[:3]
    pace = {
        "api__circuit_failures": CIRCUIT,
        "api__circuit_open_seconds": "0.1",
        "pace__patience": "PT0.4S",
        "pace__retry_rounds": "1",
    }
    async with serving(environment_of(shop, kafka, database, await accounts_of(shop), **pace)) as sync:
        for sku in bad:
            fault = {**OUTAGE, "path": "/sell/inventory/v1/offer", "query": f"*sku={sku}*"}
            await shop.control("POST", "/_faults", fault)
        run = await sync.synced("offers")
        assert [one["sku"] for one in run["failures"]] == bad
        await shop.control("POST", "/_faults", {**OUTAGE, "path": path})
        await shop.control("DELETE", "/_ebay/calls")
        away = await retried(sync, run)
        assert away["status"] == "failed"
        assert "sync again when eBay is back" in away["error"], away["error"]
        calls = (await shop.control("GET", "/_ebay/calls"))["calls"]
        assert sum(calls.values()) < 100, "it is left alone"
        await shop.control("DELETE", "/_faults")
        again = await retried(sync, run)
    assert (again["status"], again["counts"]["skus"], again["counts"]["failed"]) == ("completed", 3, 0)


@pytest.mark.parametrize("kind", ["inventory", "offers"])
async def test_items_that_could_not_be_looked_for_are_looked_for_when_what_failed_is_retried(
    kind: str, shop: Sandbox, kafka: KafkaSettings, database: Database, projector: None
) -> None:
    pace = {"api__circuit_failures": CIRCUIT, "pace__patience": "PT0S"}
    async with serving(environment_of(shop, kafka, database, await accounts_of(shop), **pace)) as sync:
        await sync.synced(kind)
        gone = sorted((await shop.control("POST", "/_ebay/inventory/changes", {"remove": 7}))["removed"])
        await shop.control("POST", "/_faults", {**OUTAGE, "path": "/sell/inventory/v1/bulk_get*"})
        run = await sync.synced(kind)
        assert (run["status"], run["counts"]["failed"]) == ("completed", 7)
        assert [one["sku"] for one in run["failures"]] == gone
        await shop.control("DELETE", "/_faults")
        again = await retried(sync, run)
    assert (again["status"], again["counts"]["failed"], again["counts"]["disappeared"]) == ("completed", 0, 7)
    marked = "SELECT array_agg(sku_code ORDER BY sku_code) FROM read_models.inventory WHERE disappeared_at IS NOT NULL"
    assert await scalar(database, marked) == gone


async def test_what_failed_before_a_run_was_refused_is_listed(
    shop: Sandbox, kafka: KafkaSettings, database: Database, projector: None
) -> None:
    first, *_, last = await skus_of(shop)
    offers = {"path": "/sell/inventory/v1/offer"}
    await shop.control("POST", "/_faults", {**OUTAGE, **offers, "query": f"*sku={first}*"})
    blocked = {"marketplace": "ebay", "kind": "blocked"}
    await shop.control("POST", "/_faults", {**blocked, **offers, "query": f"*sku={last}*"})
    environment = environment_of(shop, kafka, database, await accounts_of(shop), pace__concurrency="1")
    async with serving(environment) as sync:
        run = await sync.synced("offers")
    assert (run["status"], run["counts"]["failed"]) == ("failed", 1)
    assert [one["sku"] for one in run["failures"]] == [first]


async def test_what_failed_before_stop_is_listed(
    shop: Sandbox, kafka: KafkaSettings, database: Database, projector: None
) -> None:
    first = (await skus_of(shop))[0]
    fault = {**OUTAGE, "path": "/sell/inventory/v1/offer", "query": f"*sku={first}*"}
    await shop.control("POST", "/_faults", fault)
    await shop.control("PATCH", "/_ebay/switches", {"latency": 0.2})
    environment = environment_of(shop, kafka, database, await accounts_of(shop), pace__concurrency="1")
    async with serving(environment) as sync:
        run_id = await sync.start("offers")
        assert (await sync.events(run_id, most=9))[-1].text.startswith("⚠ [1/")
        await sync.call("POST", f"/{run_id}/stop", expect=202)
        run = await sync.done(run_id)
    assert (run["status"], run["counts"]["failed"]) == ("stopped", 1)
    assert [one["sku"] for one in run["failures"]] == [first]


async def test_an_account_that_gets_another_user_is_published_anew(
    shop: Sandbox, kafka: KafkaSettings, database: Database, projector: None
) -> None:
    for user in ("7", "8"):
        async with serving(environment_of(shop, kafka, database, await accounts_of(shop, (user,)))) as sync:
            run = await Sync(sync.http, sync.base, user).synced("offers")
            assert (run["status"], run["counts"]["unchanged"]) == ("completed", 0)
        for table in ("inventory", "offers"):
            users = await scalar(database, f"SELECT array_agg(DISTINCT user_id) FROM read_models.{table}")
            assert users == [user], table


async def test_an_incremental_run_tells_its_cursor_and_without_one_asks_for_everything(
    shop: Sandbox, kafka: KafkaSettings, database: Database, projector: None
) -> None:
    async with serving(environment_of(shop, kafka, database, await accounts_of(shop))) as sync:
        for kind in ("inventory", "offers"):
            first = await sync.synced(kind)
            second = await sync.synced(kind, mode="incremental")
            lines = [event.text for event in (await sync.events(second["run_id"]))[:-1]]
            assert sum(line.startswith(f"Incremental (since {first['run_id']} of ") for line in lines) == 1
        assert second["counts"]["skus"] == 0
        async with database.connection() as connection:
            await connection.execute("DELETE FROM ebay_sync.ebay_sync_cursors")
        assert (await sync.synced("offers", mode="incremental"))["counts"]["skus"] == ITEMS


async def test_stop_is_heard_while_the_report_is_waited_for(
    shop: Sandbox, kafka: KafkaSettings, database: Database, projector: None
) -> None:
    pace = {"pace__report_from": "1", "pace__report_poll": "PT1H"}
    await shop.control("PATCH", "/_ebay/switches", {"feed_polls": 1000})

    async def asked() -> bool:
        calls = (await shop.control("GET", "/_ebay/calls"))["calls"]
        return any(one.startswith("GET /sell/feed/v1/inventory_task") for one in calls)

    async with serving(environment_of(shop, kafka, database, await accounts_of(shop), **pace)) as sync:
        run_id = await sync.start("offers", mode="incremental")
        await until(asked, "the report is asked for")
        await sync.call("POST", f"/{run_id}/stop", expect=202)
        assert (await sync.done(run_id))["status"] == "stopped"


async def test_stop_is_taken_while_a_run_waits_for_its_accounts_turn(
    shop: Sandbox, kafka: KafkaSettings, database: Database, projector: None
) -> None:
    accounts = await accounts_of(shop)

    async def waits() -> bool:
        sql = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        return bool(await scalar(database, sql))

    async with serving(environment_of(shop, kafka, database, accounts)) as sync:
        async with database.transaction() as connection:
            await lock_in_transaction(connection, f"ebay_sync {accounts[0]['account']}")
            run_id = await sync.start("inventory")
            await until(waits, "the run waits for the account's turn")
            async with asyncio.timeout(10):  # or it waits for the run, and the run for us
                await sync.call("POST", f"/{run_id}/stop", expect=202)
        assert (await sync.done(run_id))["status"] == "stopped"


async def test_no_more_is_asked_in_a_second_than_is_set(
    shop: Sandbox, kafka: KafkaSettings, database: Database, projector: None
) -> None:
    rate = 20
    environment = environment_of(shop, kafka, database, await accounts_of(shop), requests_per_second=str(rate))
    clock = asyncio.get_running_loop().time
    async with serving(environment) as sync:
        began = clock()
        run = await sync.synced("offers")
        took = clock() - began
    assert (run["status"], run["counts"]["skus"], run["counts"]["failed"]) == ("completed", ITEMS, 0)
    assert took >= (ITEMS - 1) / rate, "a pause before each call of getOffers but the first"


@dataclass
class OneItem:
    """An eBay with one item, and whatever offers it is told to have."""

    offers: list[dict[str, Any]] = field(default_factory=list)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[str]:
        async def token(_request: web.Request) -> web.Response:
            return web.json_response({"access_token": "a", "expires_in": 7200, "token_type": "User Access Token"})

        async def items(_request: web.Request) -> web.Response:
            page = {"inventoryItems": [{"sku": "A1"}], "total": 1, "size": 1, "limit": 200}
            return web.json_response(page)

        async def offers(_request: web.Request) -> web.Response:
            return web.json_response({"offers": self.offers, "total": len(self.offers), "size": len(self.offers)})

        app = web.Application()
        app.router.add_post("/identity/v1/oauth2/token", token)
        app.router.add_get("/sell/inventory/v1/inventory_item", items)
        app.router.add_get("/sell/inventory/v1/offer", offers)
        async with TestServer(app) as server:
            yield str(server.make_url("")).rstrip("/")


async def test_an_offer_that_cannot_be_read_has_not_disappeared(
    shop: Sandbox, kafka: KafkaSettings, database: Database, projector: None
) -> None:
    sound = {"offerId": "1", "sku": "A1", "marketplaceId": "EBAY_US", "format": "FIXED_PRICE", "status": "PUBLISHED"}
    ebay = OneItem([sound])
    async with ebay.open() as base:
        environment = environment_of(shop, kafka, database, await accounts_of(shop), api__base_url=base)
        async with serving(environment) as sync:
            run = await sync.synced("offers")
            assert (run["status"], run["counts"]["stored"]) == ("completed", 1), run
            ebay.offers = [{**sound, "offerId": {}}]
            run = await sync.synced("offers")
    assert (run["status"], [one["sku"] for one in run["failures"]]) == ("completed", ["A1"])
    assert "unreadable" in run["failures"][0]["error"]
    assert await scalar(database, "SELECT count(*) FROM read_models.offers WHERE disappeared_at IS NULL") == 1
    assert await scalar(database, "SELECT ebay_status FROM read_models.inventory") == "ACTIVE"
