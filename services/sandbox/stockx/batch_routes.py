"""/v2/selling/batch: create-listing, update-listing, delete-listing."""

from collections.abc import Callable, Mapping

from aiohttp import web

from services.sandbox.stockx.batches import Batch, Batches, shown, shown_item
from services.sandbox.stockx.book import Book
from services.sandbox.stockx.caller import SELLER
from services.sandbox.stockx.errors import Refusal, not_found
from services.sandbox.stockx.inputs import CHANGE, NEW, body_of, checked, identifier
from services.sandbox.stockx.limits import Meter
from services.sandbox.stockx.switches import Switches
from services.sandbox.wire import json_answer

_KINDS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...], int]] = {
    "create-listing": ((*NEW, "quantity"), ("variantId", "amount", "quantity"), 500),
    "update-listing": (("listingId", *CHANGE, "active"), ("listingId",), 100),
    "delete-listing": (("listingId",), ("listingId",), 100),
}
"""By kind: which properties an item may have, which it must, and how many items a batch may have."""

_STATUSES = ("", "QUEUED", "IN_PROGRESS", "COMPLETED", "FAILED")


class BatchRoutes:
    """The calling seller's batches."""

    def __init__(self, batches: Batches, book: Book, meter: Meter, switches: Callable[[], Switches]) -> None:
        self._batches = batches
        self._book = book
        self._meter = meter
        self._switches = switches

    def add_to(self, app: web.Application) -> None:
        kind = f"/v2/selling/batch/{{kind:{'|'.join(_KINDS)}}}"
        app.router.add_post(kind, self._take)
        app.router.add_get(f"{kind}/{{batchId}}", self._status)
        app.router.add_get(f"{kind}/{{batchId}}/items", self._items)

    async def _take(self, request: web.Request) -> web.Response:
        told, now = await body_of(request), self._book.settle()
        kind = request.match_info["kind"]
        allowed, required, most = _KINDS[kind]
        items = told.get("items")
        if {*told} != {"items"} or not isinstance(items, list) or not 1 <= len(items) <= most:
            raise Refusal(400, f"items must be a list of 1 to {most}")
        wants = [checked(each, allowed, required, now) for each in items]
        amount = sum(each.get("quantity", 1) for each in wants)
        self._meter.items(amount, self._switches())
        return json_answer(shown(self._batches.take(request[SELLER], kind, wants, now)))

    async def _status(self, request: web.Request) -> web.Response:
        return json_answer(shown(self._own(request)))

    async def _items(self, request: web.Request) -> web.Response:
        batch, status = self._own(request), request.query.get("status", "")
        if status not in _STATUSES:
            raise Refusal(400, "Invalid status")
        return json_answer({"items": [shown_item(each) for each in batch.items if status in ("", each.status)]})

    def _own(self, request: web.Request) -> Batch:
        self._book.settle()
        batch = self._batches.all.get(identifier(request, "batchId"))
        if batch is None or batch.seller != request[SELLER] or batch.kind != request.match_info["kind"]:
            raise not_found()
        return batch
