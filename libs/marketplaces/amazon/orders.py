"""Orders API v0: `getOrders`, `getOrder`, `getOrderItems`.

Dates in queries are ISO 8601; an answer's `NextToken` leads to the next page, and is sent alone with the marketplace.
Orders are told two minutes after they have changed, at the earliest (the default of `LastUpdatedBefore`). An order that
is `Pending` has no prices yet, one that is `Canceled` has quantities of none.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, TypeVar
from urllib.parse import quote

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_pascal

from libs.http.errors import Garbage
from libs.marketplaces.amazon.caller import AmazonCaller
from libs.marketplaces.payload import Amount, Id, Malformed, Moment, OptionalId, Payload, Word
from schemas.values import format_time

_ORDERS = "/orders/v0/orders"
_ORDER = "/orders/v0/orders/{orderId}"
_ITEMS = "/orders/v0/orders/{orderId}/orderItems"

LARGEST_PAGE = 100


class OrdersPayload(Payload):
    """A JSON object of the Orders API: PascalCase; unknown fields are kept."""

    model_config = ConfigDict(alias_generator=to_pascal)


P = TypeVar("P", bound=OrdersPayload)


class OrderMoney(OrdersPayload):
    """`{"CurrencyCode": "USD", "Amount": "799.99"}`."""

    currency_code: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    amount: Amount


class BuyerInfo(OrdersPayload):
    """Who bought. The address is Amazon's own for this buyer and seller; both need a role that not everybody has."""

    buyer_email: str | None = None
    buyer_name: str | None = None


class Order(OrdersPayload):
    """An order. `OrderStatus`: Pending, Unshipped, PartiallyShipped, Shipped, Canceled, Unfulfillable, …"""

    amazon_order_id: Id
    order_status: Word
    purchase_date: Moment
    last_update_date: Moment
    order_total: OrderMoney | None = None
    marketplace_id: str | None = None
    buyer_info: BuyerInfo | None = None


class OrderItem(OrdersPayload):
    """A line of an order."""

    order_item_id: Id
    asin: Annotated[OptionalId, Field(alias="ASIN")] = None
    seller_sku: Annotated[str | None, Field(alias="SellerSKU")] = None
    title: str | None = None
    quantity_ordered: int = 0
    item_price: OrderMoney | None = None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An entry of a page that is no order: what Amazon told, and why it cannot be read."""

    told: Any
    reason: str


@dataclass(frozen=True, slots=True)
class OrderPage:
    """A page of orders; one that cannot be read does not hide the others."""

    orders: tuple[Order, ...]
    unreadable: tuple[Unreadable, ...]


class Orders:
    """The orders of one seller. All calls raise an ApiError."""

    def __init__(self, caller: AmazonCaller) -> None:
        self._caller = caller

    async def updated_since(
        self, moment: datetime, marketplace_id: str, *, page_size: int = LARGEST_PAGE
    ) -> AsyncIterator[OrderPage]:
        """Orders that have changed since a moment, page by page."""
        first = {"LastUpdatedAfter": format_time(moment), "MaxResultsPerPage": str(page_size)}
        query = {"MarketplaceIds": marketplace_id, **first}
        while True:
            answer = await self._caller.call("GET", _ORDERS, operation=_ORDERS, query=query)
            payload = _payload(answer.body, f"GET {_ORDERS}")
            told = payload.get("Orders")
            yield _page(told if isinstance(told, list) else [])
            token = payload.get("NextToken")
            if not isinstance(token, str) or not token:
                return
            query = {"MarketplaceIds": marketplace_id, "NextToken": token}

    async def order(self, order_id: str) -> Order:
        """One order; raises NotFound."""
        answer = await self._caller.call("GET", _path(_ORDER, order_id), operation=_ORDER)
        return _read(Order, _payload(answer.body, f"GET {_ORDER}"), f"GET {_ORDER}")

    async def items(self, order_id: str) -> list[OrderItem]:
        """An order's lines, of all pages."""
        found: list[OrderItem] = []
        query: dict[str, str] = {}
        while True:
            answer = await self._caller.call("GET", _path(_ITEMS, order_id), operation=_ITEMS, query=query)
            told = _payload(answer.body, f"GET {_ITEMS}")
            found += [_read(OrderItem, each, f"GET {_ITEMS}") for each in told.get("OrderItems") or ()]
            token = told.get("NextToken")
            if not isinstance(token, str) or not token:
                return found
            query = {"NextToken": token}


def _path(route: str, order_id: str) -> str:
    return route.format(orderId=quote(order_id, safe=""))


def _payload(body: Any, operation: str) -> dict[str, Any]:
    payload = body.get("payload") if isinstance(body, dict) else None
    if not isinstance(payload, dict):
        raise Garbage(operation, "the answer has no payload")
    return payload


def _page(told: list[Any]) -> OrderPage:
    orders: list[Order] = []
    unreadable: list[Unreadable] = []
    for each in told:
        try:
            orders.append(Order.read(each))
        except Malformed as error:
            unreadable.append(Unreadable(each, str(error)))
    return OrderPage(tuple(orders), tuple(unreadable))


def _read(model: type[P], told: Any, operation: str) -> P:
    try:
        return model.read(told)
    except Malformed as error:
        raise Garbage(operation, str(error)) from None
