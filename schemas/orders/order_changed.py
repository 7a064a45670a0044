"""order.changed: an order's whole state, as its marketplace tells it now."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from schemas.event import EventFamily, Fact
from schemas.values import PERSONAL, Currency, DecimalString, Json, Money, UtcTime, Value


class OrderStatus(StrEnum):
    """Our words for an order's life; the marketplace's own word stands beside it in `marketplace_status`."""

    PLACED = "placed"
    PAYMENT_PENDING = "payment_pending"
    PAID = "paid"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"
    RETURNED = "returned"
    REFUNDED = "refunded"
    UNKNOWN = "unknown"


class OrderLine(Value):
    """One position of an order."""

    item_id: str
    variation_id: str | None = None
    sku: str | None = None
    title: str
    quantity: int = Field(ge=1)
    unit_price: Money
    sale_fee: Money | None = None


class Buyer(Value):
    """Who bought, as far as the marketplace tells. At eBay the id is the user's name; empty where none is told."""

    id: Annotated[str, PERSONAL]
    nickname: Annotated[str | None, PERSONAL] = None
    first_name: Annotated[str | None, PERSONAL] = None
    last_name: Annotated[str | None, PERSONAL] = None


class OrderChangedV1(Fact):
    """The first form: a buyer was only a nickname, and amounts shared one currency field."""

    marketplace: str
    account: str
    order_id: str
    status: OrderStatus
    marketplace_status: str
    placed_at: UtcTime
    updated_at: UtcTime
    total: DecimalString
    currency: Currency
    lines: list[OrderLine]
    buyer_id: Annotated[str, PERSONAL]
    buyer_nickname: Annotated[str | None, PERSONAL] = None
    raw: Json = Field(default_factory=dict, json_schema_extra={"x-personal-data": True})

    def key(self) -> str:
        return f"{self.marketplace}:{self.order_id}"

    def person(self) -> str:
        return f"{self.marketplace}:{self.buyer_id or f'order/{self.order_id}'}"

    def ties(self) -> list[tuple[str, str]]:
        return [(f"{self.marketplace}:order/{self.order_id}", self.person())] if self.buyer_id else []


class OrderChangedV2(Fact):
    """An order is new or has changed; this is all of it.

    Trigger: a notification led to a fetch of the order, or a poll found it changed. Key: `{marketplace}:{order_id}`.
    `updated_at` is the marketplace's own time of the change and orders the states of one order: an older state never
    replaces a newer one. `raw` holds every field of the marketplace that has no place here.
    """

    marketplace: str
    account: str
    order_id: str
    status: OrderStatus
    marketplace_status: str
    pack_id: str | None = None
    placed_at: UtcTime
    updated_at: UtcTime
    closed_at: UtcTime | None = None
    total: Money
    paid: Money | None = None
    lines: list[OrderLine]
    buyer: Buyer
    payment_ids: list[str] = Field(default_factory=list)
    shipment_id: str | None = None
    tags: list[str] = Field(default_factory=list)
    raw: Json = Field(default_factory=dict, json_schema_extra={"x-personal-data": True})

    def key(self) -> str:
        return f"{self.marketplace}:{self.order_id}"

    def person(self) -> str:
        return f"{self.marketplace}:{self.buyer.id or f'order/{self.order_id}'}"

    def ties(self) -> list[tuple[str, str]]:
        """A conversation is about the pack, or about the order where there is none."""
        if not self.buyer.id:
            return []
        deals = [f"order/{self.order_id}", f"thread/{self.pack_id or self.order_id}"]
        if self.shipment_id is not None:
            deals.append(f"shipment/{self.shipment_id}")
        return [(f"{self.marketplace}:{deal}", self.person()) for deal in deals]


def from_v1(old: OrderChangedV1) -> OrderChangedV2:
    """A version 1 fact knew one currency for everything and nothing of packs, payments or shipments."""
    return OrderChangedV2(
        marketplace=old.marketplace,
        account=old.account,
        order_id=old.order_id,
        status=old.status,
        marketplace_status=old.marketplace_status,
        placed_at=old.placed_at,
        updated_at=old.updated_at,
        total=Money(amount=old.total, currency=old.currency),
        lines=old.lines,
        buyer=Buyer(id=old.buyer_id, nickname=old.buyer_nickname),
        raw=old.raw,
    )


EVENT = EventFamily(
    "order.changed", topic="orders", versions={1: OrderChangedV1, 2: OrderChangedV2}, upcasters={1: from_v1}
)
