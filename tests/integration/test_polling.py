"""Polls in turns, on the services' own tables."""

import asyncio
import random
from datetime import UTC, datetime, timedelta

import pytest

from libs.db.pool import Database
from libs.http.errors import RateLimited, Unavailable
from libs.polling.poller import Pace, Poller
from libs.polling.turns import Key, LostTurn, Turn, Turns, TurnTable
from services.amazon_orders.poll import TURNS as AMAZON
from services.ebay_sync.order_poll import TURNS as EBAY
from tests.projecting import scalar, until

LONG_AGO = datetime(2026, 6, 5, tzinfo=UTC)
NOW = timedelta(0)
ACME = ("acme",)


@pytest.mark.parametrize(
    ("table", "key", "elsewhere"),
    [(EBAY, ACME, ("other",)), (AMAZON, ("acme", "US"), ("acme", "DE"))],
    ids=["ebay_sync", "amazon_orders"],
)
async def test_one_replica_polls_an_account_at_a_time(
    database: Database, table: TurnTable, key: Key, elsewhere: Key
) -> None:
    one, other = Turns(database, table, "one"), Turns(database, table, "other")
    turn = await one.take(key)
    assert turn == Turn(key, None)
    assert await other.take(key) is None
    assert await other.take(elsewhere) is not None
    await one.renew(turn)
    await one.finish(turn, LONG_AGO, NOW)
    again = await other.take(key)
    assert again == Turn(key, LONG_AGO)
    with pytest.raises(LostTurn, match=", ".join(key)):
        await one.renew(turn)
    await other.finish(again, LONG_AGO - timedelta(days=1), NOW)
    once_more = await one.take(key)
    assert once_more == Turn(key, LONG_AGO), "the cursor does not go back"
    await one.give_back(once_more, timedelta(hours=1))
    assert await other.take(key) is None
    await scalar(database, f"UPDATE {table.name} SET owner = 'dead', next_at = now()")
    assert await one.take(key) is not None, "its lease is over"


async def next_in(database: Database) -> timedelta:
    found = await scalar(database, "SELECT next_at - now() FROM ebay_sync.order_polls WHERE owner IS NULL")
    assert isinstance(found, timedelta)
    return found


@pytest.mark.parametrize(
    ("trouble", "pause"),
    [
        (Unavailable("GET /orders", "away"), timedelta(minutes=1)),
        (RateLimited("GET /orders", "too many", retry_after=timedelta(hours=2)), timedelta(hours=2)),
    ],
    ids=["away", "limited"],
)
async def test_a_poll_that_failed_waits_and_begins_where_it_began(
    database: Database, trouble: Exception, pause: timedelta
) -> None:
    begun = asyncio.Event()

    async def poll(turn: Turn) -> tuple[datetime | None, int]:
        begun.set()
        raise trouble

    poller = Poller(Turns(database, EBAY, "one"), {ACME: poll}, Pace(timedelta(hours=1), timedelta(minutes=1)))
    stop = asyncio.Event()
    working = asyncio.create_task(poller.work(stop))
    await begun.wait()

    async def given_back() -> bool:
        return await scalar(database, "SELECT owner IS NULL FROM ebay_sync.order_polls") is True

    await until(given_back, "the turn is given back")
    stop.set()
    await working
    assert pause - timedelta(seconds=40) < await next_in(database) <= pause
    assert await scalar(database, "SELECT (modified_until, ended_at) IS NULL FROM ebay_sync.order_polls") is True


async def test_a_stopped_poll_is_given_back_at_once(database: Database) -> None:
    begun = asyncio.Event()

    async def poll(turn: Turn) -> tuple[datetime | None, int]:
        begun.set()
        await asyncio.Event().wait()
        return None, 0

    stop = asyncio.Event()
    pace = Pace(timedelta(hours=1), timedelta(hours=1))
    working = asyncio.create_task(Poller(Turns(database, EBAY, "one"), {ACME: poll}, pace).work(stop))
    await begun.wait()
    stop.set()
    await working
    assert await Turns(database, EBAY, "other").take(ACME) == Turn(ACME, None)


async def test_nothing_to_poll_waits_for_the_stop(database: Database) -> None:
    stop = asyncio.Event()
    pace = Pace(NOW, NOW)
    working = asyncio.create_task(Poller(Turns(database, EBAY, "one"), {}, pace).work(stop))
    await asyncio.sleep(0)
    assert not working.done()
    stop.set()
    await working


async def test_whenever_it_is_stopped_no_turn_is_left_behind(database: Database) -> None:
    chance = random.Random(7)

    async def poll(turn: Turn) -> tuple[datetime | None, int]:
        return LONG_AGO, 0

    for attempt in range(150):
        poller = Poller(Turns(database, EBAY, "one"), {ACME: poll}, Pace(NOW, NOW))
        stop = asyncio.Event()
        working = asyncio.create_task(poller.work(stop))
        await asyncio.sleep(chance.uniform(0, 0.006))
        stop.set()
        await working
        assert await scalar(database, "SELECT count(*) FROM ebay_sync.order_polls WHERE owner = 'one'") == 0, attempt
