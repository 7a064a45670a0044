"""Orders in the form of the Fulfillment API: those of the past, made from the seed, and those that happen.

Source: Fulfillment API, `Order`. An order that happens is the same one that an ORDER_CONFIRMATION tells of.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from services.sandbox.ebay import goods
from services.sandbox.ebay.catalogue import Catalogue
from services.sandbox.ebay.draw import Draw
from services.sandbox.ebay.goods import Good
from services.sandbox.people import person
from services.sandbox.seeded import stream
from services.sandbox.times import zulu

_APART = timedelta(minutes=13)


@dataclass
class Sale:
    """An order's facts; lines are (lineItemId, number of the item, units)."""

    order_id: str
    created: datetime
    modified: datetime
    buyer: str
    lines: tuple[tuple[str, int, int], ...]
    fulfillment: str = "NOT_STARTED"


@dataclass
class Sales:
    """One seller's orders. The past ones are made on request, `past` of them, thirteen minutes apart until `start`."""

    seed: str
    seller: str
    start: datetime
    past: int
    made: dict[str, Sale] = field(default_factory=dict)

    def happened(self, order: Mapping[str, Any]) -> None:
        """An order of the living world: `orderId`, `creationDate`, `lineItems` with `lineItemId` and `itemId`."""
        lines = tuple((each["lineItemId"], goods.listing_number(each["itemId"]) or 0, 1) for each in order["lineItems"])
        buyer = person(stream(0, f"{self.seed}/buyer/{len(self.made)}"), len(self.made)).nickname.lower()
        created = order["creationDate"]
        self.made[order["orderId"]] = Sale(order["orderId"], created, created, buyer, lines)

    def fulfil(self, order_id: str, moment: datetime) -> Sale | None:
        """The seller ships an order of the living world: it is modified."""
        sale = self.made.get(order_id)
        if sale is not None:
            sale.fulfillment, sale.modified = "FULFILLED", max(moment, sale.modified + timedelta(seconds=1))
        return sale

    def __iter__(self) -> Iterator[Sale]:
        for number in range(self.past):
            yield self._past(number)
        yield from self.made.values()

    def with_id(self, order_id: str) -> Sale | None:
        if order_id in self.made:
            return self.made[order_id]
        digits = order_id.rpartition("-")[2]
        number = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 8 else self.past
        sale = self._past(number) if number < self.past else None
        return sale if sale is not None and sale.order_id == order_id else None

    def _past(self, number: int) -> Sale:
        draw = Draw(f"{self.seed}/order/{number}")
        created = self.start - _APART * (self.past - number)
        lines = tuple(
            (str(10_000_000_000 + 10 * number + line), draw.below(20), 1 + draw.below(2))
            for line in range(1 + draw.chance(20))
        )
        return Sale(
            order_id=f"{10 + draw.below(18):02d}-{10_000 + draw.below(90_000)}-{number:05d}",
            created=created,
            modified=created + timedelta(minutes=draw.below(12)),
            buyer=f"buyer{draw.below(1000)}",
            lines=lines,
            fulfillment="FULFILLED" if draw.chance(70) else "NOT_STARTED",
        )


def body(sale: Sale, seller: str, catalogue: Catalogue) -> dict[str, Any]:
    """The order as `getOrder` tells it."""
    lines = [_line(sale, each, catalogue) for each in sale.lines]
    total = sum((Decimal(line["total"]["value"]) for line in lines), Decimal(0))
    return {
        "orderId": sale.order_id,
        "creationDate": zulu(sale.created),
        "lastModifiedDate": zulu(sale.modified),
        "orderFulfillmentStatus": sale.fulfillment,
        "orderPaymentStatus": "PAID",
        "sellerId": seller,
        "buyer": {"username": sale.buyer},
        "pricingSummary": {"priceSubtotal": _usd(total), "deliveryCost": _usd(Decimal(0)), "total": _usd(total)},
        "cancelStatus": {"cancelState": "NONE_REQUESTED", "cancelRequests": []},
        "paymentSummary": {"totalDueSeller": _usd(total), "refunds": [], "payments": []},
        "fulfillmentHrefs": [],
        "lineItems": lines,
        "salesRecordReference": sale.order_id.rpartition("-")[2],
        "ebayCollectAndRemitTax": False,
    }


def _line(sale: Sale, line: tuple[str, int, int], catalogue: Catalogue) -> dict[str, Any]:
    line_item_id, number, units = line
    good = Good(catalogue.seed, number)
    cost = Decimal(goods.price(good)) * units
    return {
        "lineItemId": line_item_id,
        "legacyItemId": good.listing_id,
        "sku": good.sku,
        "title": goods.item(good)["product"]["title"],
        "lineItemCost": _usd(cost),
        "quantity": units,
        "soldFormat": "FIXED_PRICE",
        "listingMarketplaceId": "EBAY_US",
        "purchaseMarketplaceId": "EBAY_US",
        "lineItemFulfillmentStatus": sale.fulfillment,
        "total": _usd(cost),
        "taxes": [],
    }


def _usd(amount: Decimal) -> dict[str, str]:
    return {"value": str(amount), "currency": "USD"}
