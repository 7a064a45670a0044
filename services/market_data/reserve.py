"""What of StockX's day synchronisations leave to others: commands above all."""

from libs.quota.quota import Quotas
from libs.quota.rules import Quota
from services.market_data.work import Turn


class Reserve:
    """Waits for the next day while fewer than `requests` are left of this one."""

    def __init__(self, quotas: Quotas, quota: Quota | None, requests: int) -> None:
        self._quotas = quotas
        self._quota = quota
        self._requests = requests

    async def keep(self, turn: Turn) -> None:
        """Return when there is more than the reserve. Raises Stopped, DatabaseAway."""
        while self._quota is not None:
            standing = await self._quotas.standing(self._quota)
            if standing.remaining > min(self._requests, self._quota.limit - 1):
                return
            why = f"{standing.remaining} requests are left of StockX's day: they are kept for commands"
            await turn.pause(standing.reset_after.total_seconds(), why)
