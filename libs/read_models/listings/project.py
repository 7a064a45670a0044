"""listings: one row per listing."""

from datetime import datetime
from decimal import Decimal

from libs.projection.model import ReadModel
from libs.read_models.history import EntityColumns, EntityRow, OfLatest
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


def listing_row(fact: ListingChangedV1, columns: EntityColumns) -> ListingRow:
    """The fact's own state."""
    return ListingRow(
        *columns,
        listing_id=fact.listing_id,
        product_id=fact.product_id,
        sku=fact.sku,
        title=fact.title,
        condition=fact.condition,
        price_amount=None if fact.price is None else fact.price.amount,
        price_currency=None if fact.price is None else fact.price.currency,
        quantity_available=fact.quantity_available,
        quantity_sold=fact.quantity_sold,
        category_id=fact.category_id,
        url=fact.url,
        attributes=dict(fact.attributes),
        created_at=fact.created_at,
    )


READ_MODEL = ReadModel(
    "listings",
    version=1,
    fact=ListingChangedV1,
    row=ListingRow,
    evolve=OfLatest(listing_row, bigints=("quantity_available", "quantity_sold")),
)
