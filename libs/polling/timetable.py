"""A service's own timetable: looking every few seconds whether something has to be begun, for as long as it runs."""

import asyncio
from collections.abc import Awaitable, Callable

from libs.db.errors import DatabaseAway, NotMigrated
from libs.telemetry.log import get_logger

log = get_logger()

LOOK_SECONDS = 5.0


async def look_until(stop: asyncio.Event, look: Callable[[], Awaitable[object]]) -> None:
    """Look every LOOK_SECONDS until `stop`. A look that finds PostgreSQL away is told of, and the next one comes."""
    while not stop.is_set():
        try:
            await look()
        except (DatabaseAway, NotMigrated) as error:
            log.warning("the schedule waits", error=str(error))
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await stop.wait()
        except TimeoutError:
            continue
