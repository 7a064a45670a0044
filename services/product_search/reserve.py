"""The end of StockX's day belongs to commands: searches, and before them enrichment, leave some requests to others."""

from libs.db.errors import DatabaseAway
from libs.http.errors import RateLimited
from libs.marketplaces.stockx.limits import StockXLimits
from libs.quota.quota import Quotas


class Reserve:
    """Looks at the quota that all services share; uses nothing of it."""

    def __init__(self, quotas: Quotas, limits: StockXLimits) -> None:
        self._quotas = quotas
        self._quota = limits.requests().quota

    async def leave(self, requests: int) -> None:
        """Raise RateLimited, with the end of the day, if no more than so many requests are left of it."""
        if self._quota is None:
            return
        try:
            standing = await self._quotas.standing(self._quota)
        except DatabaseAway as error:
            told = f"nobody can tell how much of the quota is left: {error}"
            raise RateLimited("the day's requests", told) from error
        if standing.remaining <= requests:
            told = f"{standing.remaining} of today's {self._quota.limit} requests are left, and kept for others"
            raise RateLimited("the day's requests", told, retry_after=standing.reset_after)
