"""`sellstream stockx quota` with work pending: what is left today, what is planned, when the last one is known."""

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from libs.bus.publisher import Publisher
from libs.bus.settings import KafkaSettings
from tests.integration.test_stockx_poller import World, prepared
from tests.projecting import scalar, until
from tests.stockx_polling import KEY, LIMITS, TIMING, USER, Poller, environment_of, serving

MANY = 3
HOURS = 7200.0
QUIET = {**TIMING, "sweep": HOURS, "orders": HOURS, "history": HOURS, "give_up": HOURS, "gather": 0.0}
"""Lists are read once, and a pending operation stays pending: what is planned is what a test ordered."""


@pytest.fixture
async def world(kafka: KafkaSettings, publisher: Publisher, database_url: str) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        yield await prepared(stack, kafka, publisher, database_url)


async def told_by_command(poller: Poller, *options: str) -> str:
    """What `sellstream stockx quota` prints."""
    environment = {**os.environ, "STOCKX_POLLER_URL": poller.url, "STOCKX_POLLER_JWT_KEY": KEY, "COLUMNS": "200"}
    command = [sys.executable, "-m", "services.ops.cli", "stockx", "quota", "--user", USER, *options]
    running = await asyncio.create_subprocess_exec(*command, env=environment, stdout=asyncio.subprocess.PIPE)
    told, _ = await running.communicate()
    assert running.returncode == 0, told
    return told.decode()


async def plan(poller: Poller) -> tuple[dict[str, Any], dict[str, Any]]:
    """The quota as the API tells it, and its one account."""
    told = await poller.call("GET", "/quota", expect=200)
    (account,) = told["accounts"]
    return told, account


async def in_state(poller: Poller, **counts: int) -> dict[str, Any]:
    """The account once so many commands are in these states."""
    account: dict[str, Any] = {}

    async def so() -> bool:
        nonlocal account
        account = (await plan(poller))[1]
        return counts.items() <= account.items()

    await until(so, f"{counts}")
    return account


async def spend(world: World, left: int) -> None:
    """As if all but so many of today's requests had been made."""
    day = LIMITS["requests_a_day"]
    sql = f"SELECT remaining FROM quota.take('stockx.requests', {day}, '1 day', 1, $1)"
    remaining = await scalar(world.database, sql, [0])
    assert await scalar(world.database, sql, [int(str(remaining)) - left]) == left


async def test_what_is_pending_is_planned_and_when_it_is_known_is_told(world: World) -> None:
    await world.shop.control("PATCH", "/_stockx/switches", {"endless": 1})
    environment = await environment_of(world.shop, world.kafka, world.database, timing=json.dumps(QUIET))
    async with serving(environment) as poller:
        idle = await in_state(poller, waiting=0, doubtful=0, pending=0, planned_requests=0)
        assert (idle["all_known_at"], idle["fits_today"], idle["halted"]) == (None, True, None)
        for number in range(MANY):
            body = {"variant_id": world.variants[number], "amount": "150"}
            await poller.call("POST", "/listings", body)
        account = await in_state(poller, waiting=0, doubtful=0, pending=MANY)
        quota, account = await plan(poller)
        calls = "SELECT count(DISTINCT coalesce(batch_no, id)) FROM stockx_poller.operations WHERE status = 'pending'"
        planned = await scalar(world.database, calls)
        assert account["planned_requests"] == planned, "each batch, and what was sent alone, is asked for once more"
        assert account["fits_today"]
        known_in = datetime.fromisoformat(account["all_known_at"]) - datetime.now(UTC)
        assert timedelta(0) < known_in <= timedelta(minutes=1), "as long as operations take, if none has ended yet"
        assert 0 < quota["requests_left"] < quota["requests_a_day"]
        midnight = (datetime.now(UTC) + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
        assert abs(datetime.fromisoformat(quota["resets_at"]) - midnight) < timedelta(minutes=1), "00:00 UTC"

        lines = (await told_by_command(poller)).splitlines()
        assert re.fullmatch(
            r"Requests: [\d,]+ of 1,000,000 left today; 1,000 of them are kept for commands\.", lines[0]
        )
        assert re.fullmatch(r"The day ends at 00:00 UTC, in \d+ h \d+ min\.", lines[2])
        (row,) = (line.split() for line in lines if line.split()[:1] == ["acme"])
        assert row[1:5] == ["0", "0", str(MANY), str(planned)], "waiting, doubtful, pending, planned"
        assert re.fullmatch(r"\d\d \w{3} \d\d:\d\d:\d\d", " ".join(row[5:])), "when all is known"
        (same,) = json.loads(await told_by_command(poller, "--json"))["accounts"]
        assert same["pending"] == MANY

        await spend(world, left=1_000)  # the reserve: nothing is polled today
        quota, account = await plan(poller)
        assert quota["requests_left"] <= 1_000
        assert not account["fits_today"]
        assert datetime.fromisoformat(account["all_known_at"]) >= datetime.fromisoformat(quota["resets_at"])
        assert "(the quota is short today)" in await told_by_command(poller)


async def test_an_account_that_stockx_refuses_is_shown_halted_with_the_reason(world: World) -> None:
    environment = await environment_of(world.shop, world.kafka, world.database, timing=json.dumps(QUIET))
    async with serving(environment) as poller:
        await poller.ended(
            (await poller.call("POST", "/listings", {"variant_id": world.variants[0], "amount": "150"}))["command_id"]
        )
        seller = (await world.shop.control("GET", "/_accounts"))["stockx"]["sellers"][0]["name"]
        await world.shop.control("POST", "/_stockx/revoke", {"seller": seller})
        await poller.call("POST", "/listings", {"variant_id": world.variants[1], "amount": "150"})

        async def halted() -> bool:
            return (await plan(poller))[1]["halted"] is not None

        await until(halted, "the account is left alone")
        _, account = await plan(poller)
        assert account["waiting"] + account["doubtful"] == 1, "the command is kept"
        shown = " ".join((await told_by_command(poller)).split())
        assert f"halted: {account['halted'][:20]}" in shown
