"""Polls, each as often as is asked for and in one process at a time, for as long as a service runs.

| trouble                             | what happens                                                             |
|-------------------------------------|--------------------------------------------------------------------------|
| who is asked, or Kafka, is away     | told; the poll begins again soon, or when it was told to; the cursor has |
|                                     | not moved                                                                |
| PostgreSQL is away, a turn is lost  | told; looked for a turn again soon                                       |
| this process stops, or dies         | another one's turn: at once, or when the lease is over                   |
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from libs.bus.publisher import NotPublished
from libs.db.errors import DatabaseAway, NotMigrated
from libs.http.errors import ApiError, Later
from libs.polling.turns import Key, LostTurn, Turn, Turns
from libs.telemetry.log import get_logger

log = get_logger()

LONGEST_LOOK = 5.0

OnePoll = Callable[[Turn], Awaitable[tuple[datetime | None, int]]]
"""Takes in what has changed since the turn's cursor: the newest change seen, and how many facts were published.

It renews its turn as it goes. Raises an ApiError, NotPublished, DatabaseAway, LostTurn.
"""


@dataclass(frozen=True, slots=True)
class Pace:
    """`every`: between two polls. `retry`: after one that failed, where nobody says when, and at most `every`."""

    every: timedelta
    retry: timedelta


class Poller:
    """`polls`: how to poll what a key names."""

    def __init__(self, turns: Turns, polls: Mapping[Key, OnePoll], pace: Pace) -> None:
        self._turns = turns
        self._polls = polls
        self._pace = pace

    async def work(self, stop: asyncio.Event) -> None:
        """Until `stop`; a poll that is under way then is given back."""
        tasks: list[asyncio.Task[Any]] = [asyncio.create_task(stop.wait(), name="stop")]
        tasks += [
            asyncio.create_task(self._regularly(key, poll), name=f"poll of {', '.join(key)}")
            for key, poll in self._polls.items()
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        for task in done:
            task.result()

    async def _regularly(self, key: Key, poll: OnePoll) -> None:
        while True:
            try:
                turn = await self._turns.take(key)
                if turn is not None:
                    await self._in_turn(turn, poll)
            except (DatabaseAway, NotMigrated, LostTurn) as error:
                log.warning("the poll waits", of=", ".join(key), error=str(error))
            except asyncio.CancelledError:
                # Whatever was under way: also a turn that was just being taken or ended. One that is not ours stays.
                with suppress(DatabaseAway, NotMigrated, LostTurn):
                    await self._turns.give_back(Turn(key, None), timedelta(0))
                raise
            await asyncio.sleep(min(self._pace.every.total_seconds() / 2, LONGEST_LOOK))

    async def _in_turn(self, turn: Turn, poll: OnePoll) -> None:
        of = ", ".join(turn.key)
        try:
            newest, published = await poll(turn)
        except (ApiError, NotPublished) as error:
            asked = error.retry_after if isinstance(error, Later) else None
            pause = asked or min(self._pace.retry, self._pace.every)
            log.warning("the poll failed", of=of, error=str(error), again_in=str(pause))
            await self._turns.give_back(turn, pause)
        else:
            await self._turns.finish(turn, newest, self._pace.every)
            log.info("polled", of=of, published=published, until=str(newest))
