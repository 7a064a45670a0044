"""PostgreSQL for the rest of the program: connections and transactions, whose passing failures are `DatabaseAway`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal, Self, TypeAlias

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from libs.db.errors import DRIVER_ERRORS, DatabaseAway, NotMigrated, lacks_tables, passes

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]"
Record: TypeAlias = asyncpg.Record

Isolation: TypeAlias = Literal["read_committed", "repeatable_read", "serializable"]

CONNECT_SECONDS = 10.0
CLOSE_SECONDS = 3.0
_SETTINGS = {"timezone": "UTC"}


class Database:
    """A pool of connections to one database. Opening it does not connect: the first use does.

    With `again`, all that is written can be made again from elsewhere, and no commit waits for the disk: a server that
    crashes may take back those of the last second, from one on all of them; none that a commit which did wait came
    after. https://www.postgresql.org/docs/current/wal-async-commit.html
    """

    def __init__(self, url: str, *, application: str, most: int = 8, again: bool = False) -> None:
        self._url = url
        self._application = application
        self._most = most
        self._settings = {**_SETTINGS, "synchronous_commit": "off"} if again else _SETTINGS
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None

    @property
    def url(self) -> str:
        """For another process that shall use the same database. It may hold a password."""
        return self._url

    async def __aenter__(self) -> Self:
        self._pool = await asyncpg.create_pool(
            self._url,
            min_size=0,
            max_size=self._most,
            timeout=CONNECT_SECONDS,
            server_settings={**self._settings, "application_name": self._application},
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            try:
                async with asyncio.timeout(CLOSE_SECONDS):
                    await pool.close()
            except DRIVER_ERRORS:
                pool.terminate()  # what matters is committed: a server that does not answer must not hold up the end

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection; raises DatabaseAway for whatever may pass, also when it happens inside the block."""
        if self._pool is None:
            raise RuntimeError("the database is not open: use `async with Database(…)`")
        with away():
            async with self._pool.acquire(timeout=CONNECT_SECONDS) as connection:
                yield connection

    @asynccontextmanager
    async def transaction(
        self, *, isolation: Isolation = "read_committed", readonly: bool = False
    ) -> AsyncIterator[Connection]:
        """A transaction that is committed at the end of the block, and rolled back by any exception."""
        async with self.connection() as connection, connection.transaction(isolation=isolation, readonly=readonly):
            yield connection

    async def check(self) -> None:
        """Raise DatabaseAway unless PostgreSQL answers: for readiness."""
        async with self.connection() as connection:
            await connection.fetchval("SELECT 1", timeout=5)

    @asynccontextmanager
    async def own_connection(self, application: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
        """A connection outside the pool, for as long as the block lasts: what it locks is let go with it."""
        with away():
            connection = await asyncpg.connect(
                self._url, timeout=CONNECT_SECONDS, server_settings={**_SETTINGS, "application_name": application}
            )
            try:
                yield connection
            finally:
                try:
                    await connection.close(timeout=CLOSE_SECONDS)  # returns when the server has let go of its locks
                except DRIVER_ERRORS:
                    connection.terminate()


class away:
    """Turn the driver's passing errors into DatabaseAway, and missing tables of ours into NotMigrated."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, DRIVER_ERRORS) and passes(error):
            raise DatabaseAway(f"PostgreSQL: {type(error).__name__}: {error}") from error
        if lacks_tables(error):
            raise NotMigrated(f"{error}. Run `sellstream db migrate` first.") from error
