"""`POST /v1/databases/{id}/query` and `GET /v1/pages/{id}` as Notion answers them, and `/_notion/pages` to write in the
database, of which Notion tells by webhooks, where it has a target.

Source: developers.notion.com, version 2022-06-28.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from aiohttp import web
from pydantic import ConfigDict

from libs.http.server import Problem
from services.sandbox.clock import Clock
from services.sandbox.control_requests import ControlRequest, read
from services.sandbox.faults import FaultAnswers, FaultKind
from services.sandbox.notifier import Notifier
from services.sandbox.notion.notices import PageEvent, Subscription, channel, verification
from services.sandbox.notion.pages import Sale, SalesDatabase
from services.sandbox.seeded import secret, stream, uuid
from services.sandbox.times import zulu
from services.sandbox.wire import json_answer

NAME = "notion"
VERSIONS = ("2022-02-22", "2022-06-28")
_LARGEST_PAGE = 100


def error_answer(status: int, code: str, message: str, retry_after: int | None = None) -> web.Response:
    """Notion's errors."""
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return json_answer({"object": "error", "status": status, "code": code, "message": message}, status, headers)


FAULT_ANSWERS: FaultAnswers = {
    FaultKind.OUTAGE: lambda fault: error_answer(
        fault.status, "service_unavailable", "Notion is unavailable.", fault.retry_after
    ),
    FaultKind.BLOCKED: lambda _fault: error_answer(403, "restricted_resource", "Insufficient permissions."),
    FaultKind.RATE_LIMITED: lambda fault: error_answer(
        429, "rate_limited", "You have been rate limited.", fault.retry_after
    ),
    FaultKind.UNAUTHORIZED: lambda _fault: error_answer(401, "unauthorized", "API token is invalid."),
    FaultKind.NOT_FOUND: lambda _fault: error_answer(404, "object_not_found", "Could not find database."),
}


