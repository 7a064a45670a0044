"""What a run works with, and how it asks eBay: timed, stoppable, and patient where eBay puts it off."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from libs.db.pool import Database
from libs.http.errors import Blocked, CircuitOpen, Later, RateLimited, Unauthorized, Unavailable
from libs.marketplaces.ebay.client import Ebay
from libs.oauth.tokens import TokensAway
from services.ebay_sync import lines
from services.ebay_sync.config import Pace
from services.ebay_sync.journal import Journal
from services.ebay_sync.presence import Presence
from services.ebay_sync.run import Mode, Run
from services.ebay_sync.stock import Stock

T = TypeVar("T")

OF_THE_ACCOUNT = (Unauthorized, Blocked, RateLimited, CircuitOpen, TokensAway)
"""Errors that every other call of the account would meet as well."""

UNTOLD_PAUSE = 1.0
"""Seconds to wait where eBay says "later" and not when; doubles."""

LONGEST_PAUSE = 60.0


class EbayAway(CircuitOpen):
    """eBay did not answer what the run needs to go on, for as long as it has patience."""


@dataclass(frozen=True, slots=True)
class Work:
    """One holder's work on one run."""

    run: Run
    ebay: Ebay
    presence: Presence
    stock: Stock
    journal: Journal
    database: Database
    pace: Pace
    environment: str

    def again(self, attempt: int) -> bool:
        """Whether only what failed before is asked for."""
        return attempt > 1 or self.run.mode is Mode.RETRY

    def milliseconds(self) -> int:
        """Since the run began, whoever held it."""
        return milliseconds_since(self.run.began_at or self.run.created_at)

    async def asked(self, call: Callable[[Ebay], Awaitable[T]], *, needed: bool = False) -> tuple[T, datetime, int]:
        """The answer, when it was asked for, and the milliseconds that it took.

        What eBay puts off is waited for as long as the pace allows: all of the account's calls would be put off alike.
        So is an open circuit, unless eBay is there: then what is asked for is at fault, or others before it were, and
        it is asked for past the circuit, so that its own answer decides. A call that is `needed` to go on at all is
        repeated as long while eBay fails. Raises an ApiError, Stopped.
        """
        waited, pause, patience = 0.0, UNTOLD_PAUSE, self.pace.patience.total_seconds()
        ebay = self.ebay
        while True:
            self.journal.check()
            asked_at, began = datetime.now(UTC), time.perf_counter()
            try:
                answer = await call(ebay)
            except Later as error:
                if isinstance(error, CircuitOpen) and await self.presence.there():
                    ebay = self.presence.past_circuit
                    continue
                asked = None if error.retry_after is None else error.retry_after.total_seconds()
                if asked is None and not needed and not isinstance(error, RateLimited | TokensAway):
                    raise  # one call that fails: the client has tried it several times already
                wait = pause if asked is None else max(asked, 0.05)
                if waited + wait > patience:
                    raise _given_up(error, waited) from error
                self.journal.say_once("warning", lines.not_now(wait, error.detail[:120]), wait)
                await self.journal.pause(wait)
                waited, pause = waited + wait, min(pause * 2, LONGEST_PAUSE)
            else:
                return answer, asked_at, round((time.perf_counter() - began) * 1000)


def _given_up(error: Later, waited: float) -> Later:
    if not isinstance(error, CircuitOpen | Unavailable):
        return error  # a limit, that tells itself when it ends
    told = lines.given_up_waiting(error.detail, waited)
    return EbayAway(error.operation, told, status=error.status, body=error.body, retry_after=error.retry_after)


def milliseconds_since(moment: datetime) -> int:
    return max(0, round((datetime.now(UTC) - moment).total_seconds() * 1000))
