"""Settings of the pipeline: fields of the service's own settings (config.py)."""

from pydantic import BaseModel, ConfigDict, Field

from libs.marketplaces.mercadolibre.jobs import JobType
from libs.marketplaces.mercadolibre.score_result import ScoreWeights


class PipelineSettings(BaseModel):
    """Which jobs the service itself works on; `sellstream enricher run` works on one kind, beside it or instead."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    jobs: tuple[JobType, ...] = Field(default=tuple(JobType), description="Empty: none; only given in, not worked on")
    seller_minutes: float = Field(default=60, ge=0, description="How long a seller's reputation is not asked again")
    weights: ScoreWeights = ScoreWeights()
