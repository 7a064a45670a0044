"""Orders: `getOrders` by modification date, `getOrder`.

Source: Fulfillment API, base `/sell/fulfillment/v1`. Here `offset` counts records. No notification tells of an order
that changed later (only ORDER_CONFIRMATION of its payment), so changes are found by asking for what was modified.
"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import quote

from pydantic import Field

from libs.http.errors import Garbage
from libs.marketplaces.ebay.caller import EbayCaller
from libs.marketplaces.ebay.paging import FIRST, Cursor, Page, pages, read_page
from libs.marketplaces.ebay.values import EbayAmount, EbayPayload
from libs.marketplaces.payload import KEPT, EmptyIfNone, Id, Malformed, Moment, OptionalId

LARGEST_PAGE = 200

_ORDERS = "/sell/fulfillment/v1/order"
_ORDER = "/sell/fulfillment/v1/order/{id}"


class OrderBuyer(EbayPayload):
    """`buyer`. Since 2025-09 `username` may be an immutable id instead of a name."""

    username: str | None = None


class OrderPricing(EbayPayload):
    """`pricingSummary`."""

    total: EbayAmount | None = None


class OrderPayment(EbayPayload):
    """`paymentSummary.payments[]`. `payment_status` is PENDING, PAID or FAILED."""

    payment_reference_id: OptionalId = None
    payment_status: Annotated[str | None, KEPT] = None
    amount: Annotated[EbayAmount | None, KEPT] = None


class OrderPayments(EbayPayload):
    """`paymentSummary`."""

    payments: Annotated[list[OrderPayment], EmptyIfNone] = Field(default_factory=list)


class OrderCancellation(EbayPayload):
    """`cancelStatus`. `cancel_state` is NONE_REQUESTED, IN_PROGRESS or CANCELED."""

    cancel_state: Annotated[str | None, KEPT] = None


class OrderLineItem(EbayPayload):
    """`lineItems[]`."""

    line_item_id: Annotated[Id, KEPT]
    legacy_item_id: Annotated[OptionalId, KEPT] = None
    legacy_variation_id: OptionalId = None
    sku: str | None = None
    title: str | None = None
    quantity: int = Field(ge=1)
    line_item_cost: Annotated[EbayAmount | None, KEPT] = None
    """For all units of the line, before discounts."""
    total: Annotated[EbayAmount | None, KEPT] = None


class EbayOrder(EbayPayload):
    """An order of the account as a seller."""

    order_id: Id
    creation_date: Moment
    last_modified_date: Moment
    order_fulfillment_status: Annotated[str | None, KEPT] = None
    """NOT_STARTED, IN_PROGRESS, FULFILLED"""
    order_payment_status: Annotated[str | None, KEPT] = None
    """PENDING, PAID, FAILED, PARTIALLY_REFUNDED, FULLY_REFUNDED"""
    seller_id: Annotated[str | None, KEPT] = None
    buyer: OrderBuyer | None = None
    pricing_summary: OrderPricing | None = None
    payment_summary: OrderPayments | None = None
    cancel_status: OrderCancellation | None = None
    line_items: Annotated[list[OrderLineItem], EmptyIfNone] = Field(default_factory=list)


class Orders:
    """The orders of one account."""

    def __init__(self, caller: EbayCaller) -> None:
        self._caller = caller

    async def page(self, since: datetime, until: datetime | None = None, cursor: Cursor = FIRST) -> Page[EbayOrder]:
        """One page of the orders modified from `since` (aware) to `until` (None: now). Raises an ApiError."""
        if not 1 <= cursor.limit <= LARGEST_PAGE:
            raise ValueError(f"limit must be 1 to {LARGEST_PAGE}, not {cursor.limit}")
        window = f"lastmodifieddate:[{_zulu(since)}..{_zulu(until) if until else ''}]"
        query = {"filter": window, **cursor.query()}
        answer = await self._caller.call("GET", _ORDERS, operation=_ORDERS, query=query)
        return read_page(
            f"GET {_ORDERS}",
            answer.body,
            cursor,
            name="orders",
            model=EbayOrder,
            identity=_order_id,
            counts_items=True,
        )

    def modified(
        self,
        since: datetime,
        until: datetime | None = None,
        start: Cursor = FIRST,
    ) -> AsyncIterator[Page[EbayOrder]]:
        """All pages of the orders modified in the window. Give `until`, so that the window does not grow meanwhile."""

        async def fetch(cursor: Cursor) -> Page[EbayOrder]:
            return await self.page(since, until, cursor)

        return pages(fetch, start)

    async def order(self, order_id: str) -> EbayOrder:
        """One order; raises NotFound, or another ApiError."""
        answer = await self._caller.call("GET", _ORDER.format(id=quote(order_id, safe="")), operation=_ORDER)
        try:
            return EbayOrder.read(answer.body)
        except Malformed as error:
            raise Garbage(f"GET {_ORDER}", str(error), status=answer.status) from None


def _zulu(moment: datetime) -> str:
    """`2026-06-05T12:00:00.000Z`, the form that eBay's filters take; raises ValueError without an offset."""
    if moment.tzinfo is None:
        raise ValueError("a time must carry its offset from UTC")
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def _order_id(told: Any) -> str | None:
    order_id = told.get("orderId") if isinstance(told, dict) else None
    return order_id[:200] if isinstance(order_id, str) and order_id else None
