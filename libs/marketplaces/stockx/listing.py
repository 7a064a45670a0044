"""A listing: the wrapper around an ask. Its `amount` is changed by its seller only, never by StockX."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from libs.marketplaces.payload import EmptyIfNone, Id, Moment, OptionalId, Word
from libs.marketplaces.stockx.operation import LastOperation
from libs.marketplaces.stockx.values import (
    ComputedAmount,
    Currency,
    Expiry,
    OptionalAmount,
    Price,
    StockXPayload,
    StockXRequest,
)


class ListingStatus(StrEnum):
    """INACTIVE ⇄ ACTIVE → MATCHED (there is an order) → COMPLETED; CANCELED; DELETED. A listing's `status` is text."""

    INACTIVE = "INACTIVE"
    ACTIVE = "ACTIVE"
    CANCELED = "CANCELED"
    MATCHED = "MATCHED"
    COMPLETED = "COMPLETED"
    DELETED = "DELETED"


class InventoryType(StrEnum):
    """Where the goods are when they are listed."""

    STANDARD = "STANDARD"
    DIRECT = "DIRECT"


class NewListing(StockXRequest):
    """POST /selling/listings. Several listings of one variant are allowed."""

    variant_id: str = Field(min_length=1)
    amount: Price
    currency_code: Currency | None = None
    expires_at: Expiry | None = None
    active: bool = True
    inventory_type: InventoryType | None = None


class ListingChange(StockXRequest):
    """PATCH of a listing, and what may be changed when it is activated."""

    amount: Price | None = None
    currency_code: Currency | None = None
    expires_at: Expiry | None = None


class BatchRef(StockXPayload):
    """The batch that made a listing."""

    batch_id: OptionalId = None
    task_id: OptionalId = None


class Ask(StockXPayload):
    """The ask behind an active listing."""

    ask_id: Id
    ask_created_at: Moment | None = None
    ask_updated_at: Moment | None = None
    ask_expires_at: Moment | None = None


class OrderRef(StockXPayload):
    """The order that a listing was matched with."""

    order_number: OptionalId = None
    order_created_at: Moment | None = None
    order_status: str | None = None


class ProductRef(StockXPayload):
    """The product of a listing or an order."""

    product_id: Id
    product_name: str | None = None
    style_id: str | None = None


class VariantRef(StockXPayload):
    """The variant of a listing or an order."""

    variant_id: Id
    variant_name: str | None = None
    variant_value: str | None = None


class Adjustment(StockXPayload):
    """A fee (negative) or a bonus."""

    adjustment_type: str | None = None
    amount: ComputedAmount = None
    percentage: ComputedAmount = None


class Payout(StockXPayload):
    """What the seller gets."""

    total_payout: ComputedAmount = None
    sale_price: ComputedAmount = None
    total_adjustments: ComputedAmount = None
    currency_code: Currency | None = None
    adjustments: Annotated[list[Adjustment], EmptyIfNone] = Field(default_factory=list)


class Listing(StockXPayload):
    """A listing; `payout` and `last_operation` are there where one listing was asked for."""

    listing_id: Id
    status: Word
    amount: OptionalAmount = None
    currency_code: Currency | None = None
    inventory_type: str | None = None
    created_at: Moment
    updated_at: Moment
    batch: BatchRef | None = None
    ask: Ask | None = None
    order: OrderRef | None = None
    product: ProductRef | None = None
    variant: VariantRef | None = None
    payout: Payout | None = None
    last_operation: LastOperation | None = None
