"""What a variant is asked and bid for at a moment of the sandbox's clock: made from the seed, moving by the hour."""

import hashlib
import math
from dataclasses import dataclass
from datetime import UTC, datetime

from services.sandbox.stockx.goods import Product, Variant

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LEAST = 25

RATES = {
    "USD": 1.0, "AUD": 1.52, "CAD": 1.37, "CHF": 0.88, "EUR": 0.92, "GBP": 0.79, "HKD": 7.8, "JPY": 155.0,
    "KRW": 1380.0, "MXN": 18.2, "NZD": 1.66, "SGD": 1.34,
}  # fmt: skip
"""The currencies of selling, with made-up rates that do not move."""


@dataclass(frozen=True, slots=True)
class Quote:
    """Whole amounts; None where nobody asks or bids."""

    ask: int | None
    bid: int | None


class Prices:
    """All markets."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def quote(self, product: Product, variant: Variant, moment: datetime, currency: str = "USD") -> Quote:
        """The market without the asks of our sellers."""
        character = self._dice(variant.id)
        hour = int((moment - _EPOCH).total_seconds() // 3600)
        base = (product.retail or 120) * (0.8 + character[0] / 160)
        wave = 0.2 * math.sin(2 * math.pi * hour / (24 + character[1]) + character[2])
        noise = (self._dice(f"{variant.id}/{hour}")[0] - 127.5) / 127.5 * 0.06
        level = base * (1 + wave + noise) * RATES[currency]
        least = round(_LEAST * RATES[currency])
        ask = max(least + 2, round(level))
        bid = max(least, round(level * (0.72 + character[3] / 1275)))
        return Quote(None if character[4] < 10 else ask, None if character[5] < 8 else min(bid, ask - 1))

    def _dice(self, name: str) -> bytes:
        return hashlib.blake2b(f"{self._seed}/stockx price/{name}".encode(), digest_size=8).digest()
