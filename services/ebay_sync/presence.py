"""Whether eBay is there at all. An open circuit does not tell: what a run asks for may be all that fails.

Something that cannot be at fault is asked for instead, past the circuit (see `libs.http.breaker`):

| run       | asked                                | why                                                    |
|-----------|--------------------------------------|--------------------------------------------------------|
| inventory | `getInventoryItems`, one item        | every account has that list                            |
| offers    | `getOffers` of a SKU that nobody has | an outage of this call alone shows: else it is a 404   |
"""

import asyncio

from libs.http.errors import ApiError, CircuitOpen, Unavailable
from libs.marketplaces.ebay.client import Ebay
from libs.marketplaces.ebay.paging import Cursor
from services.ebay_sync import lines
from services.ebay_sync.journal import Journal
from services.ebay_sync.run import Kind

NO_SKU = "sellstream-is-ebay-there"
_ONE = Cursor(0, 1)


class Presence:
    """Asks for one run; calls that wait for the same answer share it. `past_circuit`: the account, asked regardless."""

    def __init__(self, kind: Kind, ebay: Ebay, journal: Journal) -> None:
        self.past_circuit = ebay.past_circuit()
        self._kind = kind
        self._journal = journal
        self._turn = asyncio.Lock()
        self._answered_at = float("-inf")
        self._there = False

    async def there(self) -> bool:
        """Ask, unless an answer comes meanwhile. If eBay is there, the circuit is closed again. Raises Stopped."""
        clock = asyncio.get_running_loop().time
        wanted_at = clock()
        async with self._turn:
            if self._answered_at < wanted_at:
                self._there = await self._journal.unless_stopped(self._ask())
                self._answered_at = clock()
                if self._there:
                    self._journal.say("warning", lines.EBAY_IS_THERE)
        return self._there

    async def _ask(self) -> bool:
        try:
            if self._kind is Kind.OFFERS:
                await self.past_circuit.offers.page(NO_SKU, _ONE)
            else:
                await self.past_circuit.inventory.page(_ONE)
        except (Unavailable, CircuitOpen):
            return False
        except ApiError:
            return True  # it answers; what it says to this, it says to the run's next call as well
        return True
