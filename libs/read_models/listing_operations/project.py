"""listing_operations: one row per operation on a listing, with the history of its status."""

from datetime import datetime
from decimal import Decimal

from libs.projection.model import ReadModel
from libs.read_models.history import EntityColumns, EntityRow, OfLatest
from schemas.listing_operations.listing_operation_changed import ListingOperationChangedV1


class ListingOperationRow(EntityRow, frozen=True, kw_only=True):
    id: str
    kind: str
    marketplace_kind: str
    initiated_by: str
    initiated_via: str | None
    requested_by: str | None
    operation_id: str | None
    batch_id: str | None
    listing_id: str | None
    variant_id: str | None
    price_amount: Decimal | None
    price_currency: str | None
    error: str | None
    started_at: datetime
    ended_at: datetime | None


def listing_operation_row(fact: ListingOperationChangedV1, columns: EntityColumns) -> ListingOperationRow:
    """The fact's own state."""
    return ListingOperationRow(
        *columns,
        id=fact.id,
        kind=str(fact.kind),
        marketplace_kind=fact.marketplace_kind,
        initiated_by=str(fact.initiated_by),
        initiated_via=fact.initiated_via,
        requested_by=fact.requested_by,
        operation_id=fact.operation_id,
        batch_id=fact.batch_id,
        listing_id=fact.listing_id,
        variant_id=fact.variant_id,
        price_amount=None if fact.price is None else fact.price.amount,
        price_currency=None if fact.price is None else fact.price.currency,
        error=fact.error,
        started_at=fact.started_at,
        ended_at=fact.ended_at,
    )


READ_MODEL = ReadModel(
    "listing_operations",
    version=1,
    fact=ListingOperationChangedV1,
    row=ListingOperationRow,
    evolve=OfLatest(listing_operation_row),
)
