"""StockX's operations → our facts: the words, and operations that nobody here asked for."""

from collections.abc import Mapping
from datetime import datetime

from libs.marketplaces.stockx.operation import Initiator as ToldInitiator
from libs.marketplaces.stockx.operation import LastOperation, Operation
from libs.marketplaces.stockx.operation import OperationStatus as ToldStatus
from libs.marketplaces.stockx.translate import MARKETPLACE, valid
from libs.marketplaces.stockx.values import whole
from schemas.listing_operations.listing_operation_changed import (
    Initiator,
    ListingOperationChangedV1,
    OperationKind,
    OperationStatus,
)

OURS = "PUBLIC-API"
"""`operationInitiatedVia` of what came over the API."""

STATUSES: Mapping[ToldStatus, OperationStatus] = {
    ToldStatus.PENDING: OperationStatus.STARTED,
    ToldStatus.SUCCEEDED: OperationStatus.SUCCEEDED,
    ToldStatus.FAILED: OperationStatus.FAILED,
}


def kind_of(word: str) -> OperationKind:
    """Our word for StockX's `operationType`."""
    return OperationKind(word.lower()) if word.lower() in set(OperationKind) else OperationKind.OTHER


def commanded_elsewhere(operation: Operation) -> bool:
    """Whether an operation that is not known here was started by StockX, or by the seller in its app or on its pages.

    Those over the API are ours: of a batch's items StockX tells no operation ids, so they cannot be known by them.
    """
    return operation.initiated_by is ToldInitiator.SYSTEM or operation.initiated_via not in (None, OURS)


@valid
def found_operation(
    operation: Operation, account: str, variant_id: str | None, at: datetime
) -> ListingOperationChangedV1:
    """An operation that nobody here asked for, as it was found at `at` (our clock)."""
    return ListingOperationChangedV1(
        marketplace=MARKETPLACE,
        account=account,
        id=operation.operation_id,
        status=STATUSES[operation.status],
        marketplace_status=operation.status,
        kind=kind_of(operation.type),
        marketplace_kind=operation.type,
        initiated_by=Initiator.SYSTEM if operation.initiated_by is ToldInitiator.SYSTEM else Initiator.SELLER,
        initiated_via=operation.initiated_via,
        operation_id=operation.operation_id,
        listing_id=operation.listing_id,
        variant_id=variant_id,
        error=operation.error,
        started_at=operation.created_at,
        ended_at=operation.updated_at if operation.ended else None,
        updated_at=at,
        raw=whole(operation),
    )


def as_told(
    known: ListingOperationChangedV1, told: Operation | LastOperation, at: datetime
) -> ListingOperationChangedV1:
    """A known operation in the state that StockX tells of it now."""
    ended = told.status is not ToldStatus.PENDING
    return known.model_copy(
        update={
            "status": STATUSES[told.status],
            "marketplace_status": str(told.status),
            "marketplace_kind": told.type,
            "initiated_via": told.initiated_via,
            "operation_id": told.operation_id,
            "error": told.error,
            "ended_at": told.updated_at if ended else None,
            "updated_at": max(at, known.updated_at),
            "raw": whole(told),
        }
    )
