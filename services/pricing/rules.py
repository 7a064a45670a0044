"""A repricing rule as a person gives it."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from libs.pricing.repricing_rule import NEW, Amount, Distance, Mode, Percent, Position, RepricingRule
from schemas.values import DecimalString

_Usd = Annotated[DecimalString, Field(ge=0)]


class DistanceGiven(BaseModel):
    """`{"kind": "amount", "value": "1"}` (US dollars) or `{"kind": "percent", "value": "2"}`."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["amount", "percent"]
    value: _Usd

    def distance(self) -> Distance:
        return Amount(self.value) if self.kind == "amount" else Percent(self.value)


class RuleGiven(BaseModel):
    """How a listing's price is found; US dollars. A minimum or a least profit is needed: a rule must bound the loss."""

    model_config = ConfigDict(extra="forbid")

    position: Position = Field(description="`undercut` or `follow` the cheapest competitor that counts")
    distance: DistanceGiven
    minimum_usd: _Usd | None = None
    maximum_usd: _Usd | None = None
    least_profit_usd: DecimalString | None = Field(default=None, description="After cost and fees")
    most_profit_usd: DecimalString | None = None
    fallback_usd: _Usd | None = Field(default=None, description="The price while no competitor counts")
    largest_drop: DistanceGiven | None = Field(default=None, description="At once, of the present price")
    largest_rise: DistanceGiven | None = None
    condition: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40)] = Field(
        default=NEW, description="What the listing is in; only competitors in it count"
    )
    unknown_condition: Literal["counts", "left out"] = Field(
        default="counts", description="Competitors of which nobody told the condition"
    )
    mode: Mode = Field(default=Mode.TEST, description="`live` changes the listing's price, `test` only proposes")

    def rule(self, number: int, version: int) -> RepricingRule:
        """As the repricer takes it; raises ValueError in words."""
        return RepricingRule(
            id=number,
            version=version,
            position=self.position,
            distance=self.distance.distance(),
            minimum_usd=self.minimum_usd,
            maximum_usd=self.maximum_usd,
            least_profit_usd=self.least_profit_usd,
            most_profit_usd=self.most_profit_usd,
            fallback_usd=self.fallback_usd,
            largest_drop=self.largest_drop.distance() if self.largest_drop else None,
            largest_rise=self.largest_rise.distance() if self.largest_rise else None,
            condition=self.condition,
            unknown_condition_counts=self.unknown_condition == "counts",
            mode=self.mode,
        )
