"""The opportunity formulas for very many listings at once: exactly what `libs.pricing.opportunity.profit` gives.

Everything is whole numbers in 64 bits: prices in cents, shares in millionths, percentages in hundredths. Nothing is a
float, and nothing overflows within the limits that `CostRule` and `checked_usd` set (largest intermediate: 6e18).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import numpy as np
from numpy.typing import NDArray

from libs.pricing.amounts import LARGEST_USD, checked_usd
from libs.pricing.cost_rules import CostRule

Integers = NDArray[np.int64]
UNDEFINED: Final = np.iinfo(np.int64).min
"""A percentage whose divisor is zero."""
_MILLION = 1_000_000
_LARGEST_CENTS = int(LARGEST_USD) * 100


@dataclass(frozen=True, slots=True)
class Profits:
    """Columns, one entry a listing: US cents, and hundredths of a percent (`UNDEFINED`: no such percentage)."""

    total_fees: Integers
    estimated_profit: Integers
    roi: Integers
    margin: Integers

    def __len__(self) -> int:
        return len(self.total_fees)


def in_cents(amounts: Iterable[Decimal]) -> Integers:
    """A column of prices; raise AmountRefused."""
    return np.fromiter((int(checked_usd(amount, "a price").scaleb(2)) for amount in amounts), np.int64)


def in_decimals(column: Integers) -> list[Decimal | None]:
    """A column as decimals with two places."""
    return [None if value == UNDEFINED else Decimal(value).scaleb(-2) for value in column.tolist()]


def profits(buy_cost: Integers, sell_price: Integers, rules: Sequence[CostRule], rule: Integers) -> Profits:
    """All listings' profits; raise ValueError where a column does not fit.

    `buy_cost` and `sell_price` are cents (`in_cents`); `rule` is each listing's place in `rules`.
    """
    _check(buy_cost, sell_price, rule, len(rules))
    share, per_sale = _columns(rules)
    # Half up: the fraction of per_sale below a millionth of a cent cannot change the floor of a sum of whole ones.
    fees = (sell_price * share[rule] + per_sale[rule] + _MILLION // 2) // _MILLION
    earned = sell_price - buy_cost - fees
    return Profits(fees, earned, _percent(earned, buy_cost), _percent(earned, sell_price))


def _columns(rules: Sequence[CostRule]) -> tuple[Integers, Integers]:
    """Each rule's share of the price in millionths, and its costs per sale in millionths of a cent, rounded down."""
    shares = [int(rule.share_of_price.scaleb(6)) for rule in rules]
    costs = [int(rule.per_sale_usd.scaleb(8)) for rule in rules]
    return np.array(shares, np.int64), np.array(costs, np.int64)


def _percent(part: Integers, whole: Integers) -> Integers:
    """part / whole in hundredths of a percent, halves away from zero."""
    divisor = np.where(whole == 0, 1, whole)
    size = (np.abs(part) * 20_000 + divisor) // (2 * divisor)
    return np.where(whole == 0, UNDEFINED, np.sign(part) * size)


def _check(buy_cost: Integers, sell_price: Integers, rule: Integers, rules: int) -> None:
    if not len(buy_cost) == len(sell_price) == len(rule):
        raise ValueError(f"The columns differ in length: {len(buy_cost)}, {len(sell_price)} and {len(rule)}.")
    for name, column, most in (
        ("buy_cost", buy_cost, _LARGEST_CENTS),
        ("sell_price", sell_price, _LARGEST_CENTS),
        ("rule", rule, rules),
    ):
        if column.dtype != np.int64:
            raise ValueError(f"The column {name} holds {column.dtype}; it must hold int64.")
        if len(column) and not (column.min() >= 0 and column.max() < most):
            raise ValueError(
                f"The column {name} must lie from 0 to below {most}; it goes from {column.min()} to {column.max()}."
            )
