"""The Feed API's inventory tasks. Source: Feed API 1.3, base `/sell/feed/v1`."""

import asyncio
import copy
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aiohttp import web

from services.sandbox.clock import Clock
from services.sandbox.ebay.catalogue import Catalogue
from services.sandbox.ebay.errors import error_answer
from services.sandbox.ebay.refusal import Refusal
from services.sandbox.ebay.report import report
from services.sandbox.ebay.sellers import Seller, Sellers
from services.sandbox.times import zulu
from services.sandbox.wire import json_answer

FEED_TYPE = "LMS_ACTIVE_INVENTORY_REPORT"
_WITH_RESULT = ("COMPLETED", "COMPLETED_WITH_ERROR", "PARTIALLY_PROCESSED")


@dataclass
class _Task:
    seller: Seller
    inventory: Catalogue
    own: list[dict[str, Any]]
    listing_format: str | None
    created: datetime
    completed: datetime | None = None
    asked: int = 0


class FeedRoutes:
    """/sell/feed/v1. A report tells the inventory of the moment in which its task was made."""

    def __init__(self, sellers: Sellers, clock: Clock) -> None:
        self._sellers = sellers
        self._clock = clock
        self._tasks: dict[str, _Task] = {}

    def add_to(self, app: web.Application) -> None:
        app.router.add_post("/sell/feed/v1/inventory_task", self._create)
        app.router.add_get("/sell/feed/v1/inventory_task", self._list)
        app.router.add_get("/sell/feed/v1/inventory_task/{task_id}", self._show)
        app.router.add_get("/sell/feed/v1/task/{task_id}/download_result_file", self._download)

    async def _create(self, request: web.Request) -> web.Response:
        seller = self._sellers.calling(request)
        try:
            body = json.loads(await request.read())
            feed_type, criteria = body["feedType"], body.get("filterCriteria") or {}
        except (ValueError, TypeError, KeyError, AttributeError):
            raise _refused(400, 160002, "The request body is missing or not valid.") from None
        if feed_type != FEED_TYPE:
            raise _refused(400, 160003, "The specified feed type is invalid.")
        task_id = f"task-10-{1_220_000 + len(self._tasks)}"
        inventory, own = copy.deepcopy((seller.catalogue, [*seller.own.offers.values()]))
        self._tasks[task_id] = _Task(seller, inventory, own, criteria.get("listingFormat"), self._clock.now())
        return web.Response(status=202, headers={"Location": f"{request.url.with_query(None)}/{task_id}"})

    async def _list(self, request: web.Request) -> web.Response:
        seller = self._sellers.calling(request)
        tasks = [self._shown(task_id, request) for task_id, task in self._tasks.items() if task.seller is seller]
        tasks.reverse()
        limit = int(request.query.get("limit", "10"))
        offset = int(request.query.get("offset", "0"))
        told = {"href": str(request.url), "limit": limit, "offset": offset, "total": len(tasks)}
        return json_answer({**told, "tasks": tasks[offset : offset + limit]})

    async def _show(self, request: web.Request) -> web.Response:
        task_id = request.match_info["task_id"]
        task = self._owned(request)
        task.asked += 1
        if task.completed is None and task.asked >= self._sellers.switches.feed_polls:
            task.completed = self._clock.now()
        return json_answer(self._shown(task_id, request))

    async def _download(self, request: web.Request) -> web.StreamResponse:
        task_id = request.match_info["task_id"]
        task = self._owned(request)
        if self._status(task) not in _WITH_RESULT:
            raise _refused(409, 160024, "The task has not been completed, or has no result.")
        name = f"{FEED_TYPE.lower()}-{task_id}"
        headers = {"Content-Disposition": f'attachment; filename="{name}.zip"'}
        answer = web.StreamResponse(headers=headers)
        answer.content_type = "application/octet-stream"
        await answer.prepare(request)
        for piece in report(task.inventory, task.listing_format, f"{name}.xml", task.own):
            await answer.write(piece)
            await asyncio.sleep(0)  # others are served between two pieces
        await answer.write_eof()
        return answer

    def _owned(self, request: web.Request) -> _Task:
        seller = self._sellers.calling(request)
        task = self._tasks.get(request.match_info["task_id"])
        if task is None or task.seller is not seller:
            raise _refused(404, 160013, "The task ID is invalid or belongs to somebody else.")
        return task

    def _status(self, task: _Task) -> str:
        if task.completed is not None:
            return self._sellers.switches.feed_status
        return "CREATED" if task.asked == 0 else "IN_PROCESS"

    def _shown(self, task_id: str, request: web.Request) -> dict[str, Any]:
        task = self._tasks[task_id]
        base = str(request.url.origin()) + request.path[: request.path.index("/sell/")]
        shown: dict[str, Any] = {
            "taskId": task_id,
            "status": self._status(task),
            "feedType": FEED_TYPE,
            "creationDate": zulu(task.created),
            "schemaVersion": "1.0",
            "detailHref": f"{base}/sell/feed/v1/inventory_task/{task_id}",
        }
        if task.completed is not None:
            shown["completionDate"] = zulu(task.completed)
        if task.listing_format:
            shown["filterCriteria"] = {"listingFormat": task.listing_format}
        return shown


def _refused(status: int, error_id: int, message: str) -> Refusal:
    return Refusal(error_answer(status, error_id, "API_FEED", message))
