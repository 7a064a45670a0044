"""Orders: those that happen when a listing is sold, and past ones made from the seed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from services.sandbox.seeded import Stream, stream, uuid
from services.sandbox.stockx.book import Book
from services.sandbox.stockx.catalogue import Catalogue
from services.sandbox.stockx.records import Listing, Match
from services.sandbox.stockx.views import payout, product_ref, variant_ref
from services.sandbox.times import zulu

PAST = frozenset({"AUTHFAILED", "DIDNOTSHIP", "CANCELED", "COMPLETED", "RETURNED"})
_NEXT: Mapping[str, tuple[tuple[str, int], ...]] = {
    "CREATED": (("SHIPPED", 94), ("CANCELED", 3), ("DIDNOTSHIP", 3)),
    "SHIPPED": (("RECEIVED", 100),),
    "RECEIVED": (("AUTHENTICATING", 100),),
    "AUTHENTICATING": (("AUTHENTICATED", 95), ("AUTHFAILED", 5)),
    "AUTHENTICATED": (("PAYOUTPENDING", 100),),
    "PAYOUTPENDING": (("PAYOUTCOMPLETED", 97), ("PAYOUTFAILED", 3)),
    "PAYOUTFAILED": (("PAYOUTPENDING", 100),),
    "PAYOUTCOMPLETED": (("COMPLETED", 100),),
}
STATUSES = PAST | {*_NEXT}


@dataclass(eq=False)
class Order:
    """A listing that was matched; `document` is the id of its shipping document."""

    number: str
    listing: Listing
    ask_id: str
    amount: str
    currency: str
    created: datetime
    updated: datetime
    document: str
    status: str = "CREATED"


class Sales:
    """The orders of all sellers; `past` old ones belong to the first seller."""

    def __init__(self, seed: int, book: Book, catalogue: Catalogue, seller: str, start: datetime, past: int) -> None:
        self._seed = seed
        self._book = book
        self._catalogue = catalogue
        self._seller = seller
        self._start = start
        self._past = past
        self._dice = stream(seed, "stockx sales")

    @cached_property
    def orders(self) -> dict[str, Order]:
        """All orders by number, the oldest first."""
        made = [self._old(number) for number in range(self._past)]
        return {order.number: order for order in made}

    def sell(self, listing: Listing, now: datetime) -> Order | None:
        """A buyer takes an active listing; None if it is not active."""
        if listing.status != "ACTIVE" or listing.ask is None:
            return None
        order = Order(
            number=self._number(self._dice, listing.inventory),
            listing=listing,
            ask_id=listing.ask.id,
            amount=listing.amount,
            currency=listing.currency,
            created=now,
            updated=now,
            document=uuid(self._dice),
        )
        listing.status, listing.match, listing.updated = "MATCHED", Match(order.number, now, order.status), now
        self.orders[order.number] = order
        return order

    def advance(self, order: Order, now: datetime, status: str | None = None) -> None:
        """The next status, or one that is named; the listing follows."""
        choices = _NEXT.get(order.status, ((order.status, 1),))
        drawn = self._dice.choices([name for name, _ in choices], [share for _, share in choices])[0]
        order.status, order.updated = status or drawn, now
        if order.listing.match is not None:
            order.listing.match.status = order.status
        if order.status in PAST:
            order.listing.status = "COMPLETED" if order.status == "COMPLETED" else "CANCELED"
            order.listing.ask, order.listing.updated = None, now

    def of(self, seller: str, *, past: bool) -> list[Order]:
        found = [each for each in self.orders.values() if each.listing.seller == seller]
        return [each for each in found if (each.status in PAST) is past]

    def _old(self, number: int) -> Order:
        dice = stream(self._seed, f"stockx order {number}")
        created = self._start - timedelta(hours=9) * (self._past - number)
        product, variant = dice.choice(list(self._catalogue.variants.values()))
        listing = Listing(
            id=uuid(dice),
            seller=self._seller,
            product=product,
            variant=variant,
            amount=str(dice.randint(60, 400)),
            currency="USD",
            expires=created + timedelta(days=999),
            inventory="STANDARD",
            created=created - timedelta(days=3),
            updated=created + timedelta(days=8),
        )
        status = dice.choices(("COMPLETED", "CANCELED", "DIDNOTSHIP", "AUTHFAILED", "RETURNED"), (88, 4, 3, 4, 1))[0]
        listing.status = "COMPLETED" if status == "COMPLETED" else "CANCELED"
        number_of = self._number(dice, "STANDARD")
        listing.match = Match(number_of, created, status)
        ask_id = str(13_000_000_000_000_000_000 + dice.getrandbits(60))
        updated = created + timedelta(days=8)
        return Order(number_of, listing, ask_id, listing.amount, "USD", created, updated, uuid(dice), status)

    def _number(self, dice: Stream, inventory: str) -> str:
        tail = f"{dice.randint(100_000_000, 999_999_999)}"
        return f"06-{tail}" if inventory == "DIRECT" else f"{tail}-{int(tail) - 100_200}"


def listed(order: Order) -> dict[str, Any]:
    """An order in a list."""
    return {
        "orderNumber": order.number,
        "listingId": order.listing.id,
        "askId": order.ask_id,
        "amount": order.amount,
        "currencyCode": order.currency,
        "status": order.status,
        "createdAt": zulu(order.created),
        "updatedAt": zulu(order.updated),
        "product": product_ref(order.listing),
        "variant": variant_ref(order.listing),
        "authenticationDetails": {"status": "FAILED", "failureNotes": "Not as described"}
        if order.status == "AUTHFAILED"
        else None,
        "payout": payout(order.amount, order.currency),
        "initiatedShipments": None,
        "inventoryType": order.listing.inventory,
        "condition": None,
        "conditionDescription": None,
    }


def one(order: Order) -> dict[str, Any]:
    """An order that was asked for: with its shipment, without conditions."""
    told = {name: value for name, value in listed(order).items() if not name.startswith("condition")}
    sent = order.status not in ("CREATED", "CANCELED", "DIDNOTSHIP")
    document = f"https://api.stockx.io/v1/orders/{order.number}/shipping-document/{order.document}"
    told["shipment"] = {
        "shipByDate": zulu(order.created + timedelta(days=3)),
        "trackingNumber": f"1Z{order.number.replace('-', '')[:16]}" if sent else None,
        "trackingUrl": None,
        "carrierCode": "ups" if sent else None,
        "shippingLabelUrl": None,
        "shippingDocumentUrl": document,
    }
    return told
