"""A draft's price in the currency of its channel, within the draft's limits, whatever rounding does."""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal, localcontext

from libs.exchange_rates.rates import Rate, minor_unit
from libs.pricing.amounts import LARGEST_USD
from libs.selling.channel import NotPublishable
from schemas.values import Money

_CENT = Decimal("0.01")
_EXACT = Context(prec=120)
"""A draft's amounts may have 40 digits on each side of the point."""


@dataclass(frozen=True, slots=True)
class Limits:
    """A draft's prices in USD."""

    suggested: Decimal
    least: Decimal
    most: Decimal


def local_price(limits: Limits, currency: str, to_usd: Rate) -> Money:
    """The suggested price in a currency, to its minor unit, within the limits.

    `to_usd`: what one of the currency is in USD.
    Raises NotPublishable where no amount of whole units lies within them, or none below LARGEST_USD.
    """
    if limits.suggested >= LARGEST_USD:
        raise NotPublishable(f"suggestedPriceUsd {limits.suggested} is not below {LARGEST_USD} USD")
    unit = minor_unit(currency)
    with localcontext(_EXACT):
        least = (limits.least / to_usd.value).quantize(unit, ROUND_CEILING)
        most = (min(limits.most, LARGEST_USD) / to_usd.value).quantize(unit, ROUND_FLOOR)
        suggested = (limits.suggested / to_usd.value).quantize(unit, ROUND_HALF_UP)
    if least > most:
        raise NotPublishable(f"no price in {currency} lies between {limits.least} and {limits.most} USD")
    return Money(amount=min(max(suggested, least), most), currency=currency)


def require_within(limits: Limits, price: Money, to_usd: Rate) -> None:
    """Raise NotPublishable where a marketplace's price, in USD, is beyond the limits by a cent or more."""
    usd = price.amount * to_usd.value
    if not limits.least - _CENT < usd < limits.most + _CENT:
        raise NotPublishable(
            f"the marketplace lists it for {price.amount} {price.currency} ({usd.quantize(_CENT)} USD), which is not "
            f"between {limits.least} and {limits.most} USD: it was taken off"
        )
