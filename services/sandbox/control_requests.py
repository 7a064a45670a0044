"""What the sandbox's own API takes."""

from typing import Literal, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from libs.http.server import Problem
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

    steps: int = Field(default=1, ge=1, le=10_000)
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
    """POST /_world/orders; `item_id`: a buyer orders one of this, and it is shipped."""

    seller_id: int | None = None
    item_id: str | None = None
    status: str = "confirmed"


class AfterSale(ControlRequest):
    """POST /_world/after_sale; seller None: one who can have it (invoices are issued in Brazil alone).

    `order_id`: about this order, instead of a new one.
    """

    kind: Literal["message", "claim", "feedback", "invoice"]
    seller_id: int | None = None
    order_id: int | None = None


class Change(ControlRequest):
    """PATCH /_world/{collection}/{id}"""

    status: str


M = TypeVar("M", bound=BaseModel)


async def read(request: web.Request, model: type[M]) -> M:
    """The body; raise Problem 400. An empty body is an empty object."""
    try:
        return model.model_validate_json(await request.read() or b"{}")
    except ValidationError as error:
        problems = [
            {"field": ".".join(map(str, each["loc"])), "problem": each["msg"]}
            for each in error.errors(include_url=False)
        ]
        raise Problem(400, "The request's body is not what this path takes.", errors=problems) from None


def whole_number(request: web.Request, name: str, default: int) -> int:
    """A query parameter; raise Problem 400."""
    text = request.query.get(name, str(default))
    if not (text.isascii() and text.isdigit()):
        raise Problem(400, f"{name} must be a whole number from 0.")
    return int(text)
