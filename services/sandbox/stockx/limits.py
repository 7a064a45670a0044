"""StockX's limits, counted by API key: requests a second and a day, items of batches in five minutes and a day.

The days begin at 00:00 UTC of the sandbox's clock. What StockX answers beyond the status 429 is not published; here
`Retry-After` is told in our seconds, which is what a client can wait. A refused request is not counted.
"""

import math
from collections import Counter, deque
from datetime import datetime, timedelta
from typing import Any

from services.sandbox.clock import Clock
from services.sandbox.stockx.errors import Refusal
from services.sandbox.stockx.switches import Switches


class Meter:
    """Counts, and refuses with 429."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._day = clock.now().date()
        self._tokens: float | None = None
        self._filled = clock.now()
        self._sent: deque[tuple[datetime, int]] = deque()
        self.requests_today = 0
        self.items_today = 0
        self.refused: Counter[str] = Counter()

    def request(self, switches: Switches) -> None:
        """Count a request; raise Refusal."""
        now = self._now()
        burst = float(switches.burst)
        passed = (now - self._filled).total_seconds() * switches.requests_a_second
        tokens = burst if self._tokens is None else min(burst, self._tokens + passed)
        self._tokens, self._filled = tokens, now
        if switches.limited and self.requests_today >= switches.requests_a_day:
            raise self._refusal("requests a day", self._until_midnight(now))
        if switches.limited and tokens < 1 - 1e-9:
            raise self._refusal("requests a second", (1 - tokens) / switches.requests_a_second)
        self._tokens = tokens - 1
        self.requests_today += 1

    def items(self, amount: int, switches: Switches) -> None:
        """Count a batch's items; raise Refusal."""
        now = self._now()
        window = timedelta(seconds=switches.items_seconds)
        while self._sent and self._sent[0][0] + window <= now:
            self._sent.popleft()
        if switches.limited and self.items_today + amount > switches.items_a_day:
            raise self._refusal("items a day", self._until_midnight(now))
        if switches.limited and amount + sum(each for _, each in self._sent) > switches.items:
            oldest = self._sent[0][0] if self._sent else now
            raise self._refusal("items in five minutes", (oldest + window - now).total_seconds())
        self._sent.append((now, amount))
        self.items_today += amount

    def shown(self) -> dict[str, Any]:
        self._now()
        return {
            "requests_today": self.requests_today,
            "items_today": self.items_today,
            "refused": dict(sorted(self.refused.items())),
        }

    def use(self, requests: int | None, items: int | None) -> None:
        """Count as if so many had been used today."""
        self._now()
        self.requests_today = self.requests_today if requests is None else requests
        self.items_today = self.items_today if items is None else items

    def _now(self) -> datetime:
        now = self._clock.now()
        if now.date() != self._day:
            self._day, self.requests_today, self.items_today = now.date(), 0, 0
        return now

    def _until_midnight(self, now: datetime) -> float:
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        return (midnight - now).total_seconds()

    def _refusal(self, what: str, seconds: float) -> Refusal:
        self.refused[what] += 1
        return Refusal(429, f"Limit exceeded: {what}", max(1, math.ceil(seconds / self._clock.speed)))
