"""Opportunities of very many quotes at once, on one day: the same as `opportunity` one by one, in columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import numpy as np

from libs.pricing.cost_rules import CostRule, CostRules, NoCostRule
from libs.pricing.opportunity import PriceStrategy
from libs.pricing.quoting import Quote
from libs.pricing.vectorised import UNDEFINED, profits


@dataclass(frozen=True, slots=True)
class Figures:
    """An opportunity's figures under their documented names; money and percentages with two decimals."""

    buy_cost_usd: Decimal
    sell_price_usd: Decimal
    estimated_profit_usd: Decimal
    roi_percent: Decimal
    margin_percent: Decimal
    days_to_sell: int | None
    competitor_count: int
    avg_competitor_price_usd: Decimal | None
    price_strategy: PriceStrategy


def opportunities(quotes: Sequence[Quote], rules: CostRules, day: date) -> list[Figures | None]:
    """The figures of each quote in its place; None where no cost rule holds on the day."""
    used: list[CostRule] = []
    index: dict[int, int] = {}
    found: dict[tuple[str, str, str], int | None] = {}
    at = np.full(len(quotes), -1, np.int64)
    for number, quote in enumerate(quotes):
        scope = (quote.place[1], quote.place[2], quote.category)
        if scope not in found:
            found[scope] = _rule(rules, day, scope, used, index)
        which = found[scope]
        if which is not None:
            at[number] = which
    held = np.flatnonzero(at >= 0)
    chosen = [quotes[number] for number in held.tolist()]
    # A quote's prices are whole cents already.
    buy = np.fromiter((int(quote.buy_cost_usd.scaleb(2)) for quote in chosen), np.int64, len(chosen))
    sell = np.fromiter((int(quote.sell_price_usd.scaleb(2)) for quote in chosen), np.int64, len(chosen))
    result = profits(buy, sell, used, at[held]) if used else None
    figures: list[Figures | None] = [None] * len(quotes)
    if result is None:
        return figures
    columns = zip(
        held.tolist(),
        chosen,
        result.estimated_profit.tolist(),
        result.roi.tolist(),
        result.margin.tolist(),
        strict=True,
    )
    for number, quote, earned, roi, margin in columns:
        if UNDEFINED not in (roi, margin):
            figures[number] = _figures(quote, earned, roi, margin)
    return figures


def _rule(
    rules: CostRules, day: date, scope: tuple[str, str, str], used: list[CostRule], index: dict[int, int]
) -> int | None:
    try:
        rule = rules.on(day, *scope)
    except NoCostRule:
        return None
    if rule.id not in index:
        index[rule.id] = len(used)
        used.append(rule)
    return index[rule.id]


def _figures(quote: Quote, earned: int, roi: int, margin: int) -> Figures:
    return Figures(
        buy_cost_usd=quote.buy_cost_usd,
        sell_price_usd=quote.sell_price_usd,
        estimated_profit_usd=Decimal(earned).scaleb(-2),
        roi_percent=Decimal(roi).scaleb(-2),
        margin_percent=Decimal(margin).scaleb(-2),
        days_to_sell=quote.days_to_sell,
        competitor_count=quote.others.count,
        avg_competitor_price_usd=quote.others.average_usd,
        price_strategy=quote.price_strategy,
    )
