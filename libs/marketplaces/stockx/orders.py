"""Orders: active, past, one; and the papers to ship them with."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import Any, BinaryIO

from libs.marketplaces.payload import as_json
from libs.marketplaces.stockx.caller import StockXCaller, garbage, told_nothing
from libs.marketplaces.stockx.order import Order
from libs.marketplaces.stockx.paging import Page, page_query, pages, read_page
from libs.marketplaces.stockx.routes import ACTIVE_ORDERS, ORDER, PAST_ORDERS, SHIPPING_DOCUMENT, SHIPPING_DOCUMENTS

LARGEST_PAGE = 100
LARGEST_DOCUMENT = 20 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """What lists of orders are narrowed by. Days are those of the creation, and for past orders only."""

    status: str | None = None
    product_id: str | None = None
    variant_id: str | None = None
    inventory_types: tuple[str, ...] = ()
    from_date: date | None = None
    to_date: date | None = None

    def query(self) -> Mapping[str, str | None]:
        return {
            "orderStatus": self.status,
            "productId": self.product_id,
            "variantId": self.variant_id,
            "inventoryTypes": ",".join(self.inventory_types),
            "fromDate": self.from_date.isoformat() if self.from_date else None,
            "toDate": self.to_date.isoformat() if self.to_date else None,
        }


ALL = OrderFilter()


@dataclass(frozen=True, slots=True)
class ShippingDocuments:
    """The papers of a Direct order: URLs by name. `told` is what StockX said, whole."""

    required: Mapping[str, str]
    message: str | None
    additional_required: bool
    told: Mapping[str, Any] = field(default_factory=dict)


class Orders:
    """The orders of one account."""

    def __init__(self, caller: StockXCaller) -> None:
        self._caller = caller

    async def active_page(self, number: int = 1, size: int = LARGEST_PAGE, chosen: OrderFilter = ALL) -> Page[Order]:
        """One page of the orders that go on, in the order of their creation."""
        return await self._page(ACTIVE_ORDERS, number, size, chosen)

    async def past_page(self, number: int = 1, size: int = LARGEST_PAGE, chosen: OrderFilter = ALL) -> Page[Order]:
        """One page of the orders that are over."""
        return await self._page(PAST_ORDERS, number, size, chosen)

    def active(self, chosen: OrderFilter = ALL, size: int = LARGEST_PAGE) -> AsyncIterator[Page[Order]]:
        """All pages of the orders that go on. An order that ends meanwhile is in the past ones afterwards."""
        return pages(partial(self.active_page, size=size, chosen=chosen))

    def past(self, chosen: OrderFilter = ALL, size: int = LARGEST_PAGE) -> AsyncIterator[Page[Order]]:
        """All pages of the orders that are over."""
        return pages(partial(self.past_page, size=size, chosen=chosen))

    async def order(self, order_number: str) -> Order:
        """One order with its shipment; raises NotFound."""
        return await self._caller.read(Order, ORDER, {"orderNumber": order_number})

    async def shipping_document(self, order_number: str, shipping_id: str, sink: BinaryIO) -> None:
        """Write an order's shipping document (PDF) to `sink`; raises NotFound."""
        ids = {"orderNumber": order_number, "shippingId": shipping_id}
        answer = await self._caller.download(SHIPPING_DOCUMENT, sink, ids=ids, max_bytes=LARGEST_DOCUMENT)
        if sink.tell() == 0:
            raise told_nothing(f"GET {SHIPPING_DOCUMENT}", answer)

    async def shipping_documents(self, order_number: str) -> ShippingDocuments | None:
        """The papers of a Direct order, None if there are none yet; raises BadRequest for other orders."""
        answer = await self._caller.call("GET", SHIPPING_DOCUMENTS, ids={"orderNumber": order_number})
        if answer.body is None:
            return None
        body = answer.body
        if not isinstance(body, dict) or not isinstance(body.get("shippingDocuments", 0), dict | None):
            raise garbage(f"GET {SHIPPING_DOCUMENTS}", "the answer has no shippingDocuments", answer)
        told = body["shippingDocuments"]
        if told is None:
            return None
        required = told.get("requiredDocuments")
        message = told.get("message")
        return ShippingDocuments(
            {str(name): str(url) for name, url in required.items()} if isinstance(required, dict) else {},
            message if isinstance(message, str) else None,
            told.get("additionalDocumentsRequired") is True,
            as_json(told),
        )

    async def _page(self, route: str, number: int, size: int, chosen: OrderFilter) -> Page[Order]:
        query = page_query(number, size, LARGEST_PAGE, chosen.query())
        answer = await self._caller.call("GET", route, query=query)
        return read_page(f"GET {route}", answer, Order, "orders", number)
