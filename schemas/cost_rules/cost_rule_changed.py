"""cost_rule.changed: what selling costs at a marketplace, from one day to another."""

from datetime import date
from decimal import Decimal

from pydantic import Field

from schemas.channels import Channel
from schemas.entity import NOT_NEGATIVE, RATE, Entity, EntityFact
from schemas.values import DecimalString


class CostRuleChangedV1(EntityFact):
    """A cost rule was created, changed or deleted; this is all of it.

    Trigger: POST /costRules. Key: `{cost_rule_id}`. Percentages and rates are fractions: 0.15 is 15 %.
    """

    cost_rule_id: int
    channel: Channel = Field(description="Marketplace")
    market: str = Field(description='Country code: "US", "MX", etc.')
    category: str = Field(description="Product category")
    fee_percent: DecimalString = Field(description="Variable fee percentage (e.g., 0.15 = 15%)")
    fixed_fee_usd: DecimalString = Field(description="Fixed fee per transaction in USD")
    ads_percent: DecimalString = Field(description="Advertising cost percentage")
    returns_rate: DecimalString = Field(description="Expected returns rate (0.02 = 2%)")
    avg_return_cost_usd: DecimalString = Field(description="Average return processing cost")
    packaging_cost_usd: DecimalString = Field(description="Packaging cost per unit")
    other_cost_usd: DecimalString = Field(description="Other miscellaneous costs")
    effective_from: date = Field(description="Rule start date")
    effective_to: date | None = Field(default=None, description="Rule end date (null = indefinite)")

    def key(self) -> str:
        return str(self.cost_rule_id)


_SHARES = ("fee_percent", "ads_percent", "returns_rate")
_COSTS = ("fixed_fee_usd", "avg_return_cost_usd", "packaging_cost_usd", "other_cost_usd")
_LARGEST_USD = Decimal(10**10)
_DECIMALS = 6
"""Pricing computes in 64 bits: what is larger or finer it could not take."""


def _check(fact: CostRuleChangedV1) -> None:
    for name in (*_SHARES, *_COSTS):
        value: Decimal = getattr(fact, name)
        if name in _COSTS and value > _LARGEST_USD:
            raise ValueError(f"{ENTITY.told(name)} {value} is more than {_LARGEST_USD} US dollars")
        if round(value, _DECIMALS) != value:
            raise ValueError(f"{ENTITY.told(name)} {value} has more than six decimals")
    if fact.effective_to is not None and fact.effective_to < fact.effective_from:
        raise ValueError(f"effectiveTo {fact.effective_to} is before effectiveFrom {fact.effective_from}")


ENTITY = Entity(
    "costRules",
    noun="cost_rule",
    topic="cost_rules",
    fact=CostRuleChangedV1,
    consumers=("projector", "pricing"),
    summary="Commissions, advertising and returns: what profitability is computed from",
    unique=(("channel", "market", "category", "effective_from"),),
    bounds={
        "fee_percent": RATE,
        "fixed_fee_usd": NOT_NEGATIVE,
        "ads_percent": RATE,
        "returns_rate": RATE,
        "avg_return_cost_usd": NOT_NEGATIVE,
        "packaging_cost_usd": NOT_NEGATIVE,
        "other_cost_usd": NOT_NEGATIVE,
    },
    check=_check,
    example={
        "channel": "amazon",
        "market": "US",
        "category": "Electronics",
        "feePercent": 0.150000,
        "fixedFeeUsd": 0.300000,
        "adsPercent": 0.050000,
        "returnsRate": 0.020000,
        "avgReturnCostUsd": 8.000000,
        "packagingCostUsd": 0.500000,
        "otherCostUsd": 0.250000,
        "effectiveFrom": "2026-01-17",
        "effectiveTo": None,
        "action": "1",
    },
)
EVENT = ENTITY.event
