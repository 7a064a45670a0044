"""OAuth 2 access tokens with single-use refresh tokens: refreshed once, whoever asks, and never lost by a restart.

A refresh token that may be used once (RFC 6749, section 6, with rotation) makes three things dangerous: two refreshes
at the same time (the second is refused), a crash between the grant and its storing, and a cancelled caller. So: one
refresh per process runs in a task of its own, which no caller's cancellation ends; the pair is locked during the
grant, so that replicas take turns and the later ones find a new pair; the new pair is stored before it is used; and
that the refresh token is about to be sent is stored before it is sent.

| what ends in the middle                              | what follows                                                 |
|------------------------------------------------------|--------------------------------------------------------------|
| the store, after the grant                           | this process keeps the new pair, stores it at the next call  |
| this process, before the token reached the authority | the next one sends the same refresh token: nothing is lost   |
| this process, between the grant and its storing      | the next one is refused, and says which refresh, begun when  |
|                                                      | and by whom, was never stored: the account must be           |
|                                                      | authorised again                                             |
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from libs.http.errors import ApiError, Garbage, Later, Unauthorized, Unavailable
from libs.telemetry.log import get_logger, masked
from libs.telemetry.metrics import HTTP_CLIENT_TOKEN_REFRESHES

log = get_logger()

FRESH = timedelta(minutes=1)
"""How long after a grant a rejection is not answered by another one: what a new token cannot do, the next cannot."""

EARLY = timedelta(minutes=2)
"""How long before its end a token is replaced, so that no request is sent with one that dies on the way."""

SPENDING = timedelta(minutes=1)
"""How long a refresh of another process, whose lock is gone, may still be on its way to being stored."""


@dataclass(frozen=True, slots=True)
class TokenPair:
    """An access token, the refresh token that belongs to it, and when the access token ends (None: not known)."""

    access: str
    refresh: str
    expires_at: datetime | None = None

    def __repr__(self) -> str:
        return f"TokenPair(access={masked(self.access)}, refresh={masked(self.refresh)}, expires_at={self.expires_at})"


class TokensAway(Unavailable):
    """No token can be had now: the authority or the store does not answer. It is so for every call of the account."""


class NoTokens(Unauthorized):
    """The account has no tokens: nobody has authorised it yet."""


@dataclass(frozen=True, slots=True)
class Spending:
    """The refresh token was sent, and what came of it is not stored."""

    since: datetime
    by: str


class HeldPair(Protocol):
    """The stored pair of an account while nobody else can touch it."""

    pair: TokenPair | None
    spending: Spending | None

    async def spend(self) -> None:
        """Note that the refresh token is about to be sent; durable at once. An earlier note stays as it is."""
        ...

    async def unspent(self) -> None:
        """Take the note back: the refresh token was refused for another reason than having been used."""
        ...

    async def save(self, pair: TokenPair) -> None:
        """Replace the pair and remove the note; durable at once."""
        ...


class TokenStore(Protocol):
    """Keeps token pairs over restarts, for all replicas. Raises TokensAway when it cannot be reached."""

    async def load(self, account: str) -> TokenPair | None: ...

    def hold(self, account: str) -> AbstractAsyncContextManager[HeldPair]:
        """Keep all replicas from an account's pair for as long as the context lasts."""
        ...


Grant = Callable[[str], Awaitable[TokenPair]]
"""Exchanges a refresh token for a new pair; raises Unauthorized when it is refused, Unavailable when nobody answers."""


@dataclass(frozen=True, slots=True)
class _Unsaved:
    """A pair that was granted but is not known to be stored, and the refresh token that was spent for it."""

    replaces: str
    pair: TokenPair


