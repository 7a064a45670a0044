"""One of several processes works at a time; the others stand by until it ends, however it ends.

Who works holds an advisory lock over a connection of its own. A process that is killed lets go of it at once, one that
stands still keeps it. Who is cut off from PostgreSQL knows after 11 s at most; PostgreSQL gives the lock to another
after 20 s at least.
"""

import asyncio

from libs.db.errors import DRIVER_ERRORS
from libs.db.locks import try_lock
from libs.db.pool import Connection

_LOOK_SECONDS = 1.0
_ANSWER_SECONDS = 10.0
_DEAD_AFTER = "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3"


async def elected(connection: Connection, name: str) -> bool:
    """Take the lock for as long as the connection lives; False if somebody else works."""
    await connection.execute(_DEAD_AFTER)
    return await try_lock(connection, name)


async def until_elected(connection: Connection, name: str) -> None:
    """Stand by, however long. Raises the driver's errors when the connection breaks."""
    while not await try_lock(connection, name):  # noqa: ASYNC110  (PostgreSQL tells nobody when a lock is let go)
        await asyncio.sleep(_LOOK_SECONDS)


async def until_lost(connection: Connection) -> None:
    """Return when the connection is broken: another process may soon hold what it locked."""
    while True:
        try:
            await connection.fetchval("SELECT 1", timeout=_ANSWER_SECONDS)
        except DRIVER_ERRORS:
            return
        await asyncio.sleep(_LOOK_SECONDS)
