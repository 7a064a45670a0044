"""A limiter for libs.http.client that all replicas share: a pace and a quota per bucket, kept in PostgreSQL."""

from collections.abc import Mapping
from datetime import timedelta

from libs.db.errors import DatabaseAway
from libs.db.pool import Database
from libs.http.errors import RateLimited
from libs.http.limits import LocalRateLimiter, RateLimiter
from libs.quota.pace import OutOfTurn, Turns
from libs.quota.quota import Quotas, QuotaSpent, Standing
from libs.quota.rules import Rule

AWAY = timedelta(seconds=10)
"""When to come back while PostgreSQL is away: without it nobody can tell how much is left."""


class SharedRateLimiter:
    """A libs.http.limits.RateLimiter: `rules` by bucket for all replicas together, and `local` for this process.

    Each attempt counts, a repeated one too: so do they count it. A call waits for its turn for `max_wait` seconds at
    most; a spent quota, or PostgreSQL away, is told at once (RateLimited).
    """

    def __init__(
        self,
        database: Database,
        rules: Mapping[str, Rule],
        *,
        local: RateLimiter | None = None,
        max_wait: float = 5.0,
    ) -> None:
        self._rules = rules
        self._local = local or LocalRateLimiter(max_wait=max_wait)
        self._patience = timedelta(seconds=max_wait)
        self._quotas = Quotas(database)
        self._turns = Turns(database)

    def standing(self, bucket: str) -> Standing | None:
        """How a bucket's quota stood when this process last asked for a turn."""
        rule = self._rules.get(bucket)
        return self._quotas.last(rule.quota) if rule is not None and rule.quota is not None else None

    async def acquire(self, bucket: str) -> None:
        await self._local.acquire(bucket)
        rule = self._rules.get(bucket, Rule())
        try:
            if rule.pace is not None:
                await self._turns.wait(rule.pace, self._patience)
            if rule.quota is not None:
                await self._quotas.take(rule.quota)
        except (OutOfTurn, QuotaSpent) as error:
            raise RateLimited(bucket, str(error), retry_after=error.retry_after) from None
        except DatabaseAway as error:
            told = f"nobody can tell how much of the quota is left: {error}"
            raise RateLimited(bucket, told, retry_after=AWAY) from error

    async def push_back(self, bucket: str, retry_after: timedelta) -> None:
        """The API said 429: this process at once, and all replicas if the bucket has a rule, wait for so long."""
        await self._local.push_back(bucket, retry_after)
        rule = self._rules.get(bucket, Rule())
        if not retry_after:
            return
        for name in {each.name for each in (rule.quota, rule.pace) if each is not None}:
            try:
                await self._quotas.close(name, retry_after)
            except DatabaseAway:
                return  # the others will be told 429 themselves
