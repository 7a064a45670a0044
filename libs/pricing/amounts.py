"""Exact amounts: US dollars in whole cents, rates and costs with at most six decimals, and how results are rounded."""

from decimal import ROUND_HALF_UP, Context, Decimal, localcontext

CENT = Decimal("0.01")
LARGEST_USD = Decimal(10**10)
"""Prices stay below this, so that the vectorised form fits into 64 bits."""
_EXACT = Context(prec=60, rounding=ROUND_HALF_UP)


class AmountRefused(ValueError):
    """An amount that nothing can be computed from: not finite, negative, too large or too finely divided."""


def cents(amount: Decimal) -> Decimal:
    """US dollars in whole cents, halves away from zero (what PostgreSQL's `round(numeric, 2)` does)."""
    return rounded(amount, CENT)


def rounded(amount: Decimal, step: Decimal) -> Decimal:
    """The multiple of a power of ten that is nearest, halves away from zero."""
    return amount.quantize(step, context=_EXACT)


def quotient(dividend: Decimal, divisor: Decimal, step: Decimal) -> Decimal:
    """dividend / divisor, rounded once: a quotient that was cut before is never rounded a second time.

    A quotient of amounts with at most 20 digits each lies further from a half than the 60 digits kept here can hide.
    """
    with localcontext(_EXACT):
        return rounded(dividend / divisor, step)


def checked_usd(amount: Decimal, name: str) -> Decimal:
    """A price or a cost in whole cents; raise AmountRefused."""
    if not amount.is_finite() or not 0 <= amount < LARGEST_USD:
        raise AmountRefused(f"{name} is {amount}: it must be at least 0 and below {LARGEST_USD} US dollars.")
    return cents(amount)


def checked_six_decimals(amount: Decimal, name: str, most: Decimal = LARGEST_USD) -> Decimal:
    """A rate or a cost as the cost rules write it; raise AmountRefused."""
    if not amount.is_finite() or not 0 <= amount <= most:
        raise AmountRefused(f"{name} is {amount}: it must lie between 0 and {most}.")
    exponent = amount.normalize(_EXACT).as_tuple().exponent
    if isinstance(exponent, int) and exponent < -6:
        raise AmountRefused(f"{name} is {amount}: it may have at most six decimals.")
    return amount
