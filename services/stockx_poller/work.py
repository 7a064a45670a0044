"""What the work on one account needs."""

from dataclasses import dataclass

from libs.bus.dead_letter import DeadLetters
from libs.bus.publisher import Publisher
from libs.marketplaces.stockx.client import StockX
from services.stockx_poller.config import Timing
from services.stockx_poller.lease import Lease
from services.stockx_poller.pacing import Backoff


@dataclass(slots=True)
class Work:
    """An account's work while its lease is held. `stretch`: by how much pauses between polls grow now."""

    lease: Lease
    stockx: StockX
    publisher: Publisher
    dead_letters: DeadLetters
    timing: Timing
    send_seconds: float
    stretch: float = 1.0

    @property
    def account(self) -> str:
        return self.lease.account

    def pause(self, age: float) -> float:
        """Seconds until the next poll of what was sent so long ago."""
        timing = self.timing
        backoff = Backoff(timing.first_poll.total_seconds(), timing.longest_poll.total_seconds())
        return backoff.pause(age, self.stretch)
