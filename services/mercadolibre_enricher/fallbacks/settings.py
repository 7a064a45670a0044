"""Settings of the fallbacks: fields of the service's own settings (config.py), which alone reads the environment."""

from datetime import timedelta

from pydantic import BaseModel, ConfigDict, Field


class MissedSettings(BaseModel):
    """When missed notifications are looked for. MercadoLibre advises every 10 to 15 minutes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    every_seconds: float = Field(default=600, ge=0, le=86_400, description="0: never")

    @property
    def every(self) -> timedelta:
        return timedelta(seconds=self.every_seconds)


class SeedSettings(BaseModel):
    """How often an item that is named is enriched, and how the items that nobody names any more are kept fresh."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    again_after_seconds: float = Field(default=86_400, ge=0, description="An item is not queued again before")
    every_seconds: float = Field(default=900, gt=0, description="How often the oldest items are queued again")
    batch: int = Field(default=200, ge=0, le=10_000, description="How many of them at a time; 0: none")

    @property
    def again_after(self) -> timedelta:
        return timedelta(seconds=self.again_after_seconds)

    @property
    def every(self) -> timedelta:
        return timedelta(seconds=self.every_seconds)
