"""A steady pace for all replicas: turns at least so far apart, given out by PostgreSQL."""

import asyncio
from datetime import timedelta

from libs.db.pool import Database
from libs.quota.rules import Pace

_TURN = "SELECT given, wait FROM quota.turn($1, $2, $3, $4)"


class OutOfTurn(Exception):
    """The next turn comes later than the caller would wait; `retry_after` is when to ask again."""

    def __init__(self, pace: Pace, retry_after: timedelta) -> None:
        super().__init__(f"the next turn of {pace.name} comes in {retry_after.total_seconds():.1f} s")
        self.retry_after = retry_after


class Turns:
    """All paces of a database. Raises DatabaseAway when it does not answer."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def wait(self, pace: Pace, patience: timedelta) -> None:
        """Wait for the next turn; raises OutOfTurn at once, and takes none, if it comes later than `patience`."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow(_TURN, pace.name, pace.interval, pace.burst, patience)
        if row is None:
            raise AssertionError("quota.turn always answers")
        if not row["given"]:
            raise OutOfTurn(pace, timedelta(seconds=row["wait"]))
        if row["wait"] > 0:
            await asyncio.sleep(row["wait"])
