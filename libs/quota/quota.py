"""Quotas: so many per window, counted in PostgreSQL for all replicas.

However many ask at once, a process has one statement per quota on its way: who asks meanwhile goes with the next one.
So the row of a quota is fought for by replicas, not by requests.
"""

import asyncio
from collections import deque
from dataclasses import dataclass
from datetime import timedelta

from libs.db.pool import Database
from libs.quota.rules import Quota
from libs.telemetry.metrics import QUOTA_REFUSED, QUOTA_REMAINING

_TAKE = "SELECT granted, remaining, reset_after, retry_after FROM quota.take($1, $2, $3, $4, $5)"
_CLOSE = "SELECT quota.close($1, $2)"


@dataclass(frozen=True, slots=True)
class Standing:
    """How a quota stands: how many are left, and after how long the window is over."""

    quota: Quota
    remaining: int
    reset_after: timedelta


class QuotaSpent(Exception):
    """The quota has no room for what was asked; `retry_after` is when it may have."""

    def __init__(self, standing: Standing, retry_after: timedelta) -> None:
        quota = standing.quota
        super().__init__(
            f"the quota {quota.name} ({quota.limit} per {quota.window}) is spent: "
            f"come back in {retry_after.total_seconds():.0f} s"
        )
        self.standing = standing
        self.retry_after = retry_after


class Quotas:
    """All quotas of a database. Raises DatabaseAway when it does not answer: nobody knows then how much is left."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._counters: dict[str, _Counter] = {}

    async def take(self, quota: Quota, amount: int = 1) -> Standing:
        """Use `amount` of a quota, all or nothing; raises QuotaSpent."""
        counter = self._counters.get(quota.name)
        if counter is None or counter.quota != quota:
            counter = self._counters[quota.name] = _Counter(self._database, quota)
        return await counter.take(amount)

    def last(self, quota: Quota) -> Standing | None:
        """How the quota stood when this process last asked for some."""
        counter = self._counters.get(quota.name)
        return counter.last if counter is not None else None

    async def standing(self, quota: Quota) -> Standing:
        """How a quota stands now; uses nothing."""
        return await self.take(quota, 0)

    async def close(self, name: str, duration: timedelta) -> None:
        """The other side says that it must not be asked for so long: no replica is granted anything until then."""
        async with self._database.connection() as connection:
            await connection.execute(_CLOSE, name, duration)


@dataclass(frozen=True, slots=True)
class _Wish:
    amount: int
    answer: "asyncio.Future[Standing]"


class _Counter:
    """One quota in one process: wishes are collected while a statement is on its way."""

    def __init__(self, database: Database, quota: Quota) -> None:
        self.quota = quota
        self.last: Standing | None = None
        self._database = database
        self._wishes: deque[_Wish] = deque()
        self._asking: asyncio.Task[None] | None = None
        rolling = quota.slices > 0
        self._slice = quota.window / quota.slices if rolling else quota.window
        self._slices = quota.slices + 1 if rolling else 1  # the oldest lies in the span only partly: counted whole

    async def take(self, amount: int) -> Standing:
        wish = _Wish(amount, asyncio.get_running_loop().create_future())
        self._wishes.append(wish)
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask(), name=f"quota {self.quota.name}")
        return await wish.answer

    async def _ask(self) -> None:
        try:
            while self._wishes:
                await self._decide([self._wishes.popleft() for _ in range(len(self._wishes))])
        finally:
            self._asking = None

    async def _decide(self, wishes: list[_Wish]) -> None:
        amounts = [wish.amount for wish in wishes]
        try:
            async with self._database.connection() as connection:
                row = await connection.fetchrow(
                    _TAKE, self.quota.name, self.quota.limit, self._slice, self._slices, amounts
                )
        except Exception as error:  # noqa: BLE001  (whatever it is, it is told to everybody who waits for it)
            for wish in wishes:
                if not wish.answer.done():
                    wish.answer.set_exception(error)
            return
        if row is None:
            raise AssertionError("quota.take always answers")
        standing = Standing(self.quota, row["remaining"], timedelta(seconds=row["reset_after"]))
        self.last = standing
        if not self.quota.family:  # what is left to one of many says nothing about the others
            QUOTA_REMAINING.labels(self.quota.name).set(standing.remaining)
        for wish, granted in zip(wishes, row["granted"], strict=True):
            told = granted or not wish.amount  # who wants nothing of it is told how it stands, closed or not
            if not told:
                QUOTA_REFUSED.labels(self.quota.family or self.quota.name).inc()
            if wish.answer.done():
                continue  # who asked was cancelled
            if told:
                wish.answer.set_result(standing)
            else:
                wish.answer.set_exception(QuotaSpent(standing, timedelta(seconds=row["retry_after"])))
