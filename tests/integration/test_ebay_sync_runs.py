"""Runs of ebay_sync: incremental, several accounts, what disappears, what fails, who may see, how streams go on."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import pytest
from openapi_spec_validator import validate

from libs.bus.publisher import Publisher
from libs.bus.settings import KafkaSettings
from libs.db.pool import Database
from libs.http import jwt
from libs.read_models.inventory.project import READ_MODEL as INVENTORY
from libs.read_models.offers.project import READ_MODEL as OFFERS
from services.ebay_sync.run import Kind, Mode
from services.ebay_sync.runs import Runs
from tests.ebay_syncing import EBAY_TOPICS, KEY, Sync, accounts_of, environment_of, serving
from tests.integration.running_sandbox import Sandbox, sandbox
from tests.projecting import projecting, scalar, until

TOPICS = EBAY_TOPICS
ITEMS = 120


@pytest.fixture
async def shop() -> AsyncIterator[Sandbox]:
    async with sandbox(ebay_items=ITEMS, ebay_orders=0, ebay_sellers=2) as running:
        yield running


@pytest.fixture
async def projector(kafka: KafkaSettings, publisher: Publisher, database: Database) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        for model in (INVENTORY, OFFERS):
            await stack.enter_async_context(projecting(model, kafka, publisher, database))
        yield


@pytest.fixture
async def sync(shop: Sandbox, kafka: KafkaSettings, database: Database, projector: None) -> AsyncIterator[Sync]:
    accounts = await accounts_of(shop, ("7", "8"))
    async with serving(environment_of(shop, kafka, database, accounts, pace__page_size="50")) as running:
        yield running


def counts(run: dict[str, Any], *names: str) -> tuple[int, ...]:
    assert run["status"] == "completed", run
    return tuple(run["counts"][name] for name in names)


async def told_cursors(sync: Sync, run: dict[str, Any]) -> list[str]:
    """What a run's terminal tells of where it goes on."""
    said = [event.text for event in (await sync.events(run["run_id"]))[:-1]]
    return [one.removeprefix("Incremental (").partition("): ")[0] for one in said if one.startswith("Incremental (")]


async def changes(shop: Sandbox, **edits: int) -> dict[str, list[str]]:
    told: dict[str, list[str]] = await shop.control("POST", "/_ebay/inventory/changes", edits)
    return told


async def test_only_what_is_new_or_changed_becomes_a_fact_and_the_rest_is_counted(
    sync: Sync, shop: Sandbox, database: Database
) -> None:
    first = await sync.synced("inventory")
    assert counts(first, "fetched", "stored", "unchanged") == (ITEMS, ITEMS, 0)
    edited = await changes(shop, change=5, add=3)
    second = await sync.synced("inventory")
    assert counts(second, "fetched", "stored", "unchanged") == (ITEMS + 3, 8, ITEMS - 5)
    updated = await scalar(
        database,
        "SELECT array_agg(sku_code ORDER BY sku_code) FROM read_models.inventory WHERE rec_updated >= $1",
        await scalar(database, "SELECT began_at FROM ebay_sync.runs WHERE run_id = $1", second["run_id"]),
    )
    assert updated == sorted(edited["changed"] + edited["added"])
    lines = [event.text for event in (await sync.events(second["run_id"]))[:-1]]
    assert f"8 stored, {ITEMS - 5} unchanged in" in lines[-1]


async def test_an_incremental_offers_run_asks_only_for_what_changed(sync: Sync, shop: Sandbox) -> None:
    first = await sync.synced("offers", mode="incremental")
    assert counts(first, "skus") == (ITEMS,), "nothing is known yet: it asks for everything"
    assert await told_cursors(sync, first) == ["no run has gone to its end yet"]
    await shop.control("DELETE", "/_ebay/calls")
    edited = await changes(shop, change=6, add=2)
    run = await sync.synced("offers", mode="incremental")
    calls = (await shop.control("GET", "/_ebay/calls"))["calls"]
    assert calls["GET /sell/inventory/v1/offer"] == run["counts"]["skus"] == len(edited["changed"] + edited["added"])
    assert calls["GET /sell/inventory/v1/inventory_item"] == 3
    (since,) = await told_cursors(sync, run)
    assert since.startswith(f"since {first['run_id']} of ")
    again = await sync.synced("offers")
    told = (await shop.control("GET", "/_ebay/inventory"))["inventory"]
    total = sum(len(one["offers"]) for one in told)
    assert counts(again, "fetched", "stored", "unchanged") == (total, 0, total)


