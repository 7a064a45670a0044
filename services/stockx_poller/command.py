"""A command to change a listing, as it is kept; and the requests to StockX that it becomes."""

import json
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from pydantic import BaseModel, ConfigDict

from libs.db.pool import Record
from libs.marketplaces.stockx.batch import ChangedItem, NewItem
from libs.marketplaces.stockx.listing import InventoryType, ListingChange, NewListing
from libs.marketplaces.stockx.translate import MARKETPLACE
from schemas.listing_operations.listing_operation_changed import (
    Initiator,
    ListingOperationChangedV1,
    OperationKind,
    OperationStatus,
)
from schemas.values import Money
from services.stockx_poller.situation import Kind

DEFAULT_CURRENCY = "USD"
"""StockX's, where a request names none."""


class Wants(BaseModel):
    """What a command asks for; what it does not tell stays as it is (or is StockX's default)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    amount: Decimal | None = None
    currency_code: str | None = None
    expires_at: datetime | None = None
    active: bool = True
    inventory_type: InventoryType | None = None


@dataclass(frozen=True, slots=True)
class Command:
    """A row of `stockx_poller.operations` that a user asked for.

    `before`: StockX's time of the listing's last change, as it was known when the command was sent.
    """

    id: str
    account: str
    user_id: str | None
    kind: Kind
    listing_id: str | None
    variant_id: str | None
    wants: Wants
    status: str
    attempts: int
    sent_at: datetime | None
    batch_no: str | None
    item_id: str | None
    operation_id: str | None
    fact: ListingOperationChangedV1 | None
    before: datetime | None = None

    @classmethod
    def of(cls, row: Record) -> "Command":
        return cls(
            id=row["id"],
            account=row["account"],
            user_id=row["user_id"],
            kind=Kind(row["kind"]),
            listing_id=row["listing_id"],
            variant_id=row["variant_id"],
            wants=Wants.model_validate(json.loads(row["wants"])),
            status=row["status"],
            attempts=row["attempts"],
            sent_at=row["sent_at"],
            batch_no=row["batch_no"],
            item_id=row["item_id"],
            operation_id=row["operation_id"],
            fact=ListingOperationChangedV1.model_validate_json(row["fact"]) if row["fact"] else None,
            before=row["before"],
        )

    @property
    def listing(self) -> str:
        """The listing's id; raises ValueError for a creation."""
        if self.listing_id is None:
            raise ValueError(f"{self.id} names no listing")
        return self.listing_id

    @property
    def expects(self) -> str | None:
        """The status that the listing has after success, None for the one that it had."""
        match self.kind:
            case Kind.CREATE:
                return "ACTIVE" if self.wants.active else "INACTIVE"
            case Kind.ACTIVATE:
                return "ACTIVE"
            case Kind.DEACTIVATE:
                return "INACTIVE"
            case Kind.DELETE:
                return "DELETED"
            case _:
                return None

    def new_listing(self) -> NewListing:
        """The body of a single creation."""
        return NewListing.model_validate({"variant_id": self.variant_id, **self._told(), "active": self.wants.active})

    def new_item(self) -> NewItem:
        """The item of a batch of creations."""
        return NewItem.model_validate({"variant_id": self.variant_id, **self._told(), "active": self.wants.active})

    def change(self) -> ListingChange:
        """The body of an update or an activation."""
        wants = self.wants
        return ListingChange(amount=wants.amount, currency_code=wants.currency_code, expires_at=wants.expires_at)

    def changed_item(self) -> ChangedItem:
        """The item of a batch of updates."""
        active = {Kind.ACTIVATE: True, Kind.DEACTIVATE: False}.get(self.kind)
        wants = self.wants
        return ChangedItem(
            listing_id=self.listing,
            amount=wants.amount,
            currency_code=wants.currency_code,
            expires_at=wants.expires_at,
            active=active,
        )

    def started(self, at: datetime, *, batch_id: str | None = None) -> ListingOperationChangedV1:
        """The operation, accepted by StockX."""
        amount, currency = self.wants.amount, self.wants.currency_code or DEFAULT_CURRENCY
        return ListingOperationChangedV1(
            marketplace=MARKETPLACE,
            account=self.account,
            id=self.id,
            status=OperationStatus.STARTED,
            marketplace_status="PENDING",
            kind=OperationKind(self.kind),
            marketplace_kind=self.kind.upper(),
            initiated_by=Initiator.COMMAND,
            requested_by=self.user_id,
            operation_id=self.operation_id,
            batch_id=batch_id,
            listing_id=self.listing_id,
            variant_id=self.variant_id,
            price=None if amount is None else Money(amount=amount, currency=currency),
            started_at=at,
            updated_at=at,
        )

    def _told(self) -> dict[str, object]:
        wants = self.wants
        return {
            "amount": wants.amount,
            "currency_code": wants.currency_code,
            "expires_at": wants.expires_at,
            "inventory_type": wants.inventory_type,
        }
