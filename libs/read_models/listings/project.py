"""listings: one row per listing."""

from datetime import datetime
from decimal import Decimal

from libs.projection.model import Position, ReadModel
from libs.read_models.history import EntityRow, history, int8, is_news
from schemas.listings.listing_changed import ListingChangedV1


class ListingRow(EntityRow, frozen=True, kw_only=True):
    listing_id: str
    product_id: str | None
    sku: str | None
    title: str
    condition: str | None
    price_amount: Decimal | None
    price_currency: str | None
    quantity_available: int | None
    quantity_sold: int | None
    category_id: str | None
    url: str | None
    attributes: dict[str, str]
    created_at: datetime | None


def evolve(row: ListingRow | None, fact: ListingChangedV1, position: Position) -> ListingRow | None:
    """The row after a fact: the fact's own state, if it is news."""
    if not is_news(row, fact, position):
        return row
    return ListingRow(
        key=fact.key(),
        marketplace=fact.marketplace,
        account=fact.account,
        status=str(fact.status),
        marketplace_status=fact.marketplace_status,
        status_history=history(row, fact, position),
        listing_id=fact.listing_id,
        product_id=fact.product_id,
        sku=fact.sku,
        title=fact.title,
        condition=fact.condition,
        price_amount=None if fact.price is None else fact.price.amount,
        price_currency=None if fact.price is None else fact.price.currency,
        quantity_available=int8(fact.quantity_available, "quantity_available"),
        quantity_sold=int8(fact.quantity_sold, "quantity_sold"),
        category_id=fact.category_id,
        url=fact.url,
        attributes=dict(fact.attributes),
        created_at=fact.created_at,
        updated_at=fact.updated_at,
        event_id=position.event_id,
        correlation_id=position.correlation_id,
        log_topic=position.topic,
        log_partition=position.partition,
        log_offset=position.offset,
    )


READ_MODEL = ReadModel("listings", version=1, fact=ListingChangedV1, row=ListingRow, evolve=evolve)
