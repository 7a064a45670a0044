"""The page of ebay_sync in a real browser: sign in, begin, watch, stop, look at the runs; by mouse and by keyboard."""

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from libs.bus.publisher import Publisher
from libs.bus.settings import KafkaSettings
from libs.db.migrate import migrate
from libs.db.pool import Database
from libs.http import jwt
from libs.read_models.inventory.project import READ_MODEL as INVENTORY
from libs.read_models.offers.project import READ_MODEL as OFFERS
from tests.browser import Tab, browser
from tests.ebay_syncing import EBAY_TOPICS, KEY, USER, Sync, accounts_of, environment_of, serving
from tests.integration.running_sandbox import Sandbox, sandbox
from tests.projecting import projecting

TOPICS = EBAY_TOPICS
ITEMS = 230


@pytest.fixture
async def tab() -> AsyncIterator[Tab]:
    async with browser() as opened:
        yield opened


@pytest.fixture
async def shop() -> AsyncIterator[Sandbox]:
    async with sandbox(ebay_items=ITEMS, ebay_orders=0, ebay_sellers=1) as running:
        yield running


@pytest.fixture
async def sync(shop: Sandbox, kafka: KafkaSettings, publisher: Publisher, database_url: str) -> AsyncIterator[Sync]:
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(Database(database_url, application="tests", most=20))
        await migrate(database)
        for model in (INVENTORY, OFFERS):
            await stack.enter_async_context(projecting(model, kafka, publisher, database))
        environment = environment_of(shop, kafka, database, await accounts_of(shop))
        yield await stack.enter_async_context(serving(environment))


async def shot(tab: Tab, name: str) -> None:
    """For people who want to see it: set SCREENSHOTS to a folder."""
    if folder := os.environ.get("SCREENSHOTS"):
        await tab.screenshot(Path(folder) / f"{name}.png")


async def test_a_person_signs_in_syncs_stops_and_sees_the_runs(tab: Tab, sync: Sync, shop: Sandbox) -> None:
    await tab.size(1200, 1100)
    await tab.open(f"{sync.base}/ebay/sync")
    await tab.until("!document.querySelector('#signing-in').hidden")
    await shot(tab, "1-sign-in")
    assert await tab.js("document.activeElement.id") == "token"
    await tab.type("not a token")
    await tab.press("Enter")
    await tab.until("!document.querySelector('#problem').hidden")
    assert "not accepted" in await tab.text("#problem")

    await tab.click("#token")
    await tab.type(jwt.issue(KEY, USER, timedelta(minutes=5)))
    await tab.press("Enter")
    await tab.until("!document.querySelector('#signed-in').hidden")
    assert await tab.text("#user") == USER
    assert await tab.js("document.cookie") == "", "the token is not for scripts"
    assert await tab.text("#no-runs") == "There are no runs yet."

    await tab.click("#sync-inventory")
    await tab.until(f"document.querySelector('#counts').innerText === 'Fetched: {ITEMS}, Stored: {ITEMS}'")
    await tab.until("document.querySelector('#status').innerText === 'completed'")
    # The counts and the status may be there before the last lines: they come by another request.
    await tab.until("document.querySelector('#terminal').innerText.includes('Inventory sync completed')")
    lines = (await tab.text("#terminal")).splitlines()
    assert "Starting Inventory sync from eBay (production)" in lines[0]
    assert f"Inventory sync completed: {ITEMS} fetched, {ITEMS} stored in" in lines[-1]
    assert await tab.js("document.querySelector('#stop').disabled")
    await shot(tab, "2-inventory")

    await shop.control("PATCH", "/_ebay/switches", {"latency": 0.2})
    await tab.click("#sync-offers")
    await tab.until("document.querySelector('#terminal').innerText.includes('[1/')")
    await tab.until("!document.querySelector('#stop').disabled")
    await shot(tab, "3-offers")
    await tab.click("#stop")
    await tab.until("document.querySelector('#status').innerText === 'stopped'")
    await tab.until("document.querySelector('#terminal').innerText.includes('Offers sync stopped')")
    assert "Offers sync stopped" in (await tab.text("#terminal")).splitlines()[-1]

    await tab.until("document.querySelectorAll('#runs tr').length === 2")
    await shot(tab, "4-runs")
    await tab.click("#runs tr:last-child button")  # the inventory run again, from its first line
    await tab.until("document.querySelector('#terminal').innerText.includes('Inventory sync completed')")

    await tab.reload()
    await tab.until("document.querySelectorAll('#runs tr').length === 2")  # the sign-in lasts

    await shop.control("PATCH", "/_ebay/switches", {"latency": 0})
    outage = {"marketplace": "ebay", "kind": "outage", "status": 500, "path": "/sell/inventory/v1/offer"}
    await shop.control("POST", "/_faults", {**outage, "query": "*sku=SKU0000007*"})
    await tab.click("#sync-offers")
    await tab.until("document.querySelector('#counts').innerText.endsWith('Failed: 1')", seconds=60)
    await tab.until("document.querySelector('[data-key^=\"Retry failed\"]')", seconds=60)
    await shot(tab, "5-failed")
    await shop.control("DELETE", "/_faults")
    await tab.click('[data-key^="Retry failed"]')
    await tab.until("document.querySelector('#terminal').innerText.includes('from 1 SKUs in')")
    assert await tab.js("document.querySelector('#runs tr td:nth-child(2)').innerText") == "offers, retry"
    assert "Failed" not in await tab.text("#counts")
    await tab.click_away("#sign-out")
    await tab.until("!document.querySelector('#signing-in').hidden")
    unexpected = [error for error in tab.errors if "401" not in error]
    assert unexpected == []


async def test_everything_can_be_reached_by_keyboard_and_has_a_name(tab: Tab, sync: Sync) -> None:
    await sync.synced("inventory")
    await tab.size(375, 812)
    await tab.open(f"{sync.base}/ebay/sync")
    await tab.until("!document.querySelector('#signing-in').hidden")
    await tab.type(jwt.issue(KEY, USER, timedelta(minutes=5)))
    await tab.press("Enter")
    await tab.until("document.querySelectorAll('#runs tr').length === 1")
    await shot(tab, "6-narrow")
    assert await tab.js("document.documentElement.scrollWidth <= innerWidth"), (
        "a narrow window needs no sideways scroll"
    )
    assert await tab.js(
        "document.querySelector('#runs .badge').getBoundingClientRect().right"
        " < document.querySelector('.scroll').getBoundingClientRect().right"
    ), "how a run stands is seen without scrolling the table"
    reached: list[str] = []
    await tab.js("document.querySelector('.skip').focus()")
    for _ in range(12):
        await tab.press("Tab")
        reached.append(
            await tab.js(
                "document.activeElement.id || document.activeElement.innerText || document.activeElement.tagName"
            )
        )
    for wanted in ("sign-out", "account", "mode", "sync-inventory", "sync-offers", "terminal", "Show"):
        assert wanted in reached, f"{wanted} is not among {reached}"
    tree = (await tab.send("Accessibility.getFullAXTree"))["nodes"]
    roles = {"button", "combobox", "textbox", "log", "table", "status", "region"}
    nameless = [
        node["role"]["value"]
        for node in tree
        if not node.get("ignored")
        and node["role"]["value"] in roles - {"status"}
        and not node.get("name", {}).get("value")
        and node["role"]["value"] != "table"
    ]
    assert nameless == []
    assert {node["role"]["value"] for node in tree} >= {"log", "table", "banner", "main", "button", "combobox"}
