"""Workers hear of new jobs (LISTEN) instead of asking again and again. What is missed, their slow look finds."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from libs.db.errors import DatabaseAway
from libs.db.pool import Database
from libs.jobs.sql import CHANNEL
from libs.telemetry.log import get_logger

log = get_logger()


async def listen(database: Database, queue: str, wake: Callable[[], None], *, retry_seconds: float) -> None:
    """Call `wake` for every notice of the queue, and after each connecting, until cancelled.

    It uses one connection of its own, whatever the number of jobs: notices of one transaction are one, and a notice
    says only that there is something.
    """

    def heard(_connection: object, _pid: int, _channel: str, payload: object) -> None:
        if payload == queue:
            wake()

    while True:
        gone = asyncio.Event()
        try:
            async with database.own_connection(f"jobs of {queue}") as connection:
                connection.add_termination_listener(lambda _, gone=gone: gone.set())
                await connection.add_listener(CHANNEL, heard)
                wake()  # for what came before we listened
                try:
                    await gone.wait()
                finally:
                    if not connection.is_closed():
                        with suppress(DatabaseAway):
                            await connection.remove_listener(CHANNEL, heard)
            log.warning("jobs: the connection that listens was lost", queue=queue)
        except DatabaseAway as error:
            log.warning("jobs: cannot listen", queue=queue, error=str(error))
        await asyncio.sleep(retry_seconds)