async def test_offers_that_changed_without_their_items_are_found_by_the_report(
    shop: Sandbox, kafka: KafkaSettings, database: Database, projector: None
) -> None:
    pace = {"pace__report_from": "1", "pace__report_poll": "PT0.01S"}
    async with serving(environment_of(shop, kafka, database, await accounts_of(shop), **pace)) as sync:
        await sync.synced("offers")
        edited = set((await changes(shop, change=40))["changed"])
        await sync.synced("inventory")
        # As if the items had been seen like this before: only their offers tell that something changed.
        async with database.connection() as connection:
            await connection.execute("UPDATE ebay_sync.items SET changed_at = seen_at - interval '1 day'")
        await shop.control("DELETE", "/_ebay/calls")
        run = await sync.synced("offers", mode="incremental")
        calls = (await shop.control("GET", "/_ebay/calls"))["calls"]
        told = {one["item"]["sku"]: one for one in (await shop.control("GET", "/_ebay/inventory"))["inventory"]}
        listed = {sku for sku in edited if any("listing" in one for one in told[sku]["offers"])}
        assert run["counts"]["skus"] == calls["GET /sell/inventory/v1/offer"] == len(listed) > 0
        assert calls["GET /sell/feed/v1/task/{task_id}/download_result_file"] == 1
        for sku in listed:
            price = await scalar(
                database, "SELECT price_value::text FROM read_models.inventory WHERE sku_code = $1", sku
            )
            first = next(one["pricingSummary"]["price"]["value"] for one in told[sku]["offers"])
            assert price == first
        again = await sync.synced("offers", mode="incremental")
        assert again["counts"]["skus"] == 0, "what is known by now is not asked for again"

        await shop.control("PATCH", "/_ebay/switches", {"feed_status": "FAILED"})
        assert (await sync.synced("offers", mode="incremental"))["status"] == "completed"


async def test_what_disappeared_is_marked_and_what_comes_back_is_there_again(
    sync: Sync, shop: Sandbox, database: Database
) -> None:
    await sync.synced("offers")
    gone = (await changes(shop, remove=7))["removed"]
    run = await sync.synced("inventory")
    assert counts(run, "fetched", "disappeared") == (ITEMS - 7, 7)
    marked = await scalar(
        database,
        "SELECT array_agg(sku_code ORDER BY sku_code) FROM read_models.inventory "
        "WHERE disappeared_at IS NOT NULL AND ebay_status = 'ENDED'",
    )
    assert marked == sorted(gone)
    assert await scalar(database, "SELECT count(*) FROM read_models.inventory") == ITEMS
    offers = await scalar(
        database,
        "SELECT count(*) FROM read_models.offers WHERE (disappeared_at IS NOT NULL) <> (sku_code = ANY ($1))",
        gone,
    )
    assert offers == 0
    await shop.control("PUT", "/_ebay/inventory", {"items": ITEMS})  # all are back, unchanged
    assert counts(await sync.synced("offers"), "skus") == (ITEMS,)
    assert await scalar(database, "SELECT count(*) FROM read_models.inventory WHERE disappeared_at IS NOT NULL") == 0
    assert await scalar(database, "SELECT count(*) FROM read_models.offers WHERE disappeared_at IS NOT NULL") == 0


async def test_items_that_move_between_pages_are_neither_lost_nor_taken_for_gone(
    sync: Sync, shop: Sandbox, database: Database
) -> None:
    await sync.synced("inventory")
    await shop.control("PATCH", "/_ebay/switches", {"drift": 1})
    for _ in range(3):
        assert (await sync.synced("inventory"))["status"] == "completed"
    await shop.control("PATCH", "/_ebay/switches", {"drift": 0})
    await sync.synced("inventory")
    there = {one["item"]["sku"] for one in (await shop.control("GET", "/_ebay/inventory"))["inventory"]}
    known = await scalar(database, "SELECT array_agg(sku_code) FROM read_models.inventory WHERE disappeared_at IS NULL")
    assert isinstance(known, list)
    assert set(known) == there


