"""One rebuild or verification of a read model at a time: a lock that lives exactly as long as its connection."""

import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from libs.db.locks import holder, try_lock
from libs.db.pool import Connection, Database

APPLICATION = "sellstream read-models"
"""How the connections of rebuilds begin their `application_name`."""


class RebuildRuns(Exception):
    """Another process rebuilds, verifies or swaps this read model now; the text says which."""


@asynccontextmanager
async def lease(database: Database, name: str, what: str) -> AsyncIterator[Connection]:
    """Hold the read model's lease; raises RebuildRuns. `what` (rebuild, verify, …) is told to whoever comes next.

    Gives the connection that holds it: a swap goes over it, so that none happens after the lease is lost.
    """
    lock = f"rebuild {name}"
    application = f"{APPLICATION} {what} {name[:20]} ({socket.gethostname()[:10]} {os.getpid()})"
    async with database.own_connection(application) as connection:
        if not await try_lock(connection, lock):
            other = await holder(connection, lock)
            who = f"{other.application}, since {other.since:%Y-%m-%d %H:%M:%S} UTC" if other else "it has just ended"
            raise RebuildRuns(f"The read model {name} is being rebuilt or verified by another process: {who}.")
        yield connection
