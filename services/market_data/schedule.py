"""Runs that begin by themselves: one for each moment of the timetable, whoever of the replicas begins it."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from libs.db.pool import Database
from libs.polling.timetable import look_until
from libs.telemetry.log import get_logger
from services.market_data.config import Timetable
from services.market_data.run import Kind
from services.market_data.runs import AlreadyRuns, Runs

log = get_logger()

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def due(timetable: Timetable, now: datetime) -> Iterator[tuple[Kind, datetime]]:
    """The last moment of each kind that is not later than now, in UTC."""
    if timetable.market_data is not None:
        yield Kind.MARKET_DATA, _last(timetable.market_data, timetable.time_zone, now)
    if timetable.dead_stock is not None:
        yield (
            Kind.DEAD_STOCK,
            _last(timetable.dead_stock, timetable.time_zone, now, _DAYS.index(timetable.dead_stock_on)),
        )
    if timetable.notion_every is not None:
        yield Kind.NOTION_SALES, now - (now - _EPOCH) % timetable.notion_every


def _last(at: time, zone: str, now: datetime, weekday: int | None = None) -> datetime:
    """The last time that a clock of the zone showed `at`. Where it is skipped in spring it is the moment after."""
    local = now.astimezone(ZoneInfo(zone))
    for days in range(9):
        day = local.date() - timedelta(days=days)
        moment = datetime.combine(day, at, ZoneInfo(zone)).astimezone(UTC)
        if moment <= now and weekday in (None, day.weekday()):
            return moment
    raise AssertionError("a week has every weekday")


class Schedule:
    """Looks every few seconds. `kinds`: those that this service is configured for."""

    def __init__(
        self,
        database: Database,
        runs: Runs,
        timetable: Timetable,
        kinds: frozenset[Kind],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._runs = runs
        self._timetable = timetable
        self._kinds = kinds
        self._clock = clock

    async def work(self, stop: asyncio.Event) -> None:
        """Look until `stop`."""
        await look_until(stop, self.look)

    async def look(self) -> list[str]:
        """Begin what is due, and forget what is old; the ids of the runs that were begun. Raises DatabaseAway."""
        now, begun = self._clock(), []
        async with self._database.connection() as connection:
            installed = await connection.fetchval("SELECT at FROM market.installed")
        for kind, moment in due(self._timetable, now):
            # What was due before this was installed is nobody's: a new system begins with its first whole day.
            if kind not in self._kinds or moment < installed or now - moment > self._timetable.late:
                continue
            try:
                run_id = await self._runs.start(kind, "schedule", scheduled_for=moment)
            except AlreadyRuns:
                continue  # it begins when the other one has ended, if that is not too late
            if run_id is not None:
                log.info("scheduled", run_id=run_id, moment=str(moment))
                begun.append(run_id)
        if begun:
            await self._runs.forget()
        return begun
