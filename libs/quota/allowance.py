"""So many of something that one request carries many of (a batch's items), counted for all replicas together."""

from collections.abc import Sequence

from libs.db.errors import DatabaseAway
from libs.db.pool import Database
from libs.http.errors import RateLimited
from libs.quota.limiter import AWAY
from libs.quota.quota import Quotas, QuotaSpent, Standing
from libs.quota.rules import Quota


class SharedAllowance:
    """Several quotas that hold at once. What one of them refuses may be counted by those before it: the one that is
    spent most often should stand first."""

    def __init__(self, database: Database, quotas: Sequence[Quota]) -> None:
        self._all = tuple(quotas)
        self._quotas = Quotas(database)

    async def take(self, amount: int, operation: str) -> None:
        """Count `amount`, all or none of each quota; raises RateLimited, also while PostgreSQL is away."""
        try:
            for quota in self._all:
                await self._quotas.take(quota, amount)
        except QuotaSpent as error:
            raise RateLimited(operation, str(error), retry_after=error.retry_after) from None
        except DatabaseAway as error:
            told = f"nobody can tell how much of the quota is left: {error}"
            raise RateLimited(operation, told, retry_after=AWAY) from error

    async def standings(self) -> Sequence[Standing]:
        """How each quota stands now; uses nothing. Raises DatabaseAway."""
        return [await self._quotas.standing(quota) for quota in self._all]
