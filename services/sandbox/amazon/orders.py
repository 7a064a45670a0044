"""Orders of Amazon's buyers, and the Orders API v0 that tells them."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from aiohttp import web

from services.sandbox.amazon.errors import Refusal
from services.sandbox.amazon.listings import CURRENCIES, Item
from services.sandbox.amazon.tokens import Tokens
from services.sandbox.clock import Clock
from services.sandbox.people import person, street
from services.sandbox.seeded import stream
from services.sandbox.times import zulu
from services.sandbox.wire import json_answer

STATUSES = ("Pending", "Unshipped", "PartiallyShipped", "Shipped", "Canceled")
_PAGE = 20
_MOST = 100


@dataclass
class Order:
    """An order of one item."""

    id: str
    seller: str
    marketplace_id: str
    sku: str
    asin: str
    title: str
    quantity: int
    price: Decimal
    status: str
    placed: datetime
    updated: datetime
    buyer: str
    email: str
    address: str


class Orders:
    """All orders. A sale takes its units from the listing's stock; without enough of it there is none."""

    def __init__(self, seed: int, clock: Clock) -> None:
        self._clock = clock
        self._source = stream(seed, "amazon orders")
        self.by_id: dict[str, Order] = {}
        self.unreadable: list[dict[str, Any]] = []

    def place(self, seller: str, item: Item, quantity: int) -> Order | None:
        """A buyer buys; None where the item cannot be bought so often."""
        if item.price is None or item.quantity < quantity:
            return None
        item.attributes["fulfillment_availability"] = [
            {"fulfillment_channel_code": "DEFAULT", "quantity": item.quantity - quantity}
        ]
        source, now = self._source, self._clock.now()
        who = person(source, len(self.by_id))
        numbers = (source.randint(100, 999), source.randint(1_000_000, 9_999_999), source.randint(1_000_000, 9_999_999))
        order_id = "-".join(map(str, numbers))
        order = Order(
            id=order_id,
            seller=seller,
            marketplace_id=item.marketplace_id,
            sku=item.sku,
            asin=item.asin,
            title=item.title,
            quantity=quantity,
            price=item.price,
            status="Unshipped",
            placed=now,
            updated=now,
            buyer=f"{who.first_name} {who.last_name}",
            email=f"{order_id[:11]}@marketplace.amazon.invalid",
            address=street(source),
        )
        self.by_id[order.id] = order
        return order

    def place_unreadable(self) -> dict[str, Any]:
        """An order of another shape than the documented one, which every seller is told of."""
        order = {"AmazonOrderId": f"unreadable-{len(self.unreadable) + 1}", "OrderStatus": {"code": 7}}
        self.unreadable.append(order)
        return order

    def become(self, order: Order, status: str) -> None:
        """Another status, now."""
        order.status, order.updated = status, max(self._clock.now(), order.updated + timedelta(milliseconds=1))


class OrderRoutes:
    """/orders/v0/orders"""

    def __init__(self, tokens: Tokens, orders: Orders) -> None:
        self._tokens = tokens
        self._orders = orders

    def add_to(self, app: web.Application) -> None:
        app.router.add_get("/orders/v0/orders", self._list)
        app.router.add_get("/orders/v0/orders/{id}", self._one)
        app.router.add_get("/orders/v0/orders/{id}/orderItems", self._items)

    async def _list(self, request: web.Request) -> web.Response:
        seller, query = self._tokens.calling(request), request.query
        token = query.get("NextToken")
        since, offset = _token(token) if token else (_since(query), 0)
        wanted = {*query.get("MarketplaceIds", "").split(",")}
        if not wanted & CURRENCIES.keys():
            raise Refusal(400, "InvalidInput", "MarketplaceIds is missing or invalid.")
        found = [
            order
            for order in sorted(self._orders.by_id.values(), key=lambda each: (each.updated, each.id))
            if order.seller == seller and order.marketplace_id in wanted and order.updated >= since
        ]
        size = min(int(query.get("MaxResultsPerPage", str(_PAGE))), _MOST)
        told = [order_body(each) for each in found[offset : offset + size]]
        payload: dict[str, Any] = {"Orders": told if offset else [*self._orders.unreadable, *told]}
        if offset + size < len(found):
            payload["NextToken"] = f"{since.isoformat()} {offset + size}"
        return json_answer({"payload": payload})

    async def _one(self, request: web.Request) -> web.Response:
        return json_answer({"payload": order_body(self._order(request))})

    async def _items(self, request: web.Request) -> web.Response:
        order = self._order(request)
        money = {"CurrencyCode": CURRENCIES[order.marketplace_id], "Amount": str(order.price * order.quantity)}
        priced = {} if order.status == "Pending" else {"ItemPrice": money}
        item = {
            "ASIN": order.asin,
            "SellerSKU": order.sku,
            "OrderItemId": order.id.replace("-", "")[:14],
            "Title": order.title,
            "QuantityOrdered": 0 if order.status == "Canceled" else order.quantity,
            "QuantityShipped": order.quantity if order.status == "Shipped" else 0,
            **priced,
        }
        return json_answer({"payload": {"AmazonOrderId": order.id, "OrderItems": [item]}})

    def _order(self, request: web.Request) -> Order:
        order = self._orders.by_id.get(request.match_info["id"])
        if order is None or order.seller != self._tokens.calling(request):
            raise Refusal(404, "NotFound", "The requested order was not found.")
        return order


def order_body(order: Order) -> dict[str, Any]:
    """An order as getOrder tells it."""
    total = {"CurrencyCode": CURRENCIES[order.marketplace_id], "Amount": str(order.price * order.quantity)}
    shipped = order.status == "Shipped"
    return {
        "AmazonOrderId": order.id,
        "PurchaseDate": zulu(order.placed),
        "LastUpdateDate": zulu(order.updated),
        "OrderStatus": order.status,
        "FulfillmentChannel": "MFN",
        "SalesChannel": "Amazon.com",
        **({} if order.status == "Pending" else {"OrderTotal": total}),
        "NumberOfItemsShipped": order.quantity if shipped else 0,
        "NumberOfItemsUnshipped": 0 if shipped or order.status == "Canceled" else order.quantity,
        "MarketplaceId": order.marketplace_id,
        "BuyerInfo": {"BuyerName": order.buyer, "BuyerEmail": order.email},
        "ShippingAddress": {"Name": order.buyer, "AddressLine1": order.address, "CountryCode": "US"},
    }


def _since(query: Any) -> datetime:
    text = query.get("LastUpdatedAfter", query.get("CreatedAfter", ""))
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        raise Refusal(400, "InvalidInput", "CreatedAfter or LastUpdatedAfter must be specified.") from None


def _token(text: str) -> tuple[datetime, int]:
    since, _, offset = text.partition(" ")
    try:
        return datetime.fromisoformat(since), int(offset)
    except ValueError:
        raise Refusal(400, "InvalidInput", "NextToken is invalid.") from None
