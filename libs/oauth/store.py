"""Token pairs in PostgreSQL (`oauth.tokens`), sealed: they outlive restarts, and replicas take turns at a lock.

The lock is an advisory one, held by a connection and not by a transaction: so what a refresh notes before it sends the
token is durable at once, and a lock whose holder died is free at once.
"""

import asyncio
import hashlib
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

from libs.db.errors import DatabaseAway
from libs.db.locks import hold_lock
from libs.db.pool import Connection, Database, Record
from libs.http.errors import Unauthorized
from libs.oauth.tokens import Spending, TokenPair, TokensAway
from libs.secrets.keys import SecretsError
from libs.secrets.vault import Vault, place_of
from libs.telemetry.log import get_logger

log = get_logger()

CONNECT_RETRY_SECONDS = 1.0
LOCK_SECONDS = 30
"""Longer than a replica's grant may take; who waits longer comes back later."""

_TABLE = "oauth.tokens"
_COLUMNS = "access_token, refresh_token, expires_at, seed, spending_since, spending_by"
_LOAD = f"SELECT {_COLUMNS} FROM oauth.tokens WHERE client = $1 AND account = $2"  # noqa: S608  (our own names)
_BEGIN = """
INSERT INTO oauth.tokens (client, account, access_token, refresh_token, expires_at, seed, authorized_at)
VALUES ($1, $2, $3, $4, $5, $6, CASE WHEN $7 THEN now() END)
ON CONFLICT (client, account) DO UPDATE
SET access_token = excluded.access_token, refresh_token = excluded.refresh_token, expires_at = excluded.expires_at,
    seed = coalesce(excluded.seed, tokens.seed), authorized_at = excluded.authorized_at,
    spending_since = NULL, spending_by = NULL, updated_at = now()
"""
_SAVE = """
UPDATE oauth.tokens SET access_token = $3, refresh_token = $4, expires_at = $5,
    spending_since = NULL, spending_by = NULL, updated_at = now()
WHERE client = $1 AND account = $2
"""
_SPEND = """
UPDATE oauth.tokens SET spending_since = coalesce(spending_since, now()), spending_by = coalesce(spending_by, $3)
WHERE client = $1 AND account = $2
"""
_UNSPENT = "UPDATE oauth.tokens SET spending_since = NULL, spending_by = NULL WHERE client = $1 AND account = $2"
_NOTE_SEED = "UPDATE oauth.tokens SET seed = $3 WHERE client = $1 AND account = $2"
_TAKE_UNSEALED = """
DELETE FROM oauth.unsealed_tokens WHERE client = $1 AND account = $2
RETURNING access_token, refresh_token, expires_at, seed
"""
_LATEST = """
SELECT account FROM oauth.tokens WHERE client = $1 ORDER BY authorized_at DESC NULLS LAST, created_at DESC LIMIT 1
"""


@asynccontextmanager
async def open_token_database(url: str, application: str) -> AsyncIterator[Database]:
    """Connect to PostgreSQL; waits for as long as it is away, and says so."""
    async with Database(url, application=application, most=8) as database:
        while True:
            try:
                await database.check()
                break
            except DatabaseAway as error:
                log.warning("postgres is away", error=str(error))
                await asyncio.sleep(CONNECT_RETRY_SECONDS)
        yield database


