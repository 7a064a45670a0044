"""Batches: many listings created, updated or deleted by one request; each item has a fate of its own."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from libs.marketplaces.payload import Id, Moment, OptionalId, Word
from libs.marketplaces.stockx.listing import InventoryType
from libs.marketplaces.stockx.values import Currency, Expiry, Price, StockXPayload, StockXRequest

LARGEST_BATCH = 100
"""Items of one request that updates or deletes: what the contract says."""
LARGEST_CREATION = 500
"""Of one that creates: the contract names no number, so it is what the portal allows in five minutes."""


class BatchKind(StrEnum):
    """What is done to each item; the name in the path."""

    CREATE = "create-listing"
    UPDATE = "update-listing"
    DELETE = "delete-listing"


class ItemStatus(StrEnum):
    """The ones seen; an item's `status` is text. A COMPLETED batch may hold FAILED items."""

    QUEUED = "QUEUED"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"


class NewItem(StockXRequest):
    """An item of create-listing: `quantity` listings."""

    variant_id: str = Field(min_length=1)
    amount: Price
    quantity: int = Field(default=1, ge=1)
    currency_code: Currency | None = None
    expires_at: Expiry | None = None
    active: bool = True
    inventory_type: InventoryType | None = None


class ChangedItem(StockXRequest):
    """An item of update-listing; `active` activates or deactivates."""

    listing_id: str = Field(min_length=1)
    amount: Price | None = None
    currency_code: Currency | None = None
    expires_at: Expiry | None = None
    active: bool | None = None


def _count(value: object) -> object:
    """A number, which the contract's examples write as text."""
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value


Count = Annotated[int, BeforeValidator(_count), Field(ge=0)]


class ItemStatuses(StockXPayload):
    """How many items are where; a key of zero is left out."""

    queued: Count = 0
    completed: Count = 0
    failed: Count = 0


class Batch(StockXPayload):
    """A batch. `status` is text: QUEUED, IN_PROGRESS, COMPLETED were seen, and no list is published."""

    batch_id: Id
    status: Word
    total_items: Count
    created_at: Moment
    updated_at: Moment
    completed_at: Moment | None = None
    item_statuses: ItemStatuses | None = None

    @property
    def ended(self) -> bool:
        """Whether every item has its fate."""
        told = self.item_statuses
        return self.completed_at is not None or (told is not None and told.completed + told.failed >= self.total_items)


class ItemInput(StockXPayload):
    """What was asked for, told back. A deletion names the listing `id`."""

    listing_id: OptionalId = None
    told_id: OptionalId = Field(default=None, alias="id")
    variant_id: OptionalId = None
    active: bool | None = None


class ItemResult(StockXPayload):
    """What a completed item made or changed."""

    listing_id: OptionalId = None
    ask_id: OptionalId = None


def _text_or_none(value: Any) -> str | None:
    return value if isinstance(value, str) or value is None else str(value)


class BatchItem(StockXPayload):
    """The fate of one item: `result` where it is completed, `error` where it failed."""

    item_id: Id
    status: Word
    input: ItemInput | None = Field(default=None, alias="listingInput")
    result: ItemResult | None = None
    error: Annotated[str | None, BeforeValidator(_text_or_none)] = None

    @property
    def listing_id(self) -> str | None:
        """The listing that this is about; None for a creation that has not succeeded."""
        told = self.input
        return (self.result.listing_id if self.result else None) or (
            (told.listing_id or told.told_id) if told else None
        )
