"""Price bounds: given ones, and those that a least profit demands."""

from bisect import bisect_left
from dataclasses import dataclass
from decimal import Decimal

from libs.pricing.amounts import LARGEST_USD
from libs.pricing.cost_rules import CostRule, fees


@dataclass(frozen=True, slots=True)
class Bounds:
    """The lowest and highest price in cents. Where they cross, the lowest wins: a loss is the worse mistake."""

    lowest: Decimal
    highest: Decimal | None = None

    def hold(self, price: Decimal) -> Decimal:
        """The price within the bounds that is nearest."""
        if self.highest is not None:
            price = min(price, self.highest)
        return max(price, self.lowest)


def price_for_profit(buy_cost_usd: Decimal, least_profit_usd: Decimal, rule: CostRule) -> Decimal | None:
    """The lowest price in cents at which one unit earns at least that much after all fees; None: no price does."""
    if rule.share_of_price >= 1:
        return None
    # A cent more in price never makes more than a cent more of fees, so profit never falls as the price rises.
    prices = range(1, int(LARGEST_USD) * 100)
    found = bisect_left(prices, least_profit_usd, key=lambda price: _earned(_usd(price), buy_cost_usd, rule))
    return _usd(prices[found]) if found < len(prices) else None


def _usd(price_in_cents: int) -> Decimal:
    return Decimal(price_in_cents).scaleb(-2)


def _earned(price: Decimal, buy_cost_usd: Decimal, rule: CostRule) -> Decimal:
    return price - buy_cost_usd - fees(rule, price)
