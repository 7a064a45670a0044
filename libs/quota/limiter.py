"""A limiter for libs.http.client that all replicas share: a pace and a quota per bucket, kept in PostgreSQL."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from libs.db.errors import DatabaseAway
from libs.db.pool import Database
from libs.http.errors import RateLimited, Unavailable
from libs.quota.pace import OutOfTurn, Pace, Turns
from libs.quota.quota import Quota, Quotas, QuotaSpent, Standing


@dataclass(frozen=True, slots=True)
class Rule:
    """What holds for a bucket. Both may stand under one name; then a 429 of the other side stops both."""

    quota: Quota | None = None
    pace: Pace | None = None


class SharedRateLimiter:
    """A libs.http.limits.RateLimiter. Buckets without a rule are free.

    Each attempt counts, a repeated one too: so do they count it. A call waits for its turn for `max_wait` seconds at
    most; a spent quota, or PostgreSQL away, is told at once.
    """

    def __init__(self, database: Database, rules: Mapping[str, Rule], *, max_wait: float = 5.0) -> None:
        self._rules = rules
        self._patience = timedelta(seconds=max_wait)
        self._quotas = Quotas(database)
        self._turns = Turns(database)

    def standing(self, bucket: str) -> Standing | None:
        """How a bucket's quota stood when this process last asked for a turn."""
        rule = self._rules.get(bucket)
        return self._quotas.last(rule.quota) if rule is not None and rule.quota is not None else None

    async def acquire(self, bucket: str) -> None:
        rule = self._rules.get(bucket)
        if rule is None:
            return
        try:
            if rule.pace is not None:
                await self._turns.wait(rule.pace, self._patience)
            if rule.quota is not None:
                await self._quotas.take(rule.quota)
        except (OutOfTurn, QuotaSpent) as error:
            raise RateLimited(bucket, str(error), retry_after=error.retry_after) from None
        except DatabaseAway as error:
            raise Unavailable(bucket, f"nobody can tell how much of the quota is left: {error}") from error

    async def push_back(self, bucket: str, retry_after: timedelta) -> None:
        rule = self._rules.get(bucket)
        if rule is None or not retry_after:
            return
        for name in {each.name for each in (rule.quota, rule.pace) if each is not None}:
            await self._quotas.close(name, retry_after)