class PostgresTokenStore:
    """The pairs of one client's accounts (a libs.oauth.tokens.TokenStore).

    `client` names the API and our application there, since a refresh token belongs to both.
    """

    def __init__(self, database: Database, client: str, vault: Vault) -> None:
        self._database = database
        self._client = client
        self._vault = vault

    async def seed(self, account: str, pair: TokenPair, *, formerly: tuple[str, str] | None = None) -> None:
        """Begin with the configured pair, unless what is stored began with the same and went on from there.

        A row that a person made in a browser stays; the configured token counts as older. `formerly` (client, account)
        is where the row stood in plain text before tokens were sealed: it is taken over.
        """
        digest = _digest(pair.refresh)
        async with self._held(account) as (connection, row):
            if row is None and formerly is not None:
                async with connection.transaction():
                    plain = await connection.fetchrow(_TAKE_UNSEALED, *formerly)
                    if plain is not None and plain["seed"] == digest:
                        pair = TokenPair(plain["access_token"], plain["refresh_token"], plain["expires_at"])
                    await self._begin(connection, account, pair, digest)
            elif row is None or row["seed"] not in (None, digest):
                await self._begin(connection, account, pair, digest)
            elif row["seed"] is None:
                await connection.execute(_NOTE_SEED, self._client, account, digest)
                log.info("the configured refresh token is older than the authorisation in a browser", account=account)

    async def authorize(self, account: str, pair: TokenPair) -> None:
        """Store what a person's agreement gave; whatever was there before is void."""
        async with self._held(account) as (connection, _):
            await self._begin(connection, account, pair, None)

    async def latest(self) -> str | None:
        """The account that was authorised last; None without any."""
        async with self._connection() as connection:
            account: str | None = await connection.fetchval(_LATEST, self._client)
            return account

    async def check(self) -> None:
        """Raise TokensAway unless the table can be read: for readiness."""
        async with self._connection() as connection:
            await connection.fetchval("SELECT count(*) FROM oauth.tokens WHERE client = $1", self._client)

    async def load(self, account: str) -> TokenPair | None:
        async with self._connection() as connection:
            return self._opened(await connection.fetchrow(_LOAD, self._client, account), account)

    @asynccontextmanager
    async def hold(self, account: str) -> AsyncIterator["_HeldRow"]:
        async with self._held(account) as (connection, row):
            yield _HeldRow(self, connection, account, self._opened(row, account), _spending(row))

    @asynccontextmanager
    async def _held(self, account: str) -> AsyncIterator[tuple[Connection, Record | None]]:
        """A connection that keeps everybody else from the account, and the row as it is then."""
        async with (
            self._connection() as connection,
            hold_lock(connection, f"tokens {self._client} {account}", seconds=LOCK_SECONDS),
        ):
            yield connection, await connection.fetchrow(_LOAD, self._client, account)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        try:
            async with self._database.connection() as connection:
                yield connection
        except DatabaseAway as error:
            raise TokensAway("token store", str(error)) from error

    async def _begin(self, connection: Connection, account: str, pair: TokenPair, seed: bytes | None) -> None:
        sealed = self.sealed(account, pair)
        await connection.execute(_BEGIN, self._client, account, *sealed, pair.expires_at, seed, seed is None)

    async def change(self, connection: Connection, account: str, statement: str, *values: object) -> None:
        """Change the row of an account that is held."""
        await connection.execute(statement, self._client, account, *values)

    def sealed(self, account: str, pair: TokenPair) -> tuple[bytes, bytes]:
        """The pair's columns."""
        return (
            self._vault.seal(pair.access, self._place("access_token", account)),
            self._vault.seal(pair.refresh, self._place("refresh_token", account)),
        )

    def _opened(self, row: Record | None, account: str) -> TokenPair | None:
        if row is None:
            return None
        try:
            access = self._vault.open(row["access_token"], self._place("access_token", account))
            refresh = self._vault.open(row["refresh_token"], self._place("refresh_token", account))
        except SecretsError as error:
            raise Unauthorized("token store", f"account {account}: {error}. Or authorise the account again") from error
        return TokenPair(access, refresh, row["expires_at"])

    def _place(self, column: str, account: str) -> str:
        return place_of(_TABLE, column, self._client, account)


class _HeldRow:
    """A locked row (a libs.oauth.tokens.HeldPair)."""

    def __init__(
        self,
        store: PostgresTokenStore,
        connection: Connection,
        account: str,
        pair: TokenPair | None,
        spending: Spending | None,
    ) -> None:
        self._store = store
        self._connection = connection
        self._account = account
        self.pair = pair
        self.spending = spending

    async def spend(self) -> None:
        await self._store.change(self._connection, self._account, _SPEND, _who())

    async def unspent(self) -> None:
        await self._store.change(self._connection, self._account, _UNSPENT)

    async def save(self, pair: TokenPair) -> None:
        sealed = self._store.sealed(self._account, pair)
        await self._store.change(self._connection, self._account, _SAVE, *sealed, pair.expires_at)


def _spending(row: Record | None) -> Spending | None:
    since: datetime | None = None if row is None else row["spending_since"]
    return None if row is None or since is None else Spending(since, row["spending_by"])


def _digest(refresh: str) -> bytes:
    return hashlib.sha256(refresh.encode()).digest()


def _who() -> str:
    return f"process {os.getpid()} on {socket.gethostname()}"
