"""Cost rules: what selling costs beyond buying, and which rule holds for a listing on a day.

Source: POST /costRules of the marketplace modules' document (fields, and the formula that `fees` computes).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from libs.pricing.amounts import cents, checked_six_decimals

ANY = "*"
"""As a rule's market or category: every one that has no rule of its own."""
_ALL = Decimal(1)


class NoCostRule(LookupError):
    """No rule holds for the channel, market and category on the day: profit cannot be told."""


@dataclass(frozen=True, slots=True)
class CostRule:
    """One cost rule. Shares are fractions of 1 (0.15 is 15 %), costs are US dollars; at most six decimals each.

    It holds from `effective_from` to `effective_to`, both days included; None: until further notice.
    """

    id: int
    channel: str
    market: str
    category: str
    fee_percent: Decimal
    fixed_fee_usd: Decimal
    ads_percent: Decimal
    returns_rate: Decimal
    avg_return_cost_usd: Decimal
    packaging_cost_usd: Decimal
    other_cost_usd: Decimal
    effective_from: date
    effective_to: date | None = None

    def __post_init__(self) -> None:
        for share in ("fee_percent", "ads_percent", "returns_rate"):
            checked_six_decimals(getattr(self, share), share, _ALL)
        for cost in ("fixed_fee_usd", "avg_return_cost_usd", "packaging_cost_usd", "other_cost_usd"):
            checked_six_decimals(getattr(self, cost), cost)
        if self.effective_to is not None and self.effective_to < self.effective_from:
            raise ValueError(
                f"Cost rule {self.id} ends ({self.effective_to}) before it starts ({self.effective_from})."
            )

    @property
    def share_of_price(self) -> Decimal:
        """The part of the total that grows with the price."""
        return self.fee_percent + self.ads_percent

    @property
    def per_sale_usd(self) -> Decimal:
        """The part that does not. In the document's term for returns the price cancels out: rate times cost is left."""
        returns = self.returns_rate * self.avg_return_cost_usd
        return self.fixed_fee_usd + returns + self.packaging_cost_usd + self.other_cost_usd

    def holds_on(self, day: date) -> bool:
        return self.effective_from <= day and (self.effective_to is None or day <= self.effective_to)


def exact_fees(rule: CostRule, sell_price_usd: Decimal) -> Decimal:
    """The document's "Total Cost", not rounded."""
    return sell_price_usd * rule.share_of_price + rule.per_sale_usd


def fees(rule: CostRule, sell_price_usd: Decimal) -> Decimal:
    """The same in whole cents: what is charged."""
    return cents(exact_fees(rule, sell_price_usd))


class CostRules:
    """All rules; the one that holds is found by scope, then by date."""

    def __init__(self, rules: Iterable[CostRule]) -> None:
        self._by_scope: dict[tuple[str, str, str], list[CostRule]] = {}
        for rule in rules:
            self._by_scope.setdefault(_scope(rule.channel, rule.market, rule.category), []).append(rule)
        for same in self._by_scope.values():
            same.sort(key=lambda rule: (rule.effective_from, rule.id), reverse=True)

    def on(self, day: date, channel: str, market: str, category: str) -> CostRule:
        """The rule that holds; raise NoCostRule.

        The nearest scope wins: market and category, market, category, channel alone. Within a scope it is the rule that
        started last (of two that started on one day: the higher id). Names are compared without case.
        """
        for scope in ((market, category), (market, ANY), (ANY, category), (ANY, ANY)):
            for rule in self._by_scope.get(_scope(channel, *scope), ()):
                if rule.holds_on(day):
                    return rule
        raise NoCostRule(
            f"No cost rule holds on {day} for channel {channel!r}, market {market!r}, category {category!r}. "
            f"Add one with POST /costRules (category {ANY!r} serves every category without a rule of its own)."
        )


def _scope(channel: str, market: str, category: str) -> tuple[str, str, str]:
    return channel.casefold().strip(), market.casefold().strip(), category.casefold().strip()
