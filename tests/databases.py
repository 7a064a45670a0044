"""Empty databases for tests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import asyncpg

from libs.stack import Endpoints


@asynccontextmanager
async def empty_database(stack: Endpoints) -> AsyncIterator[str]:
    """The URL of a new database, dropped at the end."""
    name = f"t{uuid4().hex[:10]}"
    server = await asyncpg.connect(stack.database_url)
    try:
        await server.execute(f"CREATE DATABASE {name}")
        yield stack.database_url.rpartition("/")[0] + f"/{name}"
        await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await server.close()
