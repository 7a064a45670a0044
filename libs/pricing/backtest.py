"""A repricing rule replayed over a market as it was recorded, beside what happened.

At each recorded moment the rule sees the lowest ask of then and proposes; the proposal is the price until the next one.
A piece sells where one was really sold, if our price was not above what the buyer paid; it sells at our price. No buyer
is made up: what a lower price would have brought besides is not counted, and neither is the answer of competitors. A
lowest ask may have been our own: it was not recorded whose it was.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

from libs.pricing.amounts import cents
from libs.pricing.cost_rules import CostRule, CostRules
from libs.pricing.opportunity import profit
from libs.pricing.outliers import Competitor
from libs.pricing.repricer import StepName, propose
from libs.pricing.repricing_rule import Priced, RepricingRule

MARKET = "the market"


@dataclass(frozen=True, slots=True)
class Moment:
    """A market as it was recorded; None: nobody asked."""

    at: datetime
    lowest_ask_usd: Decimal | None


@dataclass(frozen=True, slots=True)
class PastSale:
    """A piece that was really sold."""

    at: datetime
    price_usd: Decimal


@dataclass(frozen=True, slots=True)
class Scope:
    """By what the cost rules are found."""

    channel: str
    market: str
    category: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """Sales, what they brought, and what of it was earned after cost and fees, in US dollars."""

    sales: int
    revenue_usd: Decimal
    profit_usd: Decimal


@dataclass(frozen=True, slots=True)
class PricePoint:
    """A price from a moment on."""

    at: datetime
    price_usd: Decimal
    explanation: str


@dataclass(frozen=True, slots=True)
class Backtest:
    """What happened, what would have, and the way of the price."""

    happened: Outcome
    replayed: Outcome
    prices: tuple[PricePoint, ...]
    guardrails: Counter[StepName]

    @property
    def changes(self) -> int:
        """How often the price was changed."""
        return sum(one.price_usd != other.price_usd for one, other in zip(self.prices, self.prices[1:], strict=False))


def backtest(
    rule: RepricingRule,
    start_usd: Decimal,
    buy_cost_usd: Decimal,
    moments: Iterable[Moment],
    sales: Iterable[PastSale],
    rules: CostRules,
    scope: Scope,
) -> Backtest:
    """Replay a rule from a first price on; raise NoCostRule (a day without a rule), AmountRefused, BoundUnknown."""
    listing = Priced(start_usd, buy_cost_usd=buy_cost_usd)
    prices: list[PricePoint] = []
    guardrails: Counter[StepName] = Counter()
    for moment in sorted(moments, key=lambda each: each.at):
        asks = [] if moment.lowest_ask_usd is None else [Competitor(MARKET, moment.lowest_ask_usd)]
        listing = replace(listing, cost_rule=_rule(rules, moment.at.date(), scope, rule))
        proposal = propose(rule, listing, asks)
        guardrails.update(proposal.guardrails)
        prices.append(PricePoint(moment.at, proposal.price_usd, proposal.explanation))
        listing = replace(listing, current_usd=proposal.price_usd)
    past = sorted(sales, key=lambda each: each.at)
    replayed = [(sale.at, ours) for sale in past if (ours := _price_at(prices, sale.at, start_usd)) <= sale.price_usd]
    return Backtest(
        happened=_outcome([(sale.at, sale.price_usd) for sale in past], buy_cost_usd, rules, scope),
        replayed=_outcome(replayed, buy_cost_usd, rules, scope),
        prices=tuple(prices),
        guardrails=guardrails,
    )


def _rule(rules: CostRules, day: date, scope: Scope, rule: RepricingRule) -> CostRule | None:
    needed = rule.least_profit_usd is not None or rule.most_profit_usd is not None
    return rules.on(day, scope.channel, scope.market, scope.category) if needed else None


def _price_at(prices: Sequence[PricePoint], at: datetime, start_usd: Decimal) -> Decimal:
    return next((point.price_usd for point in reversed(prices) if point.at <= at), start_usd)


def _outcome(sold: Sequence[tuple[datetime, Decimal]], cost: Decimal, rules: CostRules, scope: Scope) -> Outcome:
    earned = [
        profit(cost, price, rules.on(at.date(), scope.channel, scope.market, scope.category)) for at, price in sold
    ]
    return Outcome(
        len(sold),
        cents(sum((price for _, price in sold), Decimal(0))),
        cents(sum((one.estimated_profit_usd for one in earned), Decimal(0))),
    )