async def test_failing_skus_are_tried_again_and_the_rest_is_listed_and_retriable_alone(
    sync: Sync, shop: Sandbox, database: Database
) -> None:
    outage = {"marketplace": "ebay", "kind": "outage", "path": "/sell/inventory/v1/offer*", "status": 500}
    # 3 attempts each in the first round; the retries of some succeed, the outage ends with its hits
    await shop.control("POST", "/_faults", {**outage, "count": 30})
    run = await sync.synced("offers")
    assert counts(run, "failed", "skus") == (0, ITEMS)
    assert run["failures"] == []
    assert any(event.text.startswith("⚠ [") for event in (await sync.events(run["run_id"]))[:-1])

    await shop.control("POST", "/_faults", {**outage, "probability": 0.8, "count": 2500})
    run = await sync.synced("offers")
    listed = run["failures"]
    assert 0 < run["counts"]["failed"] == len(listed) < ITEMS
    assert {one["attempts"] for one in listed} == {4}
    await shop.control("DELETE", "/_faults")
    await shop.control("DELETE", "/_ebay/calls")
    told = await sync.call("POST", f"/runs/{run['run_id']}/retry-failed")
    retried = await sync.done(told["run_id"])
    assert (retried["mode"], retried["retry_of"]) == ("retry", run["run_id"])
    assert counts(retried, "skus", "failed") == (len(listed), 0)
    assert (await shop.control("GET", "/_ebay/calls"))["calls"] == {"GET /sell/inventory/v1/offer": len(listed)}
    refused = await sync.call("POST", f"/runs/{told['run_id']}/retry-failed", expect=409)
    assert "nothing to try again" in refused["detail"]


@pytest.mark.parametrize("kind", ["inventory", "offers"])
async def test_an_outage_while_missing_items_are_looked_for_is_survived(kind: str, sync: Sync, shop: Sandbox) -> None:
    await sync.synced(kind)
    gone = (await changes(shop, remove=30))["removed"]
    bulk = {"marketplace": "ebay", "kind": "outage", "path": "/sell/inventory/v1/bulk_get*", "status": 500}
    await shop.control("POST", "/_faults", {**bulk, "count": 4})  # the first 25 fail, the others at their second try
    run = await sync.synced(kind)
    assert counts(run, "disappeared", "failed") == (len(gone), 0)
    pages = {**bulk, "path": "/sell/inventory/v1/inventory_item", "count": 3}
    await shop.control("POST", "/_faults", pages)  # as often as a page is asked for at once
    assert counts(await sync.synced(kind), "failed") == (0,)


async def test_a_rate_limit_is_waited_for_and_told(sync: Sync, shop: Sandbox) -> None:
    limit = {"marketplace": "ebay", "kind": "rate_limited", "path": "/sell/inventory/v1/offer*", "retry_after": 1}
    await shop.control("POST", "/_faults", {**limit, "count": 5})
    run = await sync.synced("offers")
    assert counts(run, "failed", "skus") == (0, ITEMS)
    assert any("⚠ Not now: asking again in" in event.text for event in (await sync.events(run["run_id"]))[:-1])


async def test_a_revoked_authorisation_fails_the_run_with_its_reason(sync: Sync, shop: Sandbox) -> None:
    await shop.control("POST", "/_ebay/revoke", {})
    run = await sync.synced("inventory")
    assert run["status"] == "failed"
    assert "invalid_grant" in run["error"]
    last = (await sync.events(run["run_id"]))[-2]
    assert last.data["kind"] == "error"


async def test_the_days_quota_is_counted_by_all_and_told_when_it_is_spent(
    shop: Sandbox, kafka: KafkaSettings, database: Database, projector: None
) -> None:
    environment = environment_of(shop, kafka, database, await accounts_of(shop), requests_per_day="30")
    async with serving(environment) as sync:
        run = await sync.synced("offers")
    calls = (await shop.control("GET", "/_ebay/calls"))["total"]
    assert (run["status"], calls) == ("failed", 30)
    assert "quota" in run["error"]
    async with serving(environment) as sync:
        assert (await sync.synced("inventory"))["status"] == "failed", "a restart gives no new quota"


