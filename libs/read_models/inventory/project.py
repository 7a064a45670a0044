"""inventory: one row per SKU of an account."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from libs.projection.model import Position, ReadModel, Row
from libs.read_models.history import int8, is_news, row_columns
from schemas.inventory.inventory_changed import InventoryChangedV1


class InventoryRow(Row, frozen=True, kw_only=True):
    marketplace: str
    account: str
    user_id: str
    sku_code: str
    title: str | None
    condition: str | None
    part_number: str | None
    model: str | None
    category: str | None
    price_value: Decimal | None
    price_currency: str | None
    quantity: int | None
    ebay_listing_id: str | None
    ebay_status: str
    photo_count: int
    raw_payload: dict[str, Any]
    disappeared_at: datetime | None
    rec_created: datetime
    rec_updated: datetime


def evolve(row: InventoryRow | None, fact: InventoryChangedV1, position: Position) -> InventoryRow | None:
    """The row after a fact: the fact's own state, if it is news."""
    if not is_news(row, fact, position):
        return row
    return InventoryRow(
        *row_columns(fact, position),
        marketplace=fact.marketplace,
        account=fact.account,
        user_id=fact.user_id,
        sku_code=fact.sku,
        title=fact.title,
        condition=None if fact.condition is None else str(fact.condition),
        part_number=fact.part_number,
        model=fact.model,
        category=fact.category,
        price_value=None if fact.price is None else fact.price.amount,
        price_currency=None if fact.price is None else fact.price.currency,
        quantity=int8(fact.quantity, "quantity"),
        ebay_listing_id=fact.offers[0].offer_id if fact.offers else None,
        ebay_status=str(fact.status),
        photo_count=int8(fact.photo_count, "photo_count") or 0,
        raw_payload=dict(fact.raw),
        disappeared_at=fact.disappeared_at,
        rec_created=fact.updated_at if row is None else row.rec_created,
        rec_updated=fact.updated_at,
    )


READ_MODEL = ReadModel("inventory", version=1, fact=InventoryChangedV1, row=InventoryRow, evolve=evolve)
