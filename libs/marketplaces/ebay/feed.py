"""The Feed API's inventory task: a report of all active listings, made by eBay in the background.

create (202, its id in `Location`) → poll until it ends → download (a ZIP with one XML file; see report.py).
Source: Feed API 1.3, base `/sell/feed/v1`; feed type LMS_ACTIVE_INVENTORY_REPORT.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from libs.http.errors import ApiError, Garbage, Later, RateLimited, Unavailable
from libs.marketplaces.ebay.caller import EbayCaller
from libs.marketplaces.ebay.values import EbayPayload
from libs.marketplaces.payload import Id, Malformed, Moment, Word

REPORT = "LMS_ACTIVE_INVENTORY_REPORT"
MOST_BYTES = 1024**3
"""Of a downloaded report. 100,000 SKUs are about 2 MB compressed."""

_TASKS = "/sell/feed/v1/inventory_task"
_TASK = "/sell/feed/v1/inventory_task/{id}"
_RESULT = "/sell/feed/v1/task/{id}/download_result_file"
_LOCATION = re.compile(r"/inventory_task/([A-Za-z0-9_.-]{1,128})/?$")


class TaskStatus(StrEnum):
    """A task's `status`. Those that end it stand in ENDED."""

    CREATED = "CREATED"
    QUEUED = "QUEUED"
    IN_PROCESS = "IN_PROCESS"
    COMPLETED = "COMPLETED"
    COMPLETED_WITH_ERROR = "COMPLETED_WITH_ERROR"
    FAILED = "FAILED"
    PARTIALLY_PROCESSED = "PARTIALLY_PROCESSED"


RESULT_READY = frozenset({TaskStatus.COMPLETED, TaskStatus.COMPLETED_WITH_ERROR, TaskStatus.PARTIALLY_PROCESSED})
ENDED = RESULT_READY | {TaskStatus.FAILED}


class InventoryTask(EbayPayload):
    """A task as it is now; `status` is one of TaskStatus, or a newer word."""

    task_id: Id
    status: Word
    feed_type: str | None = None
    creation_date: Moment | None = None
    completion_date: Moment | None = None

    @property
    def ended(self) -> bool:
        return self.status in ENDED

    @property
    def result_ready(self) -> bool:
        return self.status in RESULT_READY


class TaskFailed(ApiError):
    """eBay ended the task without a result: a new one may succeed."""


class Feed:
    """The inventory tasks of one account."""

    def __init__(self, caller: EbayCaller, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._caller = caller
        self._sleep = sleep

    async def create(self, listing_format: str | None = None) -> str:
        """Order a report; returns the task's id. `listing_format`: FIXED_PRICE, AUCTION, None for both.

        Not repeated by itself: an Unavailable leaves open whether a task was made (`tasks` tells). Raises an ApiError.
        """
        body: dict[str, Any] = {"schemaVersion": "1.0", "feedType": REPORT}
        if listing_format is not None:
            body["filterCriteria"] = {"listingFormat": listing_format}
        answer = await self._caller.call("POST", _TASKS, operation=_TASKS, body=body, repeatable=False)
        found = _LOCATION.search(answer.headers.get("Location", "").partition("?")[0])
        if found is None:
            raise Garbage(f"POST {_TASKS}", "the answer names no task in its Location", status=answer.status)
        return found[1]

    async def task(self, task_id: str) -> InventoryTask:
        """A task's state; raises NotFound, or another ApiError."""
        answer = await self._caller.call("GET", _TASK.format(id=_safe(task_id)), operation=_TASK)
        try:
            return InventoryTask.read(answer.body)
        except Malformed as error:
            raise Garbage(f"GET {_TASK}", str(error), status=answer.status) from None

    async def tasks(self, look_back_days: int = 1) -> tuple[InventoryTask, ...]:
        """The account's reports of the last days (1 to 90), at most 500: to find one whose id was lost."""
        query = {"feed_type": REPORT, "look_back_days": str(look_back_days), "limit": "500", "offset": "0"}
        answer = await self._caller.call("GET", _TASKS, operation=_TASKS, query=query)
        told = answer.body.get("tasks") if isinstance(answer.body, dict) else None
        try:
            return tuple(InventoryTask.read(each) for each in told or [])
        except Malformed as error:
            raise Garbage(f"GET {_TASKS}", str(error), status=answer.status) from None

    async def finished(
        self,
        task_id: str,
        *,
        every: timedelta = timedelta(seconds=15),
        within: timedelta = timedelta(hours=2),
        seen: Callable[[InventoryTask], Awaitable[None]] | None = None,
    ) -> InventoryTask:
        """Ask for the task until its result is ready; `seen` is told of each state (and may raise to stop waiting).

        An outage of eBay does not end the waiting. Raises TaskFailed, Unavailable after `within`, or an ApiError.
        """
        waited = timedelta()
        while True:
            pause = every
            try:
                task = await self.task(task_id)
            except (RateLimited, Unavailable) as error:
                pause = max(every, _asked(error))
            else:
                if seen is not None:
                    await seen(task)
                if task.result_ready:
                    return task
                if task.ended:
                    raise TaskFailed(f"GET {_TASK}", f"task {task_id} ended as {task.status}")
            if waited + pause > within:
                raise Unavailable(f"GET {_TASK}", f"task {task_id} has not ended after {within}")
            await self._sleep(pause.total_seconds())
            waited += pause

    async def download(self, task_id: str, to: Path, max_bytes: int = MOST_BYTES) -> int:
        """Write a finished task's result to a file, piece by piece; returns its bytes. Raises an ApiError."""
        with to.open("wb") as file:
            path = _RESULT.format(id=_safe(task_id))
            await self._caller.download(path, file, operation=_RESULT, max_bytes=max_bytes)
            return file.tell()


def _asked(error: Later) -> timedelta:
    return error.retry_after or timedelta()


def _safe(task_id: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,128}", task_id):
        raise ValueError("a task's id is 1 to 128 letters, digits, '_', '.' and '-'")
    return task_id
