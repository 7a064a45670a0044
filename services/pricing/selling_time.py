"""Expected days to sell: a model of our own past sales, and how far it was off on those that it had not seen."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from libs.pricing.days_to_sell import (
    FEWEST_SALES,
    Circumstances,
    DaysToSellModel,
    HeldOutError,
    SoldPiece,
    fit,
    held_out_error,
)
from services.pricing.market import OwnSale

_WINDOW = timedelta(days=90)
_HELD_OUT = 0.25
_FEWEST = int(FEWEST_SALES / (1 - _HELD_OUT)) + 1
"""So that what is left after holding a quarter out is still enough to fit on."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A model and its error on the last quarter of the sales, which a model of the others was asked for."""

    model: DaysToSellModel
    error: HeldOutError


def fitted(sales: Sequence[OwnSale]) -> Fitted | None:
    """The model of a sales history, oldest first; None where too few sales tell how long the piece was there."""
    pieces = list(_pieces(sales))
    if len(pieces) < _FEWEST:
        return None
    return Fitted(fit(pieces), held_out_error(pieces, _HELD_OUT))


def sales_per_day(sales: Sequence[OwnSale], at: datetime) -> float:
    """Of one product, in the 90 days before."""
    return sum(at - _WINDOW <= sale.sold_at < at for sale in sales) / _WINDOW.days


def _pieces(sales: Sequence[OwnSale]) -> list[SoldPiece]:
    """What each sale teaches: its price beside the median of the product's earlier ones, and how often it sold then."""
    times: dict[str, list[datetime]] = defaultdict(list)
    prices: dict[str, list[float]] = defaultdict(list)
    found = []
    for sale in sales:
        before, known = times[sale.sku], prices[sale.sku]
        price = float(sale.price)
        if sale.acquired_at is not None and sale.acquired_at < sale.sold_at and price > 0:
            recent = len(before) - bisect_right(before, sale.sold_at - _WINDOW)
            ratio = price / median(known) if known else 1.0
            days = (sale.sold_at - sale.acquired_at) / timedelta(days=1)
            found.append(SoldPiece(Circumstances(ratio, recent / _WINDOW.days, 0), days))
        if price > 0:
            before.append(sale.sold_at)
            known.append(price)
    return found
