"""Empty databases for tests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import asyncpg

from libs.db.migrate import migrate
from libs.db.pool import Database
from libs.stack import Endpoints


@asynccontextmanager
async def migrated_template(stack: Endpoints) -> AsyncIterator[str]:
    """The name of a database with every migration applied and nobody connected, to be copied; dropped at the end."""
    async with empty_database(stack) as url:
        async with Database(url, application="tests") as database:
            await migrate(database)
        yield url.rpartition("/")[2]


@asynccontextmanager
async def empty_database(stack: Endpoints, template: str = "template1") -> AsyncIterator[str]:
    """The URL of a new database, a copy of `template`, dropped at the end."""
    name = f"t{uuid4().hex[:10]}"
    server = await asyncpg.connect(stack.database_url)
    try:
        await server.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        yield stack.database_url.rpartition("/")[0] + f"/{name}"
        await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await server.close()
