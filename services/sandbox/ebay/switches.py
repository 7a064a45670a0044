"""How the stand-in for eBay behaves, changeable while it runs (`PATCH /_ebay/switches`)."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class Shape(StrEnum):
    """Official: as eBay's contract and live answers. Documented: as the sync document has them."""

    OFFICIAL = "official"
    DOCUMENTED = "documented"


class Switches(BaseModel):
    """The behaviour of the `/sell` APIs."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    shape: Shape = Shape.OFFICIAL
    latency: float = Field(default=0.0, ge=0, le=60, description="seconds that each call takes at least (ours)")
    drift: int = Field(default=0, ge=0, description="after every n-th page of items the list moves; 0: never")
    largest_offer_page: int = Field(default=100, ge=1, le=200, description="a larger limit of getOffers is shortened")
    expired_status: int = Field(default=401, description="401, or 403 as seen in the Inventory API")
    feed_polls: int = Field(default=2, ge=0, le=1000, description="how often a task is asked for until it has ended")
    feed_status: str = Field(default="COMPLETED", description="the status in which tasks end")
