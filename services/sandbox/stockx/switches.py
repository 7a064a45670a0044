"""How the stand-in for StockX behaves, changeable while it runs (`PATCH /_stockx/switches`)."""

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Switches(BaseModel):
    """Shares from 0 to 1; seconds of sandbox time, except for `latency`.

    How long operations take and how often they fail is not published: those are ours. The limits are StockX's.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    latency: float = Field(default=0.0, ge=0, le=60, description="seconds of ours that each call takes at least")
    shortest_operation: float = Field(default=1.0, ge=0, description="most operations take not much more than this")
    longest_operation: float = Field(default=60.0, ge=0)
    failing: float = Field(default=0.03, ge=0, le=1, description="operations of the seller that fail")
    endless: float = Field(default=0.0, ge=0, le=1, description="operations of the seller that never end")
    system: float = Field(default=0.01, ge=0, le=1, description="activations after which StockX deactivates by itself")
    rotating: bool = Field(default=False, description="a refresh gives a new refresh token, and the old one is dead")

    limited: bool = Field(default=True, description="the limits are enforced")
    requests_a_second: float = Field(default=1.0, gt=0)
    burst: int = Field(default=1, ge=1, description="requests that may come at once after a silence")
    requests_a_day: int = Field(default=25_000, ge=0)
    items: int = Field(default=500, ge=1, description="items of batches in any `items_seconds`")
    items_seconds: float = Field(default=300.0, gt=0)
    items_a_day: int = Field(default=50_000, ge=0)

    @model_validator(mode="after")
    def _in_order(self) -> "Switches":
        if self.longest_operation < self.shortest_operation:
            raise ValueError("longest_operation must not be less than shortest_operation")
        return self
