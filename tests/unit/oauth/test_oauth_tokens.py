"""Rotating tokens: one refresh whoever asks, never a lost pair, a dead refresh token not asked again and again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from libs.http.errors import Unauthorized, Unavailable
from libs.oauth.tokens import EARLY, FRESH, RotatingTokens, TokenPair, TokensAway

NOW = datetime(2026, 6, 5, 12, tzinfo=UTC)


class Held:
    def __init__(self, pair: TokenPair | None) -> None:
        self.pair = pair
        self.saved: TokenPair | None = None

    async def save(self, pair: TokenPair) -> None:
        self.saved = pair


class Memory:
    """A token store in memory, shared by replicas as a database is; `fail_commits` makes so many commits fail."""

    def __init__(self, pair: TokenPair | None) -> None:
        self.pair = pair
        self.lock = asyncio.Lock()
        self.fail_commits = 0

    async def load(self, account: str) -> TokenPair | None:
        return self.pair

    @asynccontextmanager
    async def hold(self, account: str) -> AsyncIterator[Held]:
        async with self.lock:
            held = Held(self.pair)
            yield held
            if held.saved is not None:
                if self.fail_commits:
                    self.fail_commits -= 1
                    raise Unavailable("token store", "the database went away at the commit")
                self.pair = held.saved


class Authority:
    """Grants as MercadoLibre does: each refresh token once."""

    def __init__(self, valid: str) -> None:
        self.valid = valid
        self.grants: list[str] = []
        self.down = False

    async def __call__(self, refresh: str) -> TokenPair:
        self.grants.append(refresh)
        await asyncio.sleep(0)
        if self.down:
            raise Unavailable("POST /oauth/token", "answered 503")
        if refresh != self.valid:
            raise Unauthorized("POST /oauth/token", "answered 400 (invalid_grant)")
        number = int(refresh.rpartition("-")[2]) + 1
        self.valid = f"refresh-{number}"
        return TokenPair(f"access-{number}", self.valid, NOW + timedelta(hours=6))


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
    store.fail_commits = 1
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


async def test_no_stored_tokens_is_said(authority):
    with pytest.raises(Unauthorized, match="no tokens are stored"):
        await tokens(Memory(None), authority).token()


def test_a_pair_does_not_show_its_secrets():
    shown = repr(TokenPair("APP_USR-1234567890-secret", "TG-abcdefghijklmnop"))
    assert "APP_US…ret" in shown
    assert "1234567890" not in shown
    assert "abcdefgh" not in shown
