"""Batches: their items are worked off one after another; each is an operation of its listing, with its own fate."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from services.sandbox.stockx.book import Book
from services.sandbox.stockx.goods import Product, Variant
from services.sandbox.stockx.records import Listing, Operation
from services.sandbox.times import zulu

BETWEEN_ITEMS = timedelta(milliseconds=50)


@dataclass(eq=False)
class Item:
    """An item; `told` is the input as StockX tells it back."""

    id: str
    told: dict[str, Any]
    wants: Mapping[str, Any]
    status: str = "QUEUED"
    listing: Listing | None = None
    error: str | None = None


@dataclass(eq=False)
class Batch:
    """A batch of a seller; `kind` is create-listing, update-listing or delete-listing."""

    id: str
    seller: str
    kind: str
    created: datetime
    updated: datetime
    items: list[Item]

    @property
    def ended(self) -> bool:
        return all(item.status in ("COMPLETED", "FAILED") for item in self.items)


class Batches:
    """All batches by their id."""

    def __init__(self, book: Book, goods: Callable[[str], tuple[Product, Variant] | None]) -> None:
        self._book = book
        self._goods = goods
        self.all: dict[str, Batch] = {}

    def take(self, seller: str, kind: str, wants: Sequence[Mapping[str, Any]], now: datetime) -> Batch:
        """Queue a batch; a creation's `quantity` makes so many items."""
        items = [
            Item(self._book.new_id(), _told(kind, each), each) for each in wants for _ in range(each.get("quantity", 1))
        ]
        batch = Batch(self._book.new_id(), seller, kind, now, now, items)
        self.all[batch.id] = batch
        for place, item in enumerate(items, 1):
            self._book.at(now + place * BETWEEN_ITEMS, self._start(batch, item))
        return batch

    def _start(self, batch: Batch, item: Item) -> Callable[[datetime], None]:
        def start(when: datetime) -> None:
            batch.updated, item.status = when, "IN_PROGRESS"
            listing = self._listing(batch, item, when)
            if listing is None:
                item.status, item.error = "FAILED", f"Not found: {'variant' if 'variantId' in item.told else 'listing'}"
                return
            kind, wants = _operation(batch.kind, item.wants, listing)
            item.listing = listing
            self._book.begin(listing, kind, wants, when, then=ended)

        def ended(_listing: Listing, operation: Operation) -> None:
            batch.updated = operation.updated
            item.status, item.error = ("FAILED", operation.error) if operation.error else ("COMPLETED", None)

        return start

    def _listing(self, batch: Batch, item: Item, when: datetime) -> Listing | None:
        if batch.kind == "create-listing":
            goods = self._goods(item.wants["variantId"])
            return self._book.add(batch.seller, goods, item.wants, when, batch=(batch.id, item.id)) if goods else None
        found = self._book.listings.get(item.wants["listingId"])
        return found if found is not None and found.seller == batch.seller else None


def _operation(kind: str, wants: Mapping[str, Any], listing: Listing) -> tuple[str, dict[str, Any]]:
    """The operation that an item is; an update that says `active` is the change of it, with the rest."""
    inner = {name: value for name, value in wants.items() if name in ("amount", "currencyCode", "expiresAt", "active")}
    if kind == "create-listing":
        return "CREATE", inner
    if kind == "delete-listing":
        return "DELETE", {}
    active = inner.pop("active", None)
    if active is not None and active != (listing.status == "ACTIVE"):
        return ("ACTIVATE" if active else "DEACTIVATE"), inner
    return "UPDATE", inner


def _told(kind: str, wants: Mapping[str, Any]) -> dict[str, Any]:
    told = {**wants} | ({"expiresAt": zulu(wants["expiresAt"])} if "expiresAt" in wants else {})
    if kind == "delete-listing":
        return {"id": told["listingId"]}
    if kind == "update-listing":
        return {"active": None, **told}
    names = ("active", "currencyCode", "variantId", "expiresAt", "amount")
    return {name: told.get(name, {"active": True, "currencyCode": "USD"}.get(name)) for name in names}


def shown(batch: Batch) -> dict[str, Any]:
    """A batch; its counts are text and leave out zero, as in StockX's examples."""
    done = {
        "completed": sum(item.status == "COMPLETED" for item in batch.items),
        "failed": sum(item.status == "FAILED" for item in batch.items),
    }
    counts = {"queued": len(batch.items) - sum(done.values()), **done}
    begun = any(item.status != "QUEUED" for item in batch.items)
    return {
        "batchId": batch.id,
        "status": "COMPLETED" if batch.ended else "IN_PROGRESS" if begun else "QUEUED",
        "completedAt": zulu(batch.updated) if batch.ended else None,
        "createdAt": zulu(batch.created),
        "updatedAt": zulu(batch.updated),
        "totalItems": len(batch.items),
        "itemStatuses": {name: str(count) for name, count in counts.items() if count},
    }


def shown_item(item: Item) -> dict[str, Any]:
    """An item: `result` only where it succeeded, `error` only where it failed."""
    told: dict[str, Any] = {"itemId": item.id, "status": item.status, "listingInput": item.told}
    if item.status == "COMPLETED" and item.listing is not None:
        ask = {"askId": item.listing.ask.id} if item.listing.ask else {}
        told["result"] = {**ask, "listingId": item.listing.id}
    if item.error is not None:
        told["error"] = item.error
    return told
