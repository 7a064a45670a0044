"""offers: one row per offer of an account."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from libs.projection.model import Position, ReadModel, Row
from libs.read_models.history import int8, is_news, row_columns
from schemas.offers.offer_changed import OfferChangedV1


class OfferRow(Row, frozen=True, kw_only=True):
    marketplace: str
    account: str
    user_id: str
    offer_id: str
    sku_code: str
    marketplace_id: str | None
    format: str | None
    status: str
    listing_id: str | None
    listing_status: str | None
    price_value: Decimal | None
    price_currency: str | None
    available_quantity: int | None
    sold_quantity: int | None
    category: str | None
    creation_date: datetime | None
    expiration_date: datetime | None
    raw_payload: dict[str, Any]
    disappeared_at: datetime | None
    rec_created: datetime
    rec_updated: datetime


def evolve(row: OfferRow | None, fact: OfferChangedV1, position: Position) -> OfferRow | None:
    """The row after a fact: the fact's own state, if it is news."""
    if not is_news(row, fact, position):
        return row
    return OfferRow(
        *row_columns(fact, position),
        marketplace=fact.marketplace,
        account=fact.account,
        user_id=fact.user_id,
        offer_id=fact.offer_id,
        sku_code=fact.sku,
        marketplace_id=fact.site,
        format=fact.format,
        status=fact.marketplace_status,
        listing_id=fact.listing_id,
        listing_status=fact.listing_status,
        price_value=None if fact.price is None else fact.price.amount,
        price_currency=None if fact.price is None else fact.price.currency,
        available_quantity=int8(fact.quantity_available, "quantity_available"),
        sold_quantity=int8(fact.quantity_sold, "quantity_sold"),
        category=fact.category,
        creation_date=fact.created_at,
        expiration_date=fact.expires_at,
        raw_payload=dict(fact.raw),
        disappeared_at=fact.disappeared_at,
        rec_created=fact.updated_at if row is None else row.rec_created,
        rec_updated=fact.updated_at,
    )


READ_MODEL = ReadModel("offers", version=1, fact=OfferChangedV1, row=OfferRow, evolve=evolve)
