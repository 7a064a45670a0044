"""Advisory locks: who may do what now. Held by a connection (let go when it ends, however) or by a transaction."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from libs.db.pool import Connection

_SPACE = 0x5E115  # the first half of every lock of ours, so that other programs' locks are others


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock: the connection's `application_name`, and since when it is connected."""

    application: str
    since: datetime


async def lock_in_transaction(connection: Connection, name: str, *, shared: bool = False) -> None:
    """Wait for the lock; it is let go at the end of the transaction. Who shares it keeps only the others away."""
    function = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
    await connection.execute(f"SELECT {function}($1, hashtext($2))", _SPACE, name)


@asynccontextmanager
async def hold_lock(connection: Connection, name: str, *, seconds: int) -> AsyncIterator[None]:
    """Wait for the lock, `seconds` at most, and keep it over as many transactions as the block has.

    It is let go at the end of the block, and when the connection breaks.
    """
    await connection.execute(f"SET lock_timeout = '{seconds}s'")
    await connection.execute("SELECT pg_advisory_lock($1, hashtext($2))", _SPACE, name)
    try:
        await connection.execute("RESET lock_timeout")
        yield
    finally:
        if not connection.is_closed():
            await connection.execute("SELECT pg_advisory_unlock($1, hashtext($2))", _SPACE, name)


async def try_lock(connection: Connection, name: str) -> bool:
    """Take the lock for as long as the connection lives; False if somebody else has it."""
    return bool(await connection.fetchval("SELECT pg_try_advisory_lock($1, hashtext($2))", _SPACE, name))


async def holder(connection: Connection, name: str) -> Holder | None:
    """Who has the lock now."""
    row = await connection.fetchrow(
        """
        SELECT application_name, backend_start FROM pg_locks JOIN pg_stat_activity USING (pid)
        WHERE locktype = 'advisory' AND granted
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
          AND classid::bigint = $1 AND objid::bigint = hashtext($2)::bigint & 4294967295
        """,
        _SPACE,
        name,
    )
    return None if row is None else Holder(row["application_name"], row["backend_start"])
