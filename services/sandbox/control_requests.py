"""What the sandbox's own API takes."""

from pydantic import BaseModel, ConfigDict, Field

from services.sandbox.notifier import Disorder


class ControlRequest(BaseModel):
    """A JSON body; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Advance(ControlRequest):
    """POST /_clock"""

    advance_seconds: float = Field(gt=0, le=10**9)


class Mess(ControlRequest):
    """Shares from 0 to 1."""

    duplicates: float = Field(default=0.0, ge=0, le=1)
    reordering: float = Field(default=0.0, ge=0, le=1)
    poison: float = Field(default=0.0, ge=0, le=1)

    def disorder(self) -> Disorder:
        return Disorder(self.duplicates, self.reordering)


class Steps(Mess):
    """POST /_world/steps; marketplace None: among all that have an endpoint."""

    steps: int = Field(default=1, ge=1, le=100_000)
    marketplace: str | None = None


class Flow(Mess):
    """POST /_traffic"""

    rate: float = Field(gt=0, le=100_000)
    seconds: float | None = Field(default=None, gt=0)
    marketplaces: tuple[str, ...] = ()


class Poisoning(ControlRequest):
    """POST /_poison; no kinds: each of them once."""

    marketplace: str = "mercadolibre"
    kinds: tuple[str, ...] = ()
    count: int | None = Field(default=None, ge=1, le=10_000)


class NewOrder(ControlRequest):
    """POST /_world/orders"""

    seller_id: int | None = None
    status: str = "confirmed"


class Change(ControlRequest):
    """PATCH /_world/{collection}/{id}"""

    status: str
