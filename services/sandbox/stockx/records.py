"""What is known about a listing and its operations: the truth, not what has been told of it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from services.sandbox.stockx.goods import Product, Variant


@dataclass(eq=False)
class Operation:
    """`ends` is when it will have ended, None: never; `error` is told once it has. `changes` as StockX shows them."""

    id: str
    kind: str
    by: str
    via: str
    created: datetime
    updated: datetime
    ends: datetime | None
    changes: dict[str, Any]
    wants: dict[str, Any]
    status: str = "PENDING"
    error: str | None = None
    doomed: str | None = None

    @property
    def ended(self) -> bool:
        return self.status != "PENDING"


@dataclass(eq=False)
class Ask:
    """The ask on the market."""

    id: str
    created: datetime
    updated: datetime


@dataclass(eq=False)
class Match:
    """The order that the listing was matched with, as the listing tells of it."""

    number: str
    created: datetime
    status: str


@dataclass(eq=False)
class Listing:
    """A seller's listing. `amount` is text in major units."""

    id: str
    seller: str
    product: Product
    variant: Variant
    amount: str
    currency: str
    expires: datetime
    inventory: str
    created: datetime
    updated: datetime
    status: str = "INACTIVE"
    ask: Ask | None = None
    batch: tuple[str, str] | None = None
    match: Match | None = None
    operations: list[Operation] = field(default_factory=list)
