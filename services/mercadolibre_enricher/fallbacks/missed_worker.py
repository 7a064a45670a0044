"""When missed notifications are looked for: at the start, every so often, and after MercadoLibre was away."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

from libs.bus.publisher import NotPublished
from libs.bus.tail import TopicUnreadable
from libs.db.errors import DatabaseAway, NotMigrated
from libs.http.breaker import State
from libs.http.errors import ApiError
from libs.telemetry.log import get_logger
from services.mercadolibre_enricher.fallbacks.missed import MissedNotifications

log = get_logger()

RETRY = timedelta(minutes=1)
LOOK_SECONDS = 1.0


class MissedWorker:
    """Recovers on a schedule. `circuit` tells the state of the client's circuit: when it closes again, there was an
    outage, and what was sent meanwhile may be missed.
    """

    def __init__(
        self,
        missed: MissedNotifications,
        every: timedelta,
        circuit: Callable[[], State],
        *,
        retry: timedelta = RETRY,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        self._missed = missed
        self._every = every
        self._circuit = circuit
        self._retry = retry
        self._look = look_seconds

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`. A failure is told and tried again sooner than the schedule says."""
        trigger: str | None = "start"
        while trigger is not None:
            pause, circuit = self._every, self._circuit()
            try:
                await self._missed.recover(trigger)
            except (ApiError, DatabaseAway, NotMigrated, NotPublished, TopicUnreadable) as error:
                pause = min(self._retry, self._every)
                log.warning("missed notifications are not taken in yet", reason=str(error)[:300])
            trigger = await self._next(stop, pause, circuit)

    async def _next(self, stop: asyncio.Event, pause: timedelta, was: State) -> str | None:
        """Why to look again: `schedule`, or `outage` when the circuit has closed (`was`: before the last look).

        None at the stop.
        """
        loop = asyncio.get_running_loop()
        due = loop.time() + pause.total_seconds()
        while (left := due - loop.time()) > 0:
            now = self._circuit()
            if now is State.CLOSED and was is not State.CLOSED and not stop.is_set():
                return "outage"
            was = now
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), min(left, self._look))
            if stop.is_set():
                return None
        return None if stop.is_set() else "schedule"
