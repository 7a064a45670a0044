"""Token pairs in PostgreSQL (`oauth.tokens`): they outlive restarts, and replicas take turns at a row's lock."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from libs.db.errors import DatabaseAway
from libs.db.pool import Connection, Database, Record
from libs.oauth.tokens import TokenPair, TokensAway
from libs.telemetry.log import get_logger

log = get_logger()

CONNECT_RETRY_SECONDS = 1.0
LOCK_SECONDS = 30
"""Longer than a replica's grant may take; who waits longer comes back later."""

_SEED = """
INSERT INTO oauth.tokens AS held (client, account, access_token, refresh_token, seed)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (client, account) DO UPDATE
SET access_token = excluded.access_token, refresh_token = excluded.refresh_token, expires_at = NULL,
    seed = excluded.seed, updated_at = now()
WHERE held.seed <> excluded.seed
"""
_LOAD = "SELECT access_token, refresh_token, expires_at FROM oauth.tokens WHERE client = $1 AND account = $2"
_SAVE = """
UPDATE oauth.tokens SET access_token = $3, refresh_token = $4, expires_at = $5, updated_at = now()
WHERE client = $1 AND account = $2
"""


@asynccontextmanager
async def open_token_store(url: str, client: str) -> AsyncIterator["PostgresTokenStore"]:
    """Connect to PostgreSQL; waits for as long as it is away, and says so."""
    async with Database(url, application=f"tokens of {client}", most=4) as database:
        while True:
            try:
                await database.check()
                break
            except DatabaseAway as error:
                log.warning("postgres is away", error=str(error))
                await asyncio.sleep(CONNECT_RETRY_SECONDS)
        yield PostgresTokenStore(database, client)


class PostgresTokenStore:
    """The pairs of one client's accounts (a libs.oauth.tokens.TokenStore)."""

    def __init__(self, database: Database, client: str) -> None:
        self._database = database
        self._client = client

    async def seed(self, account: str, pair: TokenPair) -> None:
        """Begin with the configured pair, unless what is stored began with the same and went on from there."""
        seed = hashlib.sha256(pair.refresh.encode()).digest()
        async with self._connection() as connection:
            await connection.execute(_SEED, self._client, account, pair.access, pair.refresh, seed)

    async def check(self) -> None:
        """Raise TokensAway unless the table can be read: for readiness."""
        async with self._connection() as connection:
            await connection.fetchval("SELECT count(*) FROM oauth.tokens WHERE client = $1", self._client)

    async def load(self, account: str) -> TokenPair | None:
        async with self._connection() as connection:
            return _pair(await connection.fetchrow(_LOAD, self._client, account))

    @asynccontextmanager
    async def hold(self, account: str) -> AsyncIterator["_HeldRow"]:
        async with self._connection() as connection, connection.transaction():
            await connection.execute(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
            row = await connection.fetchrow(f"{_LOAD} FOR UPDATE", self._client, account)
            yield _HeldRow(connection, self._client, account, _pair(row))

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        try:
            async with self._database.connection() as connection:
                yield connection
        except DatabaseAway as error:
            raise TokensAway("token store", str(error)) from error


class _HeldRow:
    """A locked row (a libs.oauth.tokens.HeldPair)."""

    def __init__(self, connection: Connection, client: str, account: str, pair: TokenPair | None) -> None:
        self._connection = connection
        self._key = (client, account)
        self.pair = pair

    async def save(self, pair: TokenPair) -> None:
        await self._connection.execute(_SAVE, *self._key, pair.access, pair.refresh, pair.expires_at)


def _pair(row: Record | None) -> TokenPair | None:
    return None if row is None else TokenPair(row["access_token"], row["refresh_token"], row["expires_at"])
