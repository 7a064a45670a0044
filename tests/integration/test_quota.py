"""Quotas and paces in PostgreSQL: never more than the limit, whoever asks, told truthfully when to come back."""

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import pytest

from libs.db.pool import Database
from libs.http.errors import RateLimited
from libs.quota.headers import ratelimit_headers, retry_after_header
from libs.quota.limiter import AWAY, SharedRateLimiter
from libs.quota.pace import OutOfTurn, Turns
from libs.quota.quota import Quotas, QuotaSpent
from libs.quota.rules import Pace, Quota, Rule
from tests.integration.running_mercadolibre_api import empty

LONG = timedelta(days=365_000)
"""A window that does not end while a test runs."""

_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


@pytest.fixture
async def database(whole_database: Database) -> Database:
    await empty(whole_database)
    return whole_database


async def outcomes(quotas: Quotas, quota: Quota, times: int, amount: int = 1) -> tuple[int, int]:
    """How many of so many takers at once were granted, and how many refused."""
    told = await asyncio.gather(*(quotas.take(quota, amount) for _ in range(times)), return_exceptions=True)
    refused = [one for one in told if isinstance(one, QuotaSpent)]
    assert all(isinstance(one, QuotaSpent) for one in told if isinstance(one, BaseException)), told
    return times - len(refused), len(refused)


async def test_replicas_together_are_granted_the_limit_and_no_more(database):
    quota = Quota("search", 250, LONG)
    async with AsyncExitStack() as stack:
        replicas = [
            Quotas(await stack.enter_async_context(Database(database.url, application="replica", most=2)))
            for _ in range(4)
        ]
        told = await asyncio.gather(*(outcomes(replica, quota, 100) for replica in replicas))
    assert sum(granted for granted, _ in told) == 250
    assert sum(refused for _, refused in told) == 150
    assert (await Quotas(database).standing(quota)).remaining == 0


async def test_a_process_asks_once_for_all_who_wait(database):
    async with database.connection() as connection:  # what stands here is only let go below
        await connection.execute("INSERT INTO quota.counters (name) VALUES ('search')")
    quotas, quota = Quotas(database), Quota("search", 1000, LONG)
    async with database.transaction() as blocking:
        await blocking.execute("SELECT 1 FROM quota.counters WHERE name = 'search' FOR UPDATE")
        takers = [asyncio.create_task(quotas.take(quota)) for _ in range(500)]
        async with asyncio.timeout(20), database.connection() as watching:
            while not await watching.fetchval(_WAITING):
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.05)
            assert await watching.fetchval(_WAITING) == 1
    assert {(await taker).quota for taker in takers} == {quota}
    assert (await quotas.standing(quota)).remaining == 500


async def test_amounts_are_all_or_nothing_and_smaller_ones_still_fit(database):
    quotas, quota = Quotas(database), Quota("feed", 10, LONG)
    assert (await quotas.take(quota, 7)).remaining == 3
    with pytest.raises(QuotaSpent) as refused:
        await quotas.take(quota, 4)
    assert refused.value.standing.remaining == 3
    assert (await quotas.take(quota, 3)).remaining == 0


async def test_a_fixed_window_begins_at_whole_hours_of_utc(database):
    quota = Quota("items", 1, timedelta(hours=1))
    now = datetime.now(UTC)
    standing = await Quotas(database).take(quota)
    left = timedelta(hours=1) - (now - now.replace(minute=0, second=0, microsecond=0))
    assert abs(standing.reset_after - left) < timedelta(seconds=30) or left < timedelta(seconds=30)
    with pytest.raises(QuotaSpent, match=r"items \(1 per 1:00:00\) is spent") as refused:
        await Quotas(database).take(quota)
    assert refused.value.retry_after <= standing.reset_after


async def test_the_next_window_has_the_whole_limit_again(database):
    quotas, quota = Quotas(database), Quota("items", 2, timedelta(hours=1))
    assert await outcomes(quotas, quota, 3) == (2, 1)
    await earlier(database, "items", 1)
    assert await outcomes(quotas, quota, 3) == (2, 1)


async def test_a_rolling_window_gives_back_slice_by_slice(database):
    quotas, quota = Quotas(database), Quota("users", 4, timedelta(hours=1), slices=6)
    assert await outcomes(quotas, quota, 3) == (3, 0)
    await earlier(database, "users", 3)  # half an hour
    assert await outcomes(quotas, quota, 2) == (1, 1)
    with pytest.raises(QuotaSpent) as refused:
        await quotas.take(quota)
    assert timedelta(minutes=30) < refused.value.retry_after <= timedelta(minutes=40)
    await earlier(database, "users", 3)
    assert await outcomes(quotas, quota, 1) == (0, 1)  # the first three lie in the last hour yet, at least in part
    await earlier(database, "users", 1)
    assert await outcomes(quotas, quota, 4) == (3, 1)


