"""Rates as of a day, between any two currencies, and amounts converted with them."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal

from libs.exchange_rates.ecb import DailyRates

EURO = "EUR"
OLDEST = timedelta(days=7)
"""The longest gap in the bank's calendar is five days (Christmas, Easter); an older rate is no rate of the day."""
_CROSS = Context(prec=12, rounding=ROUND_HALF_EVEN)
_EXACT = Context(prec=60, rounding=ROUND_HALF_UP)
_WHOLE = frozenset({"CLP", "ISK", "JPY", "KRW", "PYG", "UGX", "VND", "XAF", "XOF", "XPF"})
"""Currencies without minor units (ISO 4217)."""


class NoRate(LookupError):
    """No rate between the two currencies is known for the day, or only one that is too old."""


@dataclass(frozen=True, slots=True)
class Rate:
    """How much of one currency a unit of the other is, and the day it was published: `fxRateToUsd`, `fxAsOfDate`."""

    value: Decimal
    as_of: date


@dataclass(frozen=True, slots=True)
class Converted:
    """An amount in its new currency's minor units, halves away from zero: amount * rate, rounded once."""

    amount: Decimal
    rate: Rate


class ExchangeRates:
    """The rates of many days. Where a day comes twice, the later one in the input is kept (a correction)."""

    def __init__(self, days: Iterable[DailyRates]) -> None:
        by_day = {each.day: each for each in days}
        self._days = sorted(by_day)
        self._rates = by_day

    def rate(self, day: date, source: str, target: str, oldest: timedelta = OLDEST) -> Rate:
        """The rate of a day; raise NoRate.

        On a day without publication (weekend, holiday, not yet published) it is the last earlier one, never a later
        one. Both currencies come from the same publication. Rates of the euro are exactly the published ones; others
        are their quotient, to 12 significant digits. A currency is one of itself on any day, published or not.
        """
        if source == target:
            return Rate(Decimal(1), day)
        for at in range(bisect_right(self._days, day) - 1, -1, -1):
            published = self._days[at]
            if day - published > oldest:
                break
            one, other = self._per_euro(published, source), self._per_euro(published, target)
            if one is not None and other is not None:
                return Rate(_quotient(other, one), published)
        newest = self._days[bisect_right(self._days, day) - 1] if self._days and self._days[0] <= day else None
        raise NoRate(
            f"No rate from {source} to {target} is known for {day} or the {oldest.days} days before it "
            f"(the last day known until then: {newest or 'none'}). Fetch the bank's 90-day file."
        )

    def convert(self, amount: Decimal, day: date, source: str, target: str) -> Converted:
        """The amount in the other currency; raise NoRate, and ValueError for an amount that is not finite."""
        if not amount.is_finite():
            raise ValueError(f"{amount} cannot be converted: it is not finite.")
        rate = self.rate(day, source, target)
        return Converted(_EXACT.quantize(_EXACT.multiply(amount, rate.value), minor_unit(target)), rate)

    def _per_euro(self, day: date, currency: str) -> Decimal | None:
        return Decimal(1) if currency == EURO else self._rates[day].per_euro.get(currency)


def minor_unit(currency: str) -> Decimal:
    """The smallest amount that prices in a currency are told in."""
    return Decimal(1) if currency in _WHOLE else Decimal("0.01")


def _quotient(target: Decimal, source: Decimal) -> Decimal:
    return target if source == 1 else _CROSS.divide(target, source)
