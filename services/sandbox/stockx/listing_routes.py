"""/v2/selling/listings: writes begin operations, reads tell what has come of them."""

from datetime import date, datetime
from typing import Any

from aiohttp import web

from services.sandbox.stockx.book import Book
from services.sandbox.stockx.caller import SELLER
from services.sandbox.stockx.catalogue import Catalogue
from services.sandbox.stockx.errors import Refusal, not_found
from services.sandbox.stockx.inputs import CHANGE, NEW, body_of, checked, identifier
from services.sandbox.stockx.paging import day, page_of, several, whole
from services.sandbox.stockx.records import Listing
from services.sandbox.stockx.views import listed, one, polled, started
from services.sandbox.wire import json_answer

_STATUSES = frozenset({"INACTIVE", "ACTIVE", "CANCELED", "MATCHED", "COMPLETED"})


class ListingRoutes:
    """The calling seller's listings; others' are not found."""

    def __init__(self, catalogue: Catalogue, book: Book) -> None:
        self._catalogue = catalogue
        self._book = book

    def add_to(self, app: web.Application) -> None:
        router, one_listing = app.router, "/v2/selling/listings/{listingId}"
        router.add_post("/v2/selling/listings", self._create)
        router.add_get("/v2/selling/listings", self._list)
        router.add_get(one_listing, self._get)
        router.add_patch(one_listing, self._update)
        router.add_delete(one_listing, self._delete)
        router.add_put(f"{one_listing}/activate", self._activate)
        router.add_put(f"{one_listing}/deactivate", self._deactivate)
        router.add_get(f"{one_listing}/operations", self._operations)
        router.add_get(f"{one_listing}/operations/{{operationId}}", self._operation)

    async def _create(self, request: web.Request) -> web.Response:
        told, now = await body_of(request), self._book.settle()
        wants = checked(told, NEW, ("variantId", "amount"), now)
        goods = self._catalogue.variant(wants["variantId"])
        if goods is None:
            raise Refusal(400, "Unknown variantId")
        listing = self._book.add(request[SELLER], goods, wants, now)
        return json_answer(started(listing, self._book.begin(listing, "CREATE", wants, now)), 201)

    async def _update(self, request: web.Request) -> web.Response:
        return await self._write(request, "UPDATE", told=await body_of(request))

    async def _delete(self, request: web.Request) -> web.Response:
        return await self._write(request, "DELETE", told={})

    async def _activate(self, request: web.Request) -> web.Response:
        return await self._write(request, "ACTIVATE", told=await body_of(request))

    async def _deactivate(self, request: web.Request) -> web.Response:
        return await self._write(request, "DEACTIVATE", told={})

    async def _write(self, request: web.Request, kind: str, told: Any) -> web.Response:
        now = self._book.settle()
        listing = self._own(request)
        wants = checked(told, CHANGE, (), now)
        return json_answer(started(listing, self._book.begin(listing, kind, wants, now)))

    async def _list(self, request: web.Request) -> web.Response:
        now = self._book.settle()
        found = sorted(self._chosen(request, now), key=lambda each: (each.created, each.id))
        return json_answer(page_of(request, "listings", found, listed, most=100))

    def _chosen(self, request: web.Request, now: datetime) -> list[Listing]:
        """The listings that a request is narrowed to; deleted ones are never in lists."""
        statuses = several(request, "listingStatuses", _STATUSES)
        products, variants = several(request, "productIds"), several(request, "variantIds")
        batches, kinds = several(request, "batchIds"), several(request, "inventoryTypes")
        first, last = day(request, "fromDate", date.min), day(request, "toDate", date.max)
        expired = request.query.get("isExpired", "false")
        if expired not in ("true", "false"):
            raise Refusal(400, "isExpired must be true or false")
        return [
            each
            for each in self._book.listings.values()
            if each.seller == request[SELLER]
            and each.status != "DELETED"
            and (not statuses or each.status in statuses)
            and (not products or each.product.id in products)
            and (not variants or each.variant.id in variants)
            and (not batches or (each.batch is not None and each.batch[0] in batches))
            and (not kinds or each.inventory in kinds)
            and first <= each.created.date() <= last
            and (expired == "false" or each.expires <= now)
        ]

    async def _get(self, request: web.Request) -> web.Response:
        self._book.settle()
        return json_answer(one(self._own(request)))

    async def _operations(self, request: web.Request) -> web.Response:
        """Pages by a cursor, the newest operation first."""
        self._book.settle()
        listing, size = self._own(request), whole(request, "pageSize", 10, 100)
        cursor = request.query.get("cursor", "0")
        if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 9):
            raise Refusal(400, "Invalid cursor")
        newest = listing.operations[::-1]
        start = int(cursor)
        following = str(start + size) if start + size < len(newest) else None
        shown = [polled(listing, each) for each in newest[start : start + size]]
        return json_answer({"nextCursor": following, "operations": shown})

    async def _operation(self, request: web.Request) -> web.Response:
        self._book.settle()
        listing, wanted = self._own(request), identifier(request, "operationId")
        found = next((each for each in listing.operations if each.id == wanted), None)
        if found is None:
            raise not_found()
        return json_answer(polled(listing, found))

    def _own(self, request: web.Request) -> Listing:
        found = self._book.listings.get(identifier(request, "listingId"))
        if found is None or found.seller != request[SELLER]:
            raise not_found()
        return found