class Cells(ControlRequest):
    """POST /_notion/pages, PATCH /_notion/pages/{id}: what is left out stays as it is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str = ""
    sku: str = ""
    size: str | None = None
    gross: Decimal | None = None
    net: Decimal | None = None
    sold_on: str | None = None
    order_number: str | None = None
    platform: str = "StockX"
    status: str = "Sold"
    trashed: bool = False


class Notion:
    """The stand-in for Notion."""

    def __init__(self, seed: int, database: SalesDatabase, clock: Clock, target: str | None) -> None:
        self._database = database
        self._clock = clock
        self._ids = stream(seed, "notion events")
        self.token = f"ntn_{secret(seed, 'notion token', 43)}"
        self.subscription = Subscription(
            id=uuid(self._ids),
            token=f"secret_{secret(seed, 'notion verification token', 43)}",
            workspace_id=uuid(self._ids),
            integration_id=uuid(self._ids),
            author_id=uuid(self._ids),
        )
        self.channel = channel(target) if target else None

    def accounts(self) -> dict[str, Any]:
        """What a client must be configured with."""
        return {"token": self.token, "database_id": self._database.id}

    def subscriptions(self) -> dict[str, Any]:
        """What a receiver of webhooks must be configured with."""
        return {"verification_token": self.subscription.token}

    def application(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/v1/databases/{database_id}/query", self._query)
        app.router.add_get("/v1/pages/{page_id}", self._page)
        return app

    def add_control(self, app: web.Application, notifier: Notifier) -> None:
        async def write(request: web.Request) -> web.Response:
            return await self._write(request, notifier)

        async def subscribe(_request: web.Request) -> web.Response:
            return json_answer({"deliveries": notifier.send_now(NAME, [verification(self.subscription)])}, 201)

        app.router.add_post("/_notion/pages", write)
        app.router.add_patch("/_notion/pages/{id}", write)
        app.router.add_post("/_notion/subscribe", subscribe)

    async def _query(self, request: web.Request) -> web.Response:
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        try:
            body = await request.json() if request.can_read_body else {}
            size, cursor = body.get("page_size", _LARGEST_PAGE), body.get("start_cursor")
        except (ValueError, AttributeError):
            return error_answer(400, "invalid_json", "Error parsing JSON body.")
        if type(size) is not int or not 1 <= size <= _LARGEST_PAGE:
            return error_answer(400, "validation_error", f"page_size should be ≤ {_LARGEST_PAGE}.")
        sales = sorted(self._database.shown(), key=lambda each: each.created)
        places = {each.id: place for place, each in enumerate(sales)}
        if cursor is not None and cursor not in places:
            return error_answer(400, "validation_error", "The start_cursor provided is invalid.")
        begin = places[cursor] if cursor else 0
        following = sales[begin + size].id if begin + size < len(sales) else None
        return json_answer(
            {
                "object": "list",
                "results": [_page(each, self._database.id) for each in sales[begin : begin + size]],
                "next_cursor": following,
                "has_more": following is not None,
                "type": "page_or_database",
                "page_or_database": {},
            }
        )

    async def _page(self, request: web.Request) -> web.Response:
        refusal = self._refused_caller(request)
        if refusal is not None:
            return refusal
        sale = self._database.find(request.match_info["page_id"])
        if sale is None:
            return error_answer(404, "object_not_found", "Could not find page.")
        return json_answer(_page(sale, self._database.id))

    def _refusal(self, request: web.Request) -> web.Response | None:
        refusal = self._refused_caller(request)
        if refusal is not None:
            return refusal
        if request.match_info["database_id"].replace("-", "") != self._database.id.replace("-", ""):
            return error_answer(404, "object_not_found", "Could not find database.")
        return None

    def _refused_caller(self, request: web.Request) -> web.Response | None:
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return error_answer(401, "unauthorized", "API token is invalid.")
        if "Notion-Version" not in request.headers:
            return error_answer(400, "missing_version", "Notion-Version header should be defined.")
        if request.headers["Notion-Version"] not in VERSIONS:
            return error_answer(400, "validation_error", "Notion-Version header is not one of the known versions.")
        return None

    async def _write(self, request: web.Request, notifier: Notifier) -> web.Response:
        cells = (await read(request, Cells)).model_dump(exclude_unset=True)
        page_id = request.match_info.get("id")
        before = None if page_id is None else self._database.find(page_id)
        written = self._database.write(page_id, **cells)
        if written is None:
            raise Problem(404, "There is no such page.")
        notifier.send_now(NAME, [self._event(before, written, cells)])
        return json_answer(_page(written, self._database.id), 200 if "id" in request.match_info else 201)

    def _event(self, before: Sale | None, after: Sale, cells: Iterable[str]) -> PageEvent:
        """What Notion tells of a page that was written."""
        kind = "page.created" if before is None else "page.properties_updated"
        if before is not None and before.trashed is not after.trashed:
            kind = "page.deleted" if after.trashed else "page.undeleted"
        return PageEvent(
            subscription=self.subscription,
            topic=kind,
            resource=f"/v1/pages/{after.id}",
            id=uuid(self._ids),
            at=self._clock.now(),
            page_id=after.id,
            database_id=self._database.id,
            properties=sorted(cells),
        )


def _page(sale: Sale, database_id: str) -> dict[str, Any]:
    return {
        "object": "page",
        "id": sale.id,
        "created_time": zulu(sale.created),
        "last_edited_time": zulu(sale.edited),
        "created_by": {"object": "user", "id": "00000000-0000-4000-8000-000000000001"},
        "last_edited_by": {"object": "user", "id": "00000000-0000-4000-8000-000000000001"},
        "cover": None,
        "icon": None,
        "parent": {"type": "database_id", "database_id": database_id},
        "archived": sale.trashed,
        "in_trash": sale.trashed,
        "properties": {
            "Name": _cell("title", [_text(sale.title)] if sale.title else []),
            "SKU": _cell("rich_text", [_text(sale.sku)] if sale.sku else []),
            "Size": _cell("select", None if sale.size is None else {"id": "s", "name": sale.size, "color": "gray"}),
            "Gross Sale": _cell("number", _number(sale.gross)),
            "Net Sale": _cell("number", _number(sale.net)),
            "Sale Date": _cell("date", sale.sold_on and {"start": sale.sold_on, "end": None, "time_zone": None}),
            "Order No.": _cell("rich_text", [_text(sale.order_number)] if sale.order_number else []),
            "Sale Platform": _cell("select", {"id": "p", "name": sale.platform, "color": "green"}),
            "Status": _cell("status", {"id": "t", "name": sale.status, "color": "blue"}),
        },
        "url": f"https://www.notion.so/{sale.id.replace('-', '')}",
        "public_url": None,
    }


def _cell(kind: str, value: Any) -> dict[str, Any]:
    return {"id": kind[:4], "type": kind, kind: value}


def _text(content: str) -> dict[str, Any]:
    return {
        "type": "text",
        "text": {"content": content, "link": None},
        "annotations": {
            "bold": False,
            "italic": False,
            "strikethrough": False,
            "underline": False,
            "code": False,
            "color": "default",
        },
        "plain_text": content,
        "href": None,
    }


def _number(value: Decimal | None) -> float | int | None:
    return None if value is None else int(value) if value == int(value) else float(value)
