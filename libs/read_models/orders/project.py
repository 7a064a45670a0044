"""orders: one row per order, with its lines and its full status history."""

from datetime import datetime
from decimal import Decimal

import msgspec

from libs.projection.model import ReadModel
from libs.read_models.history import EntityColumns, EntityRow, OfLatest
from schemas.orders.order_changed import OrderChangedV2, OrderLine
from schemas.values import Money


class Price(msgspec.Struct, frozen=True):
    amount: Decimal
    currency: str


class Line(msgspec.Struct, frozen=True):
    """One position of an order."""

    item_id: str
    variation_id: str | None
    sku: str | None
    title: str
    quantity: int
    unit_price: Price
    sale_fee: Price | None


class BuyerOfOrder(msgspec.Struct, frozen=True):
    """Who bought: all of it is personal data, and sealed. The same buyer has the same sealed id."""

    id: str
    nickname: str | None
    first_name: str | None
    last_name: str | None


class OrderRow(EntityRow, frozen=True, kw_only=True):
    order_id: str
    pack_id: str | None
    placed_at: datetime
    closed_at: datetime | None
    total_amount: Decimal
    total_currency: str
    paid_amount: Decimal | None
    paid_currency: str | None
    lines: tuple[Line, ...]
    buyer: BuyerOfOrder
    payment_ids: list[str]
    shipment_id: str | None
    tags: list[str]


def order_row(fact: OrderChangedV2, columns: EntityColumns) -> OrderRow:
    """The fact's own state."""
    return OrderRow(
        *columns,
        order_id=fact.order_id,
        pack_id=fact.pack_id,
        placed_at=fact.placed_at,
        closed_at=fact.closed_at,
        total_amount=fact.total.amount,
        total_currency=fact.total.currency,
        paid_amount=None if fact.paid is None else fact.paid.amount,
        paid_currency=None if fact.paid is None else fact.paid.currency,
        lines=tuple(map(_line, fact.lines)),
        buyer=BuyerOfOrder(fact.buyer.id, fact.buyer.nickname, fact.buyer.first_name, fact.buyer.last_name),
        payment_ids=list(fact.payment_ids),
        shipment_id=fact.shipment_id,
        tags=list(fact.tags),
    )


def _line(line: OrderLine) -> Line:
    return Line(
        line.item_id,
        line.variation_id,
        line.sku,
        line.title,
        line.quantity,
        Price(line.unit_price.amount, line.unit_price.currency),
        _price(line.sale_fee),
    )


def _price(money: Money | None) -> Price | None:
    return None if money is None else Price(money.amount, money.currency)


READ_MODEL = ReadModel("orders", version=1, fact=OrderChangedV2, row=OrderRow, evolve=OfLatest(order_row))
