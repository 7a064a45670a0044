"""How many jobs wait and are being done, as a metric: each worker counts those of its types now and then."""

import asyncio
from collections.abc import Iterable

from libs.db.errors import DatabaseAway
from libs.jobs import sql
from libs.jobs.job import Status
from libs.jobs.queue import JobQueue
from libs.telemetry.log import get_logger
from libs.telemetry.metrics import JOBS_OPEN

log = get_logger()

EVERY_SECONDS = 15.0
"""As often as metrics are usually collected."""


async def count_open(queue: JobQueue, types: Iterable[str], *, every_seconds: float = EVERY_SECONDS) -> None:
    """Keep the gauge `jobs_open` of these types up to date, until cancelled."""
    open_statuses = [status for status in Status if not status.ended]
    while True:
        await asyncio.sleep(every_seconds)
        try:
            async with queue.database.connection() as connection:
                rows = await connection.fetch(sql.OPEN, queue.name)
        except DatabaseAway as error:
            log.warning("jobs: not counted", queue=queue.name, error=str(error))
            continue
        found = {(row["job_type"], row["status"]): row["jobs"] for row in rows}
        for job_type in types:
            for status in open_statuses:
                JOBS_OPEN.labels(queue.name, job_type, status.value).set(found.get((job_type, status.value), 0))
