"""A migrated queue of its own for each test that is about jobs, and what it shows of the table."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from libs.db.migrate import migrate
from libs.db.pool import Database
from libs.jobs import JobQueue

QUEUE = "tests"


@asynccontextmanager
async def open_queue(url: str) -> AsyncIterator[JobQueue]:
    async with Database(url, application="tests") as database:
        await migrate(database)
        yield JobQueue(database, QUEUE)


async def row(queue: JobQueue, job_id: int) -> dict[str, Any]:
    async with queue.database.connection() as connection:
        found = await connection.fetchrow("SELECT * FROM ops.jobs WHERE id = $1", job_id)
    assert found is not None, f"job {job_id} is not in the table"
    return dict(found)


async def run_out(queue: JobQueue, *job_ids: int) -> None:
    """The locks of these jobs ran out a second ago."""
    async with queue.database.connection() as connection:
        await connection.execute(
            "UPDATE ops.jobs SET locked_until = now() - interval '1 second' WHERE id = ANY($1)", list(job_ids)
        )
