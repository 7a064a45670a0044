"""OAuth 2 access tokens with single-use refresh tokens: refreshed once, whoever asks, and never lost by a restart.

A refresh token that may be used once (RFC 6749, section 6, with rotation) makes three things dangerous: two refreshes
at the same time (the second is refused), a crash between the grant and its storing, and a cancelled caller. So: one
refresh per process runs in a task of its own, which no caller's cancellation ends; the pair's row is locked during the
grant, so that replicas take turns and the later ones find a new pair; the new pair is stored before it is used.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from libs.http.errors import ApiError, Garbage, Unauthorized, Unavailable
from libs.telemetry.log import get_logger, masked
from libs.telemetry.metrics import HTTP_CLIENT_TOKEN_REFRESHES

log = get_logger()

FRESH = timedelta(minutes=1)
"""How long after a grant a rejection is not answered by another one: what a new token cannot do, the next cannot."""

EARLY = timedelta(minutes=2)
"""How long before its end a token is replaced, so that no request is sent with one that dies on the way."""


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


class HeldPair(Protocol):
    """The stored pair of an account while nobody else can touch it."""

    pair: TokenPair | None

    async def save(self, pair: TokenPair) -> None:
        """Replace the pair; durable when the hold ends without an exception."""
        ...


class TokenStore(Protocol):
    """Keeps token pairs over restarts, for all replicas. Raises TokensAway when it cannot be reached."""

    async def load(self, account: str) -> TokenPair | None: ...

    def hold(self, account: str) -> AbstractAsyncContextManager[HeldPair]:
        """Lock an account's pair against all replicas for as long as the context lasts."""
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
        self._account = account
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
        return await self.refresh(pair.access)

    async def refresh(self, rejected: str) -> str:
        if self._pair is not None and self._pair.access not in ("", rejected) and not self._ends_soon(self._pair):
            return self._pair.access  # somebody of this process was faster
        if self._granted_at is not None and self._clock() - self._granted_at < FRESH and self._unsaved is None:
            raise self._refused("a token that was just granted is rejected. Look at the application's permissions")
        if self._refreshing is None:
            self._refreshing = asyncio.create_task(self._replace(rejected), name=f"token refresh {self._account}")
            self._refreshing.add_done_callback(self._refreshed)
        return (await asyncio.shield(self._refreshing)).access

    async def close(self) -> None:
        """Let a running refresh finish: its new pair must not be lost."""
        if self._refreshing is not None:
            await asyncio.wait({self._refreshing})

    def _refreshed(self, task: asyncio.Task[TokenPair]) -> None:
        self._refreshing = None
        if not task.cancelled():
            task.exception()  # every waiter has it; without waiters it is still no surprise

    def _ends_soon(self, pair: TokenPair) -> bool:
        return pair.expires_at is not None and pair.expires_at - self._clock() < EARLY

    async def _load(self) -> TokenPair:
        pair = await self._store.load(self._account)
        if pair is None:
            raise self._refused("no tokens are stored. Configure the account's refresh token")
        self._pair = pair
        return pair

    async def _replace(self, rejected: str) -> TokenPair:
        async with self._store.hold(self._account) as held:
            current = held.pair
            if current is None:
                raise self._refused("no tokens are stored. Configure the account's refresh token")
            if self._unsaved is not None and self._unsaved.replaces == current.refresh:
                fresh = self._unsaved.pair  # granted before, but storing it failed
                await held.save(fresh)
            elif current.access in ("", rejected) or self._ends_soon(current):
                fresh = await self._granted(current.refresh)
                self._unsaved = _Unsaved(current.refresh, fresh)
                await held.save(fresh)
            else:
                fresh = current  # another replica was faster
        if fresh is not current:
            self._granted_at = self._clock()
        self._unsaved = None  # only here, behind the hold, is the new pair durable
        self._pair = fresh
        return fresh

    async def _granted(self, refresh: str) -> TokenPair:
        if refresh == self._dead:
            raise self._refused("the stored refresh token was refused before. Authorise the account again")
        try:
            pair = await self._grant(refresh)
        except Unauthorized:
            self._dead = refresh
            HTTP_CLIENT_TOKEN_REFRESHES.labels(self._client, "refused").inc()
            log.warning(
                "refresh token refused: authorise the account again", account=self._account, token=masked(refresh)
            )
            raise
        except ApiError as error:
            HTTP_CLIENT_TOKEN_REFRESHES.labels(self._client, "failed").inc()
            if isinstance(error, Unavailable | Garbage):
                raise TokensAway(error.operation, error.detail, status=error.status) from error
            raise
        HTTP_CLIENT_TOKEN_REFRESHES.labels(self._client, "refreshed").inc()
        log.info("token refreshed", account=self._account, token=masked(pair.access), expires_at=pair.expires_at)
        return pair

    def _refused(self, why: str) -> Unauthorized:
        return Unauthorized("token refresh", f"account {self._account}: {why}")