async def test_two_accounts_side_by_side_with_the_same_skus_stay_apart(
    sync: Sync, shop: Sandbox, database: Database
) -> None:
    other = Sync(sync.http, sync.base, user="8")
    runs = await asyncio.gather(sync.synced("offers"), other.synced("offers"), sync.synced("inventory"))
    assert [run["status"] for run in runs] == ["completed"] * 3
    assert await scalar(database, "SELECT count(*) FROM read_models.inventory") == 2 * ITEMS
    assert await scalar(database, "SELECT count(DISTINCT sku_code) FROM read_models.inventory") == ITEMS
    assert await scalar(database, "SELECT count(DISTINCT (account, user_id)) FROM read_models.inventory") == 2
    mine = {run["account"] for run in (await sync.call("GET", "/runs"))["runs"]}
    assert mine == {runs[0]["account"]}
    foreign = runs[1]["run_id"]
    for method, path in (
        ("GET", f"/runs/{foreign}"),
        ("GET", f"/events/{foreign}"),
        ("POST", f"/{foreign}/stop"),
        ("POST", f"/runs/{foreign}/retry-failed"),
    ):
        assert (await sync.call(method, path, expect=404))["detail"] == "You have no such run."


async def test_a_stream_goes_on_where_it_was_and_tells_a_late_one_everything(sync: Sync, shop: Sandbox) -> None:
    await shop.control("PATCH", "/_ebay/switches", {"latency": 0.1})
    run_id = await sync.start("inventory")
    first = await sync.events(run_id, most=3)  # the connection is then lost
    rest = await sync.events(run_id, after=first[-1].id)
    late = await sync.events(run_id)
    assert [*first, *rest] == late
    assert [event.id for event in late[:-1]] == [str(number) for number in range(1, len(late))]
    nothing_new = await sync.events(run_id, after=late[-2].id)
    assert [event.name for event in nothing_new] == ["end"]


@pytest.mark.parametrize("kind", ["inventory", "offers"])
async def test_stop_while_the_projector_is_away_calls_nothing_stored_and_nothing_refused(
    kind: str, shop: Sandbox, kafka: KafkaSettings, database: Database
) -> None:
    """It has never run: not even its tables are there."""
    async with serving(environment_of(shop, kafka, database, await accounts_of(shop))) as sync:
        run_id = await sync.start(kind)
        table = {"inventory": "items", "offers": "offers"}[kind]

        async def published() -> bool:
            return bool(await scalar(database, f"SELECT count(*) FROM ebay_sync.{table}"))

        await until(published, "the first facts are published, and waited for")
        await sync.call("POST", f"/{run_id}/stop", expect=202)
        run = await sync.done(run_id)
        lines = [event.text for event in (await sync.events(run_id))[:-1]]
    assert (run["status"], run["counts"]["stored"]) == ("stopped", 0)
    assert not any("refused" in line for line in lines)
    assert sum("were not stored yet when STOP was heard" in line for line in lines) == 1


async def test_stop_before_the_start_asks_ebay_for_nothing(
    shop: Sandbox, kafka: KafkaSettings, database: Database
) -> None:
    accounts, runs = await accounts_of(shop), Runs(database)
    waiting = [await runs.start(kind, Mode.FULL, accounts[0]["account"], "7", "test") for kind in Kind]
    for run in waiting:  # no process has taken it yet
        await runs.request_stop(run.run_id)
    async with serving(environment_of(shop, kafka, database, accounts)) as sync:
        told = [await sync.done(run.run_id) for run in waiting]
    assert [run["status"] for run in told] == ["stopped", "stopped"]
    assert (await shop.control("GET", "/_ebay/calls"))["total"] == 0


async def test_one_run_of_a_kind_at_a_time(sync: Sync, shop: Sandbox) -> None:
    await shop.control("PATCH", "/_ebay/switches", {"latency": 0.3})
    run_id = await sync.start("inventory")
    refused = await sync.call("POST", "/inventory", expect=409)
    assert refused["run_id"] == run_id
    await sync.call("POST", f"/{run_id}/stop", expect=202)
    assert (await sync.done(run_id))["status"] == "stopped"


