"""A run's events as Server-Sent Events: from the first or from `Last-Event-ID` on, live, until the run has ended.

    id: 4
    data: {"kind": "info", "time": "2026-11-21T15:04:05.000000Z", "line": "[15:04:05] ← Response: 200 OK (12ms) …"}

    event: end
    data: {"run_id": …, "status": "completed", "counts": {…}}

Any process can tell any run: the events are in PostgreSQL. Source: WHATWG HTML, section 9.2.
"""

import asyncio
import json

from aiohttp import web

from schemas.values import format_time
from services.ebay_sync.messages import RunTold
from services.ebay_sync.run import Line, Run
from services.ebay_sync.runs import Runs

LOOK_SECONDS = 0.2
ALIVE_SECONDS = 15.0
RECONNECT_MILLISECONDS = 1000

_HEADERS = {"Content-Type": "text/event-stream", "Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


class Streams:
    """The open streams of this process; `close` lets their clients reconnect elsewhere."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs
        self._closing = asyncio.Event()

    async def close(self, _app: web.Application) -> None:
        """For the application's shutdown."""
        self._closing.set()

    async def tell(self, request: web.Request, run: Run, after: int) -> web.StreamResponse:
        """Send what the run said after an event, and what it goes on saying."""
        response = web.StreamResponse(headers=_HEADERS)
        await response.prepare(request)
        await response.write(f"retry: {RECONNECT_MILLISECONDS}\n\n".encode())
        silent = 0.0
        while not self._closing.is_set():
            lines = await self._runs.lines(run.run_id, after)
            if lines:
                await response.write("".join(map(_event, lines)).encode())
                after, silent = lines[-1].number, 0.0
                continue
            if not run.active and after >= run.last_event:
                await response.write(_end(run))
                break
            if silent >= ALIVE_SECONDS:
                await response.write(b": still here\n\n")
                silent = 0.0
            await self._wait(LOOK_SECONDS)
            silent += LOOK_SECONDS
            run = await self._runs.get(run.run_id) or run  # first the run, then its lines: its last ones are not missed
        return response

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._closing.wait()
        except TimeoutError:
            return


def last_event_id(text: str | None) -> int:
    """The event to go on after; 0 where it is absent or none of ours (the whole story is then told again)."""
    return int(text) if text is not None and text.isascii() and text.isdecimal() and len(text) < 18 else 0


def _event(line: Line) -> str:
    data = json.dumps({"kind": line.kind, "time": format_time(line.at), "line": str(line)}, ensure_ascii=False)
    return f"id: {line.number}\ndata: {data}\n\n"


def _end(run: Run) -> bytes:
    return f"event: end\ndata: {RunTold.of(run).model_dump_json()}\n\n".encode()
