"""How often StockX may be asked: its published limits, kept by all services and replicas of an application together.

| what               | StockX's limit         | ours                                                                   |
|--------------------|------------------------|------------------------------------------------------------------------|
| requests a second  | 1                      | one each 1.1 s: on the way two requests may draw nearer to each other  |
| requests a day     | 25,000, from 00:00 UTC | the same, counted by the day of PostgreSQL's clock                     |
| items in 5 minutes | 500, in batches        | 500 in any 5 minutes and 20 seconds: they are counted before their     |
|                    |                        | request waits for its turn (`max_wait`, 5 s) and travels (10 s)        |
| items a day        | 50,000                 | the same, from 00:00 UTC                                               |

What is counted is never given back: a request that was not answered may have been counted at StockX, too. A day's 429
is still possible where the clocks of PostgreSQL and StockX differ around midnight; `Retry-After` then stops all.
Source: API introduction, rate limiting. StockX raises limits on request, so they are settings.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field

from libs.marketplaces.stockx.routes import ROUTES
from libs.quota.rules import Pace, Quota, Rule

REQUESTS = "stockx.requests"
ITEMS = "stockx.items"
ITEMS_A_DAY = "stockx.items_a_day"

_DAY = timedelta(days=1)
_SLICES = 32


class Allowance(Protocol):
    """Items of batches that may still be sent (libs.quota.allowance.SharedAllowance)."""

    async def take(self, amount: int, operation: str) -> None:
        """Count so many, all or none; raise RateLimited with the time after which they may fit."""
        ...


class Unlimited:
    """An allowance without an end: for tests, and for tools that send no batches."""

    async def take(self, amount: int, operation: str) -> None:
        del amount, operation


class StockXLimits(BaseModel):
    """The limits of one application. Every service that asks StockX must have the same: the counters are shared."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seconds_between_requests: float = Field(default=1.1, gt=0)
    requests_a_day: int = Field(default=25_000, ge=1)
    items: int = Field(default=500, ge=1, description="items of batches in one window")
    items_window_seconds: float = Field(default=320.0, gt=0)
    items_a_day: int = Field(default=50_000, ge=1)

    def requests(self) -> Rule:
        """What holds for every request, whichever: pace and day stand under one name, so that a 429 stops both."""
        pace = Pace(REQUESTS, timedelta(seconds=self.seconds_between_requests))
        return Rule(Quota(REQUESTS, self.requests_a_day, _DAY), pace)

    def rules(self) -> Mapping[str, Rule]:
        """For libs.quota.limiter.SharedRateLimiter: every operation of the API counts against the same rule."""
        rule = self.requests()
        return dict.fromkeys(ROUTES, rule)

    def item_quotas(self) -> Sequence[Quota]:
        """For libs.quota.allowance.SharedAllowance, the one that is spent most often first."""
        window = timedelta(seconds=self.items_window_seconds)
        return Quota(ITEMS, self.items, window, slices=_SLICES), Quota(ITEMS_A_DAY, self.items_a_day, _DAY)