class RotatingTokens:
    """The tokens of one account of one client (a libs.http.tokens.TokenProvider)."""

    def __init__(
        self,
        client: str,
        account: str,
        store: TokenStore,
        grant: Grant,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._client = client
        self.account = account
        self._store = store
        self._grant = grant
        self._clock = clock
        self._pair: TokenPair | None = None
        self._unsaved: _Unsaved | None = None
        self._dead: str | None = None
        self._granted_at: datetime | None = None
        self._refreshing: asyncio.Task[TokenPair] | None = None

    async def token(self) -> str:
        pair = self._pair or await self._load()
        if pair.access and not self._ends_soon(pair):
            return pair.access
        try:
            return await self.refresh(pair.access)
        except Later:
            if pair.access and pair.expires_at is not None and pair.expires_at > self._clock():
                return pair.access  # the authority or the store is away, but this one lives still
            raise

    async def refresh(self, rejected: str) -> str:
        if self._pair is not None and self._pair.access not in ("", rejected) and not self._ends_soon(self._pair):
            return self._pair.access  # somebody of this process was faster
        if self._just_granted() and self._unsaved is None:
            raise self._refused("a token that was just granted is rejected. Look at the application's permissions")
        if self._refreshing is None:
            self._refreshing = asyncio.create_task(self._replace(rejected), name=f"token refresh {self.account}")
            self._refreshing.add_done_callback(self._refreshed)
        return (await asyncio.shield(self._refreshing)).access

    async def close(self) -> None:
        """Let a running refresh finish, and store what could not be stored yet: a new pair must not be lost."""
        if self._refreshing is not None:
            await asyncio.wait({self._refreshing})
        if self._unsaved is not None:
            try:
                await self._store_unsaved(self._unsaved)
            except ApiError:
                log.exception("a granted token pair was not stored: authorise the account again", account=self.account)

    async def _store_unsaved(self, unsaved: _Unsaved) -> None:
        async with self._store.hold(self.account) as held:
            if held.pair is not None and held.pair.refresh == unsaved.replaces:
                await held.save(unsaved.pair)
        self._unsaved = None

    def _refreshed(self, task: asyncio.Task[TokenPair]) -> None:
        self._refreshing = None
        if not task.cancelled():
            task.exception()  # every waiter has it; without waiters it is still no surprise

    def _just_granted(self) -> bool:
        return self._granted_at is not None and self._clock() - self._granted_at < FRESH

    def _ends_soon(self, pair: TokenPair) -> bool:
        if pair.expires_at is None:
            return False
        early = timedelta(0) if self._just_granted() else EARLY  # a short life is no reason to refresh at every call
        return pair.expires_at - self._clock() < early

    async def _load(self) -> TokenPair:
        pair = await self._store.load(self.account)
        if self._pair is not None:
            return self._pair  # what was read is older than what a refresh has brought meanwhile
        if pair is None:
            raise self._no_tokens()
        self._pair = pair
        return pair

    async def _replace(self, rejected: str) -> TokenPair:
        async with self._store.hold(self.account) as held:
            current = held.pair
            if current is None:
                raise self._no_tokens()
            if self._unsaved is not None and self._unsaved.replaces == current.refresh:
                fresh = self._unsaved.pair  # granted before, but storing it failed
                await held.save(fresh)
            elif current.access in ("", rejected) or self._ends_soon(current):
                fresh = await self._granted(held, current.refresh)
                self._unsaved = _Unsaved(current.refresh, fresh)
                await held.save(fresh)
            else:
                fresh = current  # another replica was faster
        if fresh is not current:
            self._granted_at = self._clock()
        self._unsaved = None  # only here is the new pair known to be durable
        self._pair = fresh
        return fresh

    async def _granted(self, held: HeldPair, refresh: str) -> TokenPair:
        if refresh == self._dead:
            raise self._spent(held, "the stored refresh token was refused before")
        await held.spend()
        try:
            pair = await self._grant(refresh)
        except Unauthorized as error:
            self._dead = refresh
            HTTP_CLIENT_TOKEN_REFRESHES.labels(self._client, "refused").inc()
            if held.spending is None:
                await held.unspent()
            refusal = self._spent(held, f"the refresh token was refused: {error.detail}", status=error.status)
            log.warning("refresh token refused", account=self.account, token=masked(refresh), why=refusal.detail)
            raise refusal from error
        except ApiError as error:
            HTTP_CLIENT_TOKEN_REFRESHES.labels(self._client, "failed").inc()
            if isinstance(error, Unavailable | Garbage):
                raise TokensAway(error.operation, error.detail, status=error.status) from error
            raise
        HTTP_CLIENT_TOKEN_REFRESHES.labels(self._client, "refreshed").inc()
        log.info("token refreshed", account=self.account, token=masked(pair.access), expires_at=pair.expires_at)
        return pair

    def _spent(self, held: HeldPair, why: str, status: int | None = None) -> ApiError:
        """What a refused refresh token means: another process may still store what it got for it; else it is lost."""
        if held.spending is None:
            return self._refused(f"{why}. Authorise the account again", status)
        told = f"a refresh that {held.spending.by} began at {held.spending.since.isoformat()} was never stored"
        if self._clock() - held.spending.since < SPENDING:
            return TokensAway(
                "token refresh", f"account {self.account}: {why}; {told}, as yet", retry_after=SPENDING / 4
            )
        return self._refused(f"{why}; {told}, so the token is spent, most likely. Authorise the account again", status)

    def _no_tokens(self) -> NoTokens:
        return NoTokens("token refresh", f"account {self.account}: no tokens are stored. Authorise the account first")

    def _refused(self, why: str, status: int | None = None) -> Unauthorized:
        return Unauthorized("token refresh", f"account {self.account}: {why}", status=status)