async def test_who_is_not_known_is_refused(sync: Sync) -> None:
    expired = jwt.issue(KEY, "7", timedelta(hours=-1))
    foreign = jwt.issue("another key, which is long enough as well", "7", timedelta(hours=1))
    for headers in (
        {},
        {"Authorization": "Bearer nonsense"},
        *({"Authorization": f"Bearer {t}"} for t in (expired, foreign)),
    ):
        async with sync.http.post(f"{sync.base}/ebay/sync/inventory", headers=headers) as answer:
            assert (answer.status, answer.content_type) == (401, "application/problem+json")
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    async with sync.http.get(f"{sync.base}/openapi.json") as answer:
        validate(await answer.json())
    nobody = Sync(sync.http, sync.base, user="99")
    assert "no eBay account" in (await nobody.call("POST", "/inventory", expect=404))["detail"]
    assert (await sync.call("POST", "/inventory?mode=some", expect=422))["status"] == 422
    token = jwt.issue(KEY, "7", timedelta(hours=1))
    cookie = {"Cookie": f"ebay_sync_token={token}", "Sec-Fetch-Site": "cross-site"}
    async with sync.http.post(f"{sync.base}/ebay/sync/inventory", headers=cookie) as answer:
        assert answer.status == 403


async def test_scheduled_runs_begin_by_themselves_once_for_all_replicas(
    shop: Sandbox, kafka: KafkaSettings, database: Database, projector: None
) -> None:
    accounts = await accounts_of(shop, ("7", "8"))
    environment = environment_of(shop, kafka, database, accounts, inventory_every="PT1H")

    async def both_done() -> bool:
        return await scalar(database, "SELECT count(*) FROM ebay_sync.runs WHERE status = 'completed'") == 2

    async with serving(environment), serving(environment):
        await until(both_done, "a run of each account")
    found = await scalar(database, "SELECT array_agg(DISTINCT requested_by) FROM ebay_sync.runs")
    assert found == ["schedule"]
    assert await scalar(database, "SELECT count(*) FROM ebay_sync.runs") == 2


async def test_a_run_whose_process_stops_is_gone_on_with_by_another(
    shop: Sandbox, kafka: KafkaSettings, database: Database, projector: None
) -> None:
    accounts = await accounts_of(shop)
    environment = environment_of(shop, kafka, database, accounts)
    await shop.control("PATCH", "/_ebay/switches", {"latency": 0.3})
    async with serving(environment) as first:
        run_id = await first.start("offers")

        async def some_stored() -> bool:
            return bool(await scalar(database, "SELECT (counts->>'stored')::int > 0 FROM ebay_sync.runs"))

        await until(some_stored, "the first chunk")
    await shop.control("PATCH", "/_ebay/switches", {"latency": 0.05})
    async with serving(environment) as second:
        run = await second.done(run_id)
        lines = [event.text for event in (await second.events(run_id))[:-1]]
    total = await scalar(database, "SELECT count(*) FROM read_models.offers")
    assert counts(run, "fetched", "stored", "skus") == (total, total, ITEMS)
    assert any("goes on in another process" in line for line in lines)
    assert not any(
        line.startswith("→ [1/")
        for line in lines[lines.index("Offers sync goes on in another process (holder 2), from its last stored page") :]
    )


async def test_the_command_line_begins_follows_and_lists_runs(sync: Sync) -> None:
    environment = {**os.environ, "EBAY_SYNC_URL": sync.base, "EBAY_SYNC_JWT_KEY": KEY, "COLUMNS": "200"}

    async def sellstream(*arguments: str, status: int = 0) -> str:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "services.ops.cli", "ebay", *arguments),
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        told, _ = await process.communicate()
        assert process.returncode == status, told.decode()
        return told.decode()

    told = (await sellstream("sync", "inventory", "--user", "7")).splitlines()
    assert "Starting Inventory sync from eBay (production)" in told[0]
    assert f"Inventory sync completed: {ITEMS} fetched, {ITEMS} stored in" in told[-1]
    run_id = (await sync.call("GET", "/runs"))["runs"][0]["run_id"]
    listed, stopped, watched, nothing, *others = await asyncio.gather(
        sellstream("runs", "--user", "7"),
        sellstream("stop", run_id, "--user", "7"),
        sellstream("watch", run_id, "--user", "7"),
        sellstream("retry", run_id, "--user", "7", status=1),
        sellstream("stop", run_id, "--user", "8", status=1),
        sellstream("watch", run_id, "--user", "8", status=1),
    )
    assert run_id in listed
    assert "completed" in listed
    assert max(map(len, listed.splitlines())) <= 80
    assert "It has ended already" in stopped
    assert watched.splitlines() == told
    assert f"No SKU failed in {run_id}" in nothing
    assert ["You have no such run" in other for other in others] == [True, True]
