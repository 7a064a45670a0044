"""The table, an empty database for each run, and the comparison with the expected final state."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import psutil

from bench.projector.dataset import Expected, Order

DDL = Path(__file__).with_name("orders.sql").read_text(encoding="utf-8")
DATABASE_PREFIX = "sellstream-bench-"
COLUMNS = tuple(Order(0, 0, 0).columns())

_MICROS = "(extract(epoch FROM {column}) * 1000000)::bigint"
_CANONICAL = ", ".join(_MICROS.format(column=name) if name.endswith("_at") else name for name in COLUMNS)
DIGEST = (
    f"SELECT count(*) AS rows, coalesce(sum(('x' || left(md5(concat_ws('|', {_CANONICAL})), 15))::bit(60)::bigint), 0) "  # noqa: S608 - columns, not input
    "AS digest FROM {table}"
)
"""Rows and digest of a table or subquery with the columns of `orders.sql`."""


def with_database(url: str, name: str) -> str:
    """The URL of another database on the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


@asynccontextmanager
async def empty_database(server_url: str, name: str) -> AsyncIterator[str]:
    """The URL of a new, empty database, dropped at the end. The server starts the run with nothing left to write."""
    server = await asyncpg.connect(server_url)
    try:
        await server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        await server.execute(f'CREATE DATABASE "{name}"')
        await server.execute("CHECKPOINT")
        try:
            yield with_database(server_url, name)
        finally:
            await server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    finally:
        await server.close()


async def drop_left_over(server_url: str) -> None:
    """Drop the databases of runs that were killed."""
    server = await asyncpg.connect(server_url)
    try:
        for record in await server.fetch(
            "SELECT datname FROM pg_database WHERE starts_with(datname, $1)", DATABASE_PREFIX
        ):
            await server.execute(f'DROP DATABASE IF EXISTS "{record["datname"]}" WITH (FORCE)')
    finally:
        await server.close()


async def create_table(url: str) -> None:
    """Create the peers' table."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(DDL)
    finally:
        await connection.close()


async def difference(url: str, expected: Expected, table: str = "orders") -> str | None:
    """How the table (or a subquery with an alias) differs from the expected state; None if it does not."""
    connection = await asyncpg.connect(url)
    try:
        found = await connection.fetchrow(DIGEST.format(table=table))
    finally:
        await connection.close()
    assert found is not None
    if found["rows"] != expected.rows:
        return f"the table has {found['rows']} rows, {expected.rows} are expected"
    return None if int(found["digest"]) == expected.digest else "the rows differ from the expected final state"


async def postmaster(url: str) -> int | None:
    """The pid of PostgreSQL's first process when it runs on this machine, else None."""
    connection = await asyncpg.connect(url)
    try:
        backend = psutil.Process(await connection.fetchval("SELECT pg_backend_pid()"))
        parent = backend.parent()
        return parent.pid if parent and "postgres" in backend.name() and "postgres" in parent.name() else None
    except psutil.NoSuchProcess:
        return None
    finally:
        await connection.close()
