"""Market intelligence of one product and size: what GET /api/v1/pricing/intelligence tells.

Source: "Real-Time Pricing Intelligence" of the StockX product search document (the fields of `MarketIntelligence`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from libs.pricing.amounts import CENT, cents
from libs.pricing.opportunity import queue_days
from libs.pricing.trend import Direction, Sale, Trend, average, in_window, trend

STEP = {Direction.INCREASING: Decimal("0.02"), Direction.STABLE: Decimal(0), Direction.DECREASING: Decimal("-0.02")}
"""How far the recommendation leans with the trend."""
_FURTHEST = Decimal("0.15")


@dataclass(frozen=True, slots=True)
class Intelligence:
    """What the market says, in one currency."""

    current_lowest_ask: Decimal | None
    current_highest_bid: Decimal | None
    last_sale_price: Decimal | None
    last_sale_day: date | None
    avg_sale_price_90d: Decimal | None
    total_sales: int
    """In the last 90 days."""
    price_trend: Trend
    recommended_list_price: Decimal | None
    expected_sell_days: int | None


def intelligence(
    sales: Sequence[Sale], today: date, lowest_ask: Decimal | None, highest_bid: Decimal | None
) -> Intelligence:
    """The market of one product and size on a day. Sales after `today` are not looked at."""
    known = [sale for sale in sales if sale.day <= today]
    recent = in_window(known, today)
    last = max(known, key=lambda sale: sale.day, default=None)
    moving, mean = trend(recent, today), average(recent)
    return Intelligence(
        current_lowest_ask=lowest_ask,
        current_highest_bid=highest_bid,
        last_sale_price=last.price if last else None,
        last_sale_day=last.day if last else None,
        avg_sale_price_90d=mean,
        total_sales=len(recent),
        price_trend=moving,
        recommended_list_price=recommended_price(moving.direction, mean, lowest_ask, highest_bid),
        expected_sell_days=queue_days(len(recent), ahead=0),
    )


def recommended_price(
    direction: Direction, average_90d: Decimal | None, lowest_ask: Decimal | None, highest_bid: Decimal | None
) -> Decimal | None:
    """The price to list at, in cents; None where nothing is known.

    1. Start: a cent below the lowest ask (first in the queue); without asks the 90-day average, else the highest bid.
    2. Lean 2 % up in an increasing market (it comes to us) and 2 % down in a decreasing one (it runs away).
    3. Never further than 15 % from the 90-day average: one mad ask must not set the price.
    4. Never below the highest bid: that can be had at once.
    """
    start = lowest_ask - CENT if lowest_ask is not None else (average_90d if average_90d is not None else highest_bid)
    if start is None:
        return None
    price = start * (1 + STEP[direction])
    if average_90d is not None:
        price = min(max(price, average_90d * (1 - _FURTHEST)), average_90d * (1 + _FURTHEST))
    return cents(max(price, highest_bid or Decimal(0), CENT))
