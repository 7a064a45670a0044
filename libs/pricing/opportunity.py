"""Opportunities: what is earned by buying here and selling there.

Source: POST /opportunities of the marketplace modules' document, "Calculated Fields".
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from libs.pricing.amounts import CENT, cents, checked_usd, quotient
from libs.pricing.cost_rules import CostRule, fees

_HUNDRED = Decimal(100)


class PriceStrategy(StrEnum):
    """Where a price stands among its competitors' (the document's three words; the limits are ours)."""

    VOLUME = "volume"
    """More than 5 % below their average: it earns by number."""
    COMPETITIVE = "competitive"
    """Within 5 % of their average, or without competitors."""
    PREMIUM = "premium"
    """More than 5 % above."""


NEAR = Decimal("0.05")


@dataclass(frozen=True, slots=True)
class Profit:
    """The calculated fields, in US dollars and percent, each with two decimals.

    Total fees are rounded once, to the cent; everything else follows from the fields shown, so the document's formulas
    hold for them to the digit. A percentage is None where its divisor is zero.
    """

    buy_cost_usd: Decimal
    sell_price_usd: Decimal
    total_fees_usd: Decimal
    estimated_profit_usd: Decimal
    roi_percent: Decimal | None
    margin_percent: Decimal | None

    @property
    def total_cost_usd(self) -> Decimal:
        """What must come back before anything is earned."""
        return self.buy_cost_usd + self.total_fees_usd


def profit(buy_cost_usd: Decimal, sell_price_usd: Decimal, rule: CostRule) -> Profit:
    """Profit of one unit; raise AmountRefused. Amounts finer than a cent are rounded to it first."""
    buy, sell = checked_usd(buy_cost_usd, "buyCostUsd"), checked_usd(sell_price_usd, "sellPriceUsd")
    charged = fees(rule, sell)
    earned = sell - buy - charged
    return Profit(buy, sell, charged, earned, _percent(earned, buy), _percent(earned, sell))


def _percent(part: Decimal, whole: Decimal) -> Decimal | None:
    return quotient(part * _HUNDRED, whole, CENT) if whole else None


@dataclass(frozen=True, slots=True)
class Competition:
    """Who else sells the product on the channel and market."""

    count: int
    average_usd: Decimal | None
    lowest_usd: Decimal | None


def competition(prices_usd: Iterable[Decimal]) -> Competition:
    """Count, average (in whole cents) and lowest of the competitors' prices; raise AmountRefused."""
    prices = [checked_usd(price, "a competitor's price") for price in prices_usd]
    if not prices:
        return Competition(0, None, None)
    average = quotient(sum(prices, Decimal(0)), Decimal(len(prices)), CENT)
    return Competition(len(prices), average, min(prices))


def strategy(sell_price_usd: Decimal, others: Competition) -> PriceStrategy:
    """Where the price stands."""
    if others.average_usd is None:
        return PriceStrategy.COMPETITIVE
    away = sell_price_usd - others.average_usd
    if abs(away) <= NEAR * others.average_usd:
        return PriceStrategy.COMPETITIVE
    return PriceStrategy.PREMIUM if away > 0 else PriceStrategy.VOLUME


@dataclass(frozen=True, slots=True)
class Opportunity:
    """One product on one channel and market: every field of the document but the keys."""

    profit: Profit
    days_to_sell: int | None
    competitor_count: int
    avg_competitor_price_usd: Decimal | None
    price_strategy: PriceStrategy
    cost_rule_id: int


def opportunity(
    buy_cost_usd: Decimal,
    sell_price_usd: Decimal,
    rule: CostRule,
    competitor_prices_usd: Sequence[Decimal] = (),
    *,
    sales_in_90_days: int | None = None,
    units: int = 1,
) -> Opportunity:
    """The opportunity of `units` pieces at this price; raise AmountRefused.

    `sales_in_90_days` are the market's sales of the product; None: not known, and days to sell are not told.
    """
    earned = profit(buy_cost_usd, sell_price_usd, rule)
    others = competition(competitor_prices_usd)
    ahead = sum(cents(price) <= earned.sell_price_usd for price in competitor_prices_usd)
    return Opportunity(
        profit=earned,
        days_to_sell=None if sales_in_90_days is None else queue_days(sales_in_90_days, ahead, units),
        competitor_count=others.count,
        avg_competitor_price_usd=others.average_usd,
        price_strategy=strategy(earned.sell_price_usd, others),
        cost_rule_id=rule.id,
    )


LONGEST_DAYS = 3650


def queue_days(sales_in_90_days: int, ahead: int, units: int = 1) -> int | None:
    """Whole days until `units` are sold, if buyers take the cheapest first and go on buying as in the last 90 days.

    `ahead` sellers (as cheap or cheaper) sell one piece each before us. None: nothing was sold in 90 days, so nothing
    can be said. Where enough past sales are known, `libs.pricing.days_to_sell` fits a model to them instead.
    """
    if sales_in_90_days < 0 or ahead < 0 or units < 1:
        raise ValueError(
            f"Sales ({sales_in_90_days}) and sellers ahead ({ahead}) cannot be negative, units ({units}) not below 1."
        )
    if not sales_in_90_days:
        return None
    return min(LONGEST_DAYS, -(-90 * (ahead + units) // sales_in_90_days))
