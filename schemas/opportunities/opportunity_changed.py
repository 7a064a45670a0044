"""opportunity.changed: what a product would earn at a marketplace."""

from enum import StrEnum

from pydantic import Field

from schemas.channels import Channel
from schemas.entity import NOT_NEGATIVE, POSITIVE, Entity, EntityFact, Reference
from schemas.values import DecimalString


class PriceStrategy(StrEnum):
    """How a product is priced against its competitors."""

    COMPETITIVE = "competitive"
    PREMIUM = "premium"
    VOLUME = "volume"


class OpportunityChangedV1(EntityFact):
    """An opportunity was computed, changed or deleted; this is all of it.

    Trigger: POST /opportunities, or an input of pricing changed. Key: `{opportunity_id}`. Percentages are out of 100:
    15.38 is 15.38 %.
    """

    opportunity_id: int
    unified_product_id: int = Field(description="Product identifier")
    channel: Channel = Field(description="Marketplace channel")
    market: str = Field(description="Country code")
    buy_cost_usd: DecimalString = Field(description="Total purchase cost in USD")
    sell_price_usd: DecimalString = Field(description="Selling price in USD")
    estimated_profit_usd: DecimalString = Field(description="Expected profit (sellPrice - buyCost - costs)")
    roi_percent: DecimalString = Field(description="Return on Investment percentage")
    margin_percent: DecimalString = Field(description="Profit margin percentage")
    days_to_sell: int | None = Field(default=None, description="Estimated days to sell inventory")
    competitor_count: int | None = Field(default=None, description="Number of competitors")
    avg_competitor_price_usd: DecimalString | None = Field(default=None, description="Average competitor price")
    price_strategy: PriceStrategy | None = Field(default=None, description='"competitive", "premium", "volume"')

    def key(self) -> str:
        return str(self.opportunity_id)


ENTITY = Entity(
    "opportunities",
    noun="opportunity",
    topic="opportunities",
    fact=OpportunityChangedV1,
    producers=("catalog", "pricing"),
    summary="Return on investment and margin of products across marketplaces",
    unique=(("unified_product_id", "channel", "market"),),
    references=(Reference("unified_product_id", "unifiedProducts"),),
    bounds={
        "buy_cost_usd": POSITIVE,
        "sell_price_usd": POSITIVE,
        "days_to_sell": NOT_NEGATIVE,
        "competitor_count": NOT_NEGATIVE,
        "avg_competitor_price_usd": NOT_NEGATIVE,
    },
    example={
        "unifiedProductId": 1,
        "channel": "amazon",
        "market": "US",
        "buyCostUsd": 650.00,
        "sellPriceUsd": 799.99,
        "estimatedProfitUsd": 99.99,
        "roiPercent": 15.38,
        "marginPercent": 12.50,
        "daysToSell": 10,
        "competitorCount": 5,
        "avgCompetitorPriceUsd": 820.00,
        "priceStrategy": "competitive",
        "action": "1",
    },
)
EVENT = ENTITY.event
