"""Rotating tokens: one refresh whoever asks, never a lost pair, a dead refresh token not asked again and again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from libs.http.errors import Unauthorized, Unavailable
from libs.oauth.tokens import EARLY, FRESH, SPENDING, NoTokens, RotatingTokens, Spending, TokenPair, TokensAway

NOW = datetime(2026, 6, 5, 12, tzinfo=UTC)


class Memory:
    """A token store in memory, shared by replicas as a database is; `fail_saves` makes so many saves fail."""

    def __init__(self, pair: TokenPair | None) -> None:
        self.pair = pair
        self.spending: Spending | None = None
        self.lock = asyncio.Lock()
        self.fail_saves = 0
        self.now = NOW

    async def load(self, account: str) -> TokenPair | None:
        return self.pair

    @asynccontextmanager
    async def hold(self, account: str) -> AsyncIterator["Held"]:
        async with self.lock:
            yield Held(self)


class Held:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self.pair = memory.pair
        self.spending = memory.spending

    async def spend(self) -> None:
        self._memory.spending = self._memory.spending or Spending(self._memory.now, "replica 1")

    async def unspent(self) -> None:
        self._memory.spending = None

    async def save(self, pair: TokenPair) -> None:
        if self._memory.fail_saves:
            self._memory.fail_saves -= 1
            raise TokensAway("token store", "the database went away")
        self._memory.pair, self._memory.spending = pair, None


class Authority:
    """Grants as MercadoLibre does: each refresh token once."""

    def __init__(self, valid: str) -> None:
        self.valid = valid
        self.grants: list[str] = []
        self.down = False
        self.life = timedelta(hours=6)

    async def __call__(self, refresh: str) -> TokenPair:
        self.grants.append(refresh)
        await asyncio.sleep(0)
        if self.down:
            raise Unavailable("POST /oauth/token", "answered 503")
        if refresh != self.valid:
            raise Unauthorized("POST /oauth/token", "answered 400 (invalid_grant)")
        number = int(refresh.rpartition("-")[2]) + 1
        self.valid = f"refresh-{number}"
        return TokenPair(f"access-{number}", self.valid, NOW + self.life)


@pytest.fixture
def store() -> Memory:
    return Memory(TokenPair("access-0", "refresh-0"))


@pytest.fixture
def authority() -> Authority:
    return Authority("refresh-0")


def tokens(store: Memory, authority: Authority, now: datetime = NOW) -> RotatingTokens:
    return RotatingTokens("test", "acme", store, authority, clock=lambda: now)


async def test_fifty_rejections_at_once_cause_one_refresh(store, authority):
    shared = tokens(store, authority)
    fresh = await asyncio.gather(*(shared.refresh("access-0") for _ in range(50)))
    assert set(fresh) == {"access-1"}
    assert authority.grants == ["refresh-0"]
    assert await shared.refresh("access-0") == "access-1"  # a late one
    assert authority.grants == ["refresh-0"]


async def test_a_look_at_the_store_that_ends_late_does_not_undo_a_refresh(authority):
    class Looks(Memory):
        """The second look reads before the refresh and ends after it."""

        number = 0
        late = asyncio.Event()

        async def load(self, account: str) -> TokenPair | None:
            pair, self.number = self.pair, self.number + 1
            await (asyncio.sleep(0) if self.number == 1 else self.late.wait())
            return pair

    store = Looks(TokenPair("", "refresh-0"))  # as configured: without an access token
    shared = tokens(store, authority)
    first, second = asyncio.create_task(shared.token()), asyncio.create_task(shared.token())
    assert await first == "access-1"
    assert store.number == 2
    store.late.set()
    assert await second == "access-1"
    assert await shared.token() == "access-1"
    assert authority.grants == ["refresh-0"]


async def test_replicas_take_turns_and_share_the_new_pair(store, authority):
    replicas = [tokens(store, authority) for _ in range(5)]
    assert {await replica.token() for replica in replicas} == {"access-0"}
    fresh = await asyncio.gather(*(replica.refresh("access-0") for replica in replicas))
    assert set(fresh) == {"access-1"}
    assert authority.grants == ["refresh-0"]


async def test_a_restart_goes_on_with_the_rotated_token(store, authority):
    await tokens(store, authority).refresh("access-0")
    restarted = tokens(store, authority)
    assert await restarted.token() == "access-1"
    assert await restarted.refresh("access-1") == "access-2"
    assert authority.grants == ["refresh-0", "refresh-1"]


async def test_a_token_near_its_end_is_replaced_before_use(store, authority):
    store.pair = TokenPair("access-0", "refresh-0", NOW + EARLY - timedelta(seconds=1))
    assert await tokens(store, authority).token() == "access-1"


async def test_without_an_access_token_the_first_use_gets_one(store, authority):
    store.pair = TokenPair("", "refresh-0")
    assert await tokens(store, authority).token() == "access-1"


async def test_a_cancelled_caller_does_not_lose_the_new_pair(store, authority):
    shared = tokens(store, authority)
    caller = asyncio.create_task(shared.refresh("access-0"))
    while not authority.grants:
        await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    await shared.close()
    assert store.pair.refresh == "refresh-1"


async def test_a_pair_whose_storing_failed_is_stored_at_the_next_try(store, authority):
    shared = tokens(store, authority)
    store.fail_saves = 1
    with pytest.raises(Unavailable):
        await shared.refresh("access-0")
    assert store.pair.refresh == "refresh-0"
    assert await shared.refresh("access-0") == "access-1"
    assert store.pair.refresh == "refresh-1"
    assert authority.grants == ["refresh-0"]


async def test_a_refused_refresh_token_is_not_sent_again(store, authority):
    authority.valid = "another"
    shared = tokens(store, authority)
    for _ in range(3):
        with pytest.raises(Unauthorized):
            await shared.refresh("access-0")
    assert authority.grants == ["refresh-0"]
    authority.valid = "refresh-7"
    store.pair = TokenPair("", "refresh-7")  # a person authorised the account again
    assert await shared.refresh("access-0") == "access-8"


async def test_a_rejected_token_that_was_just_granted_does_not_spend_another_refresh_token(store, authority):
    now = NOW
    shared = RotatingTokens("test", "acme", store, authority, clock=lambda: now)
    fresh = await shared.refresh("access-0")
    with pytest.raises(Unauthorized, match="permissions"):
        await shared.refresh(fresh)
    now += FRESH
    assert await shared.refresh(fresh) == "access-2"
    assert authority.grants == ["refresh-0", "refresh-1"]


async def test_an_authority_that_is_away_is_asked_again(store, authority):
    authority.down = True
    shared = tokens(store, authority)
    with pytest.raises(TokensAway):
        await shared.refresh("access-0")
    authority.down = False
    assert await shared.refresh("access-0") == "access-1"


async def test_a_token_that_lives_is_used_while_its_successor_cannot_be_had(store, authority):
    store.pair = TokenPair("access-0", "refresh-0", NOW + timedelta(seconds=30))
    authority.down = True
    assert await tokens(store, authority).token() == "access-0"
    with pytest.raises(TokensAway):
        await tokens(store, authority, NOW + timedelta(seconds=30)).token()


async def test_tokens_of_a_short_life_are_used_until_their_end(store, authority):
    now = NOW
    shared = RotatingTokens("test", "acme", store, authority, clock=lambda: now)
    authority.life = timedelta(seconds=20)
    assert await shared.refresh("access-0") == "access-1"
    now += timedelta(seconds=19)
    assert await shared.token() == "access-1"
    assert authority.grants == ["refresh-0"]


async def test_a_stop_stores_what_could_not_be_stored_before(store, authority):
    shared = tokens(store, authority)
    store.fail_saves = 1
    with pytest.raises(Unavailable):
        await shared.refresh("access-0")
    await shared.close()
    assert store.pair.refresh == "refresh-1"
    assert authority.grants == ["refresh-0"]


async def test_a_crash_before_the_refresh_token_was_sent_costs_nothing(store, authority):
    store.spending = Spending(NOW - timedelta(hours=1), "process 17 on host")
    assert await tokens(store, authority).refresh("access-0") == "access-1"
    assert store.spending is None


async def test_a_crash_between_refresh_and_store_is_reported(store, authority):
    await authority("refresh-0")  # somebody spent it …
    store.spending = Spending(NOW - SPENDING, "process 17 on host")  # … and died before storing what he got
    shared = tokens(store, authority)
    for _ in range(2):
        with pytest.raises(
            Unauthorized, match=r"process 17 on host began at 2026-06-05T11:59.*never stored.*Authorise"
        ):
            await shared.refresh("access-0")
    assert authority.grants == ["refresh-0", "refresh-0"]  # its own attempt, once


async def test_what_another_replica_may_still_store_is_waited_for(store, authority):
    granted = await authority("refresh-0")
    store.spending = Spending(NOW - timedelta(seconds=1), "process 17 on host")
    shared = tokens(store, authority)
    with pytest.raises(TokensAway, match="as yet"):
        await shared.refresh("access-0")
    store.pair, store.spending = granted, None
    assert await shared.refresh("access-0") == "access-1"


async def test_a_refusal_that_is_no_crash_leaves_no_note(store, authority):
    authority.valid = "another"
    with pytest.raises(Unauthorized, match="refused"):
        await tokens(store, authority).refresh("access-0")
    assert store.spending is None


async def test_no_stored_tokens_is_said(authority):
    with pytest.raises(NoTokens, match="no tokens are stored"):
        await tokens(Memory(None), authority).token()


def test_a_pair_does_not_show_its_secrets():
    shown = repr(TokenPair("APP_USR-1234567890-secret", "TG-abcdefghijklmnop"))
    assert "APP_US…ret" in shown
    assert "1234567890" not in shown
    assert "abcdefgh" not in shown
