"""The embedded stack, with real processes."""

import asyncpg

from libs.stack import Endpoints


async def test_the_stack_answers(stack: Endpoints) -> None:
    connection = await asyncpg.connect(stack.database_url)
    assert await connection.fetchval("SELECT current_setting('TimeZone')") == "UTC"
    await connection.close()
