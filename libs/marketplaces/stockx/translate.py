"""StockX's listings, operations and orders → our facts: pure functions. Each raises Malformed when no fact can be made.

| ours                | StockX's                                                                                       |
|---------------------|------------------------------------------------------------------------------------------------|
| listing's `sku`     | none: the style id is the product's, and stands in `attributes`                                |
| quantity            | 1 while it is active: a listing is one pair                                                    |
| order's `buyer`     | `stockx`: StockX tells nobody's name. The goods go to StockX, and StockX pays                  |
| order's `paid`      | none: the payout is the seller's, and stands in `raw`                                          |
| `updated_at`        | the resource's own; of an order without one its creation                                       |

Source: StockX Public API 2.0.0 (contract).
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from functools import wraps
from typing import ParamSpec, TypeVar

from pydantic import ValidationError

from libs.marketplaces.payload import Malformed
from libs.marketplaces.stockx.listing import Listing
from libs.marketplaces.stockx.order import Order
from libs.marketplaces.stockx.values import whole
from schemas.event import Fact
from schemas.listings.listing_changed import ListingChangedV1, ListingStatus
from schemas.orders.order_changed import Buyer, OrderChangedV2, OrderLine, OrderStatus
from schemas.registry import summary
from schemas.values import Money

MARKETPLACE = "stockx"
BUYER = "stockx"

LISTING_STATUSES: Mapping[str, ListingStatus] = {
    "INACTIVE": ListingStatus.INACTIVE,
    "ACTIVE": ListingStatus.ACTIVE,
    "CANCELED": ListingStatus.CLOSED,
    "MATCHED": ListingStatus.CLOSED,
    "COMPLETED": ListingStatus.CLOSED,
    "DELETED": ListingStatus.CLOSED,
}
ORDER_STATUSES: Mapping[str, OrderStatus] = {
    "CREATED": OrderStatus.PLACED,
    "PENDING": OrderStatus.PLACED,
    "CCAUTHORIZATIONFAILED": OrderStatus.PAYMENT_PENDING,
    "SHIPPED": OrderStatus.SHIPPED,
    "RECEIVED": OrderStatus.DELIVERED,
    "AUTHENTICATING": OrderStatus.DELIVERED,
    "AUTHENTICATED": OrderStatus.DELIVERED,
    "SYSTEMFULFILLED": OrderStatus.DELIVERED,
    "PAYOUTPENDING": OrderStatus.DELIVERED,
    "PAYOUTFAILED": OrderStatus.DELIVERED,
    "PAYOUTCOMPLETED": OrderStatus.PAID,
    "COMPLETED": OrderStatus.PAID,
    "AUTHFAILED": OrderStatus.CANCELLED,
    "DIDNOTSHIP": OrderStatus.CANCELLED,
    "CANCELED": OrderStatus.CANCELLED,
    "DONOTSHIP": OrderStatus.CANCELLED,
    "RETURNED": OrderStatus.RETURNED,
}
"""SUSPENDED, UNKNOWN and whatever StockX may add are `unknown`. PAID is: the seller has the money."""

_OVER = frozenset({"AUTHFAILED", "DIDNOTSHIP", "CANCELED", "COMPLETED", "RETURNED"})

_DECIMALS = 8
"""More than any currency has, fewer than are noise."""

P = ParamSpec("P")
F = TypeVar("F", bound=Fact)


def valid(translate: Callable[P, F]) -> Callable[P, F]:
    """A fact refuses what its schema forbids: that is a malformed payload, too."""

    @wraps(translate)
    def translated(*arguments: P.args, **more: P.kwargs) -> F:
        try:
            return translate(*arguments, **more)
        except ValidationError as error:
            raise Malformed(f"{translate.__name__}: {summary(error)}") from None

    return translated


@valid
def listing_changed(listing: Listing, account: str) -> ListingChangedV1:
    """A listing's state, from a page or from one that was asked for."""
    product, variant = listing.product, listing.variant
    told = {
        "style_id": product.style_id if product else None,
        "variant_id": variant.variant_id if variant else None,
        "size": variant.variant_value if variant else None,
        "inventory_type": listing.inventory_type,
        "order_number": listing.order.order_number if listing.order else None,
    }
    return ListingChangedV1(
        marketplace=MARKETPLACE,
        account=account,
        listing_id=listing.listing_id,
        product_id=product.product_id if product else None,
        title=(product.product_name if product else None) or "",
        status=LISTING_STATUSES.get(listing.status, ListingStatus.UNKNOWN),
        marketplace_status=listing.status,
        price=_money(listing.amount, listing.currency_code),
        quantity_available=1 if listing.status == "ACTIVE" else 0,
        attributes={name: value for name, value in told.items() if value},
        created_at=listing.created_at,
        updated_at=listing.updated_at,
        raw=whole(listing),
    )


def deleted(known: ListingChangedV1, at: datetime) -> ListingChangedV1:
    """The state of a listing whose deletion has succeeded: pages do not show it any more. `at` is StockX's time."""
    return known.model_copy(
        update={
            "status": ListingStatus.CLOSED,
            "marketplace_status": "DELETED",
            "quantity_available": 0,
            "updated_at": max(at, known.updated_at),
        }
    )


@valid
def order_changed(order: Order, account: str) -> OrderChangedV2:
    """An order's state; raises Malformed for one without a time, an amount or a currency."""
    placed_at = order.created_at or order.updated_at
    total = _money(order.amount, order.currency_code)
    if placed_at is None or total is None:
        raise Malformed(
            f"order {order.order_number} tells no {'time' if placed_at is None else 'amount in a currency'}"
        )
    updated_at = order.updated_at or placed_at
    product, variant = order.product, order.variant
    payout = order.payout
    fees = [one.amount for one in payout.adjustments if one.amount is not None and one.amount < 0] if payout else []
    fee = (
        _money(_exact(-sum(fees, Decimal(0))), payout.currency_code or order.currency_code) if payout and fees else None
    )
    line = OrderLine(
        item_id=order.listing_id or (variant.variant_id if variant else order.order_number),
        variation_id=variant.variant_id if variant else None,
        sku=product.style_id if product else None,
        title=(product.product_name if product else None) or "",
        quantity=1,
        unit_price=total,
        sale_fee=fee,
    )
    return OrderChangedV2(
        marketplace=MARKETPLACE,
        account=account,
        order_id=order.order_number,
        status=ORDER_STATUSES.get(order.status, OrderStatus.UNKNOWN),
        marketplace_status=order.status,
        placed_at=placed_at,
        updated_at=updated_at,
        closed_at=updated_at if order.status in _OVER else None,
        total=total,
        lines=[line],
        buyer=Buyer(id=BUYER),
        raw=whole(order),
    )


def _exact(amount: Decimal) -> Decimal:
    """Without the noise of binary floating point."""
    rounded = round(amount, _DECIMALS)
    return amount if rounded == amount else rounded.normalize()


def _money(amount: Decimal | None, currency: str | None) -> Money | None:
    return None if amount is None or currency is None else Money(amount=amount, currency=currency)