async def earlier(database: Database, name: str, slices: int) -> None:
    """Let what was used be used so many slices before."""
    async with database.connection() as connection:
        await connection.execute("UPDATE quota.counters SET newest = newest - $2 WHERE name = $1", name, slices)


async def test_a_changed_limit_counts_what_was_used(database):
    quotas = Quotas(database)
    await quotas.take(Quota("search", 10, timedelta(hours=1)), 4)
    assert (await quotas.take(Quota("search", 5, timedelta(hours=1)))).remaining == 0
    assert (await quotas.standing(Quota("search", 20, timedelta(hours=2), slices=4))).remaining == 15


async def test_how_a_closed_or_overdrawn_quota_stands_can_be_told(database):
    quotas, quota = Quotas(database), Quota("search", 10, LONG)
    await quotas.take(quota, 4)
    await quotas.close("search", timedelta(minutes=5))
    assert (await quotas.standing(quota)).remaining == 6
    with pytest.raises(QuotaSpent):
        await quotas.take(quota)
    assert (await Quotas(database).standing(Quota("search", 3, LONG))).remaining == 0, "a lower limit than before"


async def test_a_quota_that_the_other_side_closed_grants_nothing(database):
    quotas, quota = Quotas(database), Quota("search", 10, LONG)
    await quotas.take(quota)
    await quotas.close("search", timedelta(minutes=5))
    with pytest.raises(QuotaSpent) as refused:
        await Quotas(database).take(quota)
    assert timedelta(minutes=4) < refused.value.retry_after <= timedelta(minutes=5)


async def test_a_taker_who_goes_away_disturbs_nobody(database):
    quotas, quota = Quotas(database), Quota("search", 10, LONG)
    first, second = (asyncio.create_task(quotas.take(quota)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).quota == quota
    assert first.cancelled() or first.cancelling()


async def test_turns_are_given_one_after_another_to_all_replicas(database):
    pace, patience = Pace("one a minute", timedelta(minutes=1)), timedelta(seconds=5)
    told = await asyncio.gather(*(Turns(database).wait(pace, patience) for _ in range(5)), return_exceptions=True)
    late = [one for one in told if isinstance(one, OutOfTurn)]
    assert len(late) == 4
    assert all(timedelta(seconds=55) < one.retry_after <= timedelta(minutes=1) for one in late)


async def test_a_burst_is_given_after_a_silence(database):
    pace = Pace("burst", timedelta(minutes=1), burst=3)
    told = await asyncio.gather(*(Turns(database).wait(pace, timedelta(0)) for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(one, OutOfTurn) for one in told) == 2


async def test_the_limiter_of_a_client_is_shared(database):
    rules = {"GET /search": Rule(Quota("search", 2, LONG), Pace("search", timedelta(0)))}
    one, other = SharedRateLimiter(database, rules), SharedRateLimiter(database, rules)
    await one.acquire("GET /search")
    await other.acquire("GET /search")
    await other.acquire("GET /something/else")
    with pytest.raises(RateLimited, match="is spent") as refused:
        await one.acquire("GET /search")
    assert refused.value.retry_after is not None
    standing = one.standing("GET /search")
    assert standing is not None
    assert standing.remaining == 0


async def test_a_429_stops_all_replicas(database):
    rules = {"GET /search": Rule(Quota("search", 10, LONG))}
    one, other = SharedRateLimiter(database, rules), SharedRateLimiter(database, rules)
    await one.push_back("GET /search", timedelta(seconds=90))
    with pytest.raises(RateLimited) as refused:
        await other.acquire("GET /search")
    assert refused.value.retry_after is not None
    assert timedelta(seconds=60) < refused.value.retry_after <= timedelta(seconds=90)


async def test_the_headers_follow_the_draft(database):
    standing = await Quotas(database).take(Quota("search", 3000, timedelta(hours=1)))
    told = ratelimit_headers([standing])
    assert told["RateLimit-Policy"] == '"search";q=3000;w=3600'
    assert told["RateLimit"].startswith('"search";r=2999;t=')
    assert ratelimit_headers([]) == {}
    assert retry_after_header(timedelta(milliseconds=10)) == {"Retry-After": "1"}


async def test_while_postgres_is_away_a_caller_is_told_when_to_come_back():
    async with Database("postgresql://nobody@127.0.0.1:9/none", application="tests") as away:
        limiter = SharedRateLimiter(away, {"GET /search": Rule(Quota("search", 10, LONG))})
        await limiter.acquire("GET /something/else")
        with pytest.raises(RateLimited, match="nobody can tell") as refused:
            await limiter.acquire("GET /search")
        assert refused.value.retry_after == AWAY
        await limiter.push_back("GET /search", timedelta(minutes=1))
        with pytest.raises(RateLimited, match="next turn"):  # this process has understood
            await limiter.acquire("GET /search")
