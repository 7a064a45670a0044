"""/v2/selling/orders: active, history, one, and its shipping documents."""

from datetime import date

from aiohttp import web

from services.sandbox.stockx.book import Book
from services.sandbox.stockx.caller import SELLER
from services.sandbox.stockx.errors import Refusal, not_found
from services.sandbox.stockx.paging import day, page_of, several
from services.sandbox.stockx.sales import Order, Sales, listed, one
from services.sandbox.wire import json_answer

_PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n%% "


class OrderRoutes:
    """The calling seller's orders."""

    def __init__(self, sales: Sales, book: Book) -> None:
        self._sales = sales
        self._book = book

    def add_to(self, app: web.Application) -> None:
        router, one_order = app.router, "/v2/selling/orders/{orderNumber}"
        router.add_get("/v2/selling/orders/active", self._active)
        router.add_get("/v2/selling/orders/history", self._history)
        router.add_get(one_order, self._order)
        router.add_get(f"{one_order}/shipping-document", self._documents)
        router.add_get(f"{one_order}/shipping-document/{{shippingId}}", self._document)

    async def _active(self, request: web.Request) -> web.Response:
        if request.query.get("sortOrder", "CREATEDAT") not in ("CREATEDAT", "SHIPBYDATE"):
            raise Refusal(400, "Invalid sortOrder")
        return json_answer(page_of(request, "orders", self._chosen(request, past=False), listed, most=100))

    async def _history(self, request: web.Request) -> web.Response:
        first, last = day(request, "fromDate", date.min), day(request, "toDate", date.max)
        found = [each for each in self._chosen(request, past=True) if first <= each.created.date() <= last]
        return json_answer(page_of(request, "orders", found, listed, most=100))

    def _chosen(self, request: web.Request, *, past: bool) -> list[Order]:
        self._book.settle()
        query, kinds = request.query, several(request, "inventoryTypes")
        return [
            each
            for each in self._sales.of(request[SELLER], past=past)
            if query.get("orderStatus", each.status) == each.status
            and query.get("productId", each.listing.product.id) == each.listing.product.id
            and query.get("variantId", each.listing.variant.id) == each.listing.variant.id
            and (not kinds or each.listing.inventory in kinds)
        ]

    async def _order(self, request: web.Request) -> web.Response:
        return json_answer(one(self._own(request)))

    async def _document(self, request: web.Request) -> web.Response:
        order = self._own(request)
        if request.match_info["shippingId"] != order.document:
            raise not_found()
        return web.Response(body=_PDF + order.number.encode() + b"\n%%EOF\n", content_type="application/pdf")

    async def _documents(self, request: web.Request) -> web.Response:
        order = self._own(request)
        if order.listing.inventory != "DIRECT":
            raise Refusal(400, "Shipping documents exist for Direct orders only")
        url = f"https://documents.sandbox.invalid/{order.number}"
        told = {
            "requiredDocuments": {"packingSlip": f"{url}/slip.pdf", "label": f"{url}/label.pdf"},
            "message": "Put the packing slip into the box.",
            "additionalDocumentsRequired": False,
            "thermalLabelOnly": f"{url}/thermal.pdf",
        }
        return json_answer({"shippingDocuments": None if order.status == "CREATED" else told})

    def _own(self, request: web.Request) -> Order:
        self._book.settle()
        order = self._sales.orders.get(request.match_info["orderNumber"])
        if order is None or order.listing.seller != request[SELLER]:
            raise not_found()
        return order
