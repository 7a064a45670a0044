"""Amounts, cost rules and markets for the tests of pricing."""

from datetime import date
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from libs.pricing.cost_rules import CostRule

DAY = date(2026, 11, 21)

DOCUMENTED = {
    "id": 1,
    "channel": "amazon",
    "market": "US",
    "category": "Electronics",
    "fee_percent": Decimal("0.150000"),
    "fixed_fee_usd": Decimal("0.300000"),
    "ads_percent": Decimal("0.050000"),
    "returns_rate": Decimal("0.020000"),
    "avg_return_cost_usd": Decimal("8.000000"),
    "packaging_cost_usd": Decimal("0.500000"),
    "other_cost_usd": Decimal("0.250000"),
    "effective_from": date(2026, 1, 17),
    "effective_to": None,
}
"""The rule of the document's example."""


def cost_rule(**changed: Any) -> CostRule:
    return CostRule(**{**DOCUMENTED, **changed})


def usd(least: str = "0.01", most: str = "100000") -> st.SearchStrategy[Decimal]:
    """Prices in whole cents."""
    return st.decimals(Decimal(least), Decimal(most), places=2)


shares = st.decimals(Decimal(0), Decimal("0.5"), places=6)
costs = st.decimals(Decimal(0), Decimal(50), places=6)
rules = st.builds(
    cost_rule,
    fee_percent=shares,
    ads_percent=shares,
    returns_rate=shares,
    fixed_fee_usd=costs,
    avg_return_cost_usd=costs,
    packaging_cost_usd=costs,
    other_cost_usd=costs,
)
