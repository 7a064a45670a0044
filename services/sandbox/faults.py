"""Faults on request: which requests are answered wrongly, how often and how long."""

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Middleware
from pydantic import BaseModel, ConfigDict, Field

from services.sandbox.clock import Clock
from services.sandbox.seeded import chance, stream
from services.sandbox.wire import compact

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class FaultKind(StrEnum):
    """What goes wrong."""

    OUTAGE = "outage"
    BLOCKED = "blocked"
    RATE_LIMITED = "rate_limited"
    UNAUTHORIZED = "unauthorized"
    NOT_FOUND = "not_found"
    TIMEOUT = "timeout"
    LOST = "lost"
    """The request is carried out, and nothing is said; then the connection breaks."""
    SLOW = "slow"
    GARBAGE = "garbage"
    PARTIAL = "partial"


class FaultSpec(BaseModel):
    """A fault as it is ordered. It ends after `count` hits or `seconds` of sandbox time, or when it is deleted."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    marketplace: str
    kind: FaultKind
    path: str = Field(default="*", description="Shell pattern of the path within the marketplace, e.g. /orders/*")
    query: str = Field(default="*", description="Shell pattern of the query, decoded, e.g. sku=A1 or *sku=A1*")
    method: str = Field(default="*", description="HTTP method, or *")
    probability: float = Field(default=1.0, ge=0, le=1)
    count: int | None = Field(default=None, ge=1)
    after: int = Field(default=0, ge=0, description="So many requests that fit pass before the first hit")
    seconds: float | None = Field(default=None, gt=0)
    status: int = Field(default=503, ge=500, le=599, description="outage: the status")
    delay: float = Field(default=5.0, ge=0, le=3600, description="timeout, lost, slow: our seconds")
    plain_text: bool = Field(default=False, description="rate_limited: a plain text body instead of JSON")
    retry_after: int | None = Field(default=None, ge=0, description="rate_limited, outage: Retry-After in seconds")
    garbage: str = Field(default="truncated", pattern="^(truncated|html|empty|binary)$")
    missing: tuple[str, ...] = Field(default=("feedback",), description="partial: keys left out and named")


FaultAnswers = Mapping[FaultKind, Callable[[FaultSpec], web.Response]]
"""How a marketplace words the faults that are answers of their own."""


class Fault:
    """An ordered fault and what it did so far."""

    def __init__(self, number: int, spec: FaultSpec, ends: datetime | None) -> None:
        self.number = number
        self.spec = spec
        self.ends = ends
        self.hits = 0
        self.passed = 0

    def over(self, now: datetime) -> bool:
        spent = self.spec.count is not None and self.hits >= self.spec.count
        return spent or (self.ends is not None and now >= self.ends)

    def meets(self, marketplace: str, method: str, path: str, query: str) -> bool:
        spec = self.spec
        if spec.marketplace != marketplace or spec.method.upper() not in ("*", method):
            return False
        return fnmatchcase(path, spec.path) and fnmatchcase(query, spec.query)

    def shown(self, now: datetime) -> dict[str, Any]:
        return {"id": self.number, "hits": self.hits, "over": self.over(now), **self.spec.model_dump(mode="json")}


class Faults:
    """All ordered faults. Of those that fit a request the oldest decides; its dice are a seeded stream."""

    def __init__(self, seed: int, clock: Clock) -> None:
        self._random = stream(seed, "faults")
        self._clock = clock
        self._numbers = itertools.count(1)
        self._faults: dict[int, Fault] = {}

    def order(self, spec: FaultSpec) -> Fault:
        ends = None if spec.seconds is None else self._clock.now() + timedelta(seconds=spec.seconds)
        fault = Fault(next(self._numbers), spec, ends)
        self._faults[fault.number] = fault
        return fault

    def shown(self) -> list[dict[str, Any]]:
        now = self._clock.now()
        return [fault.shown(now) for fault in self._faults.values()]

    def clear(self, number: int | None = None) -> int:
        """Forget one fault, or all; return how many were forgotten."""
        gone = [number] if number in self._faults else [] if number is not None else list(self._faults)
        for each in gone:
            del self._faults[each]
        return len(gone)

    def hit(self, marketplace: str, method: str, path: str, query: str = "") -> FaultSpec | None:
        """The fault that this request meets, counted, or None."""
        now = self._clock.now()
        for fault in self._faults.values():
            if fault.over(now) or not fault.meets(marketplace, method, path, query):
                continue
            if fault.passed < fault.spec.after:
                fault.passed += 1
                continue
            if chance(self._random, fault.spec.probability):
                fault.hits += 1
                return fault.spec
        return None

    def middleware(self, marketplace: str, answers: FaultAnswers) -> Middleware:
        """Let the requests to a marketplace meet its faults before (or after) they are handled."""

        @web.middleware
        async def faulty(request: web.Request, handler: Handler) -> web.StreamResponse:
            path = request.path.removeprefix(f"/{marketplace}")
            fault = self.hit(marketplace, request.method, path, request.url.query_string)
            if fault is None:
                return await handler(request)
            if fault.kind is FaultKind.LOST:
                await handler(request)
            if fault.kind in (FaultKind.LOST, FaultKind.TIMEOUT):
                return await _hang(request, fault.delay)
            if fault.kind is FaultKind.SLOW:
                await asyncio.sleep(fault.delay)
                return await handler(request)
            if fault.kind is FaultKind.GARBAGE:
                return _garbage(await handler(request), fault.garbage)
            if fault.kind is FaultKind.PARTIAL:
                return _partial(await handler(request), fault.missing)
            return answers[fault.kind](fault)

        return faulty


async def _hang(request: web.Request, seconds: float) -> web.Response:
    """Say nothing, then break the connection."""
    await asyncio.sleep(seconds)
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=504)  # goes nowhere: the connection is gone


def _garbage(answer: web.StreamResponse, kind: str) -> web.Response:
    body = answer.body if isinstance(answer, web.Response) and isinstance(answer.body, bytes) else b"{}"
    match kind:
        case "html":
            text = "<!DOCTYPE html><html><head><title>Error</title></head><body><h1>Ocorreu um erro</h1></body></html>"
            return web.Response(text=text, content_type="text/html")
        case "empty":
            return web.Response(body=b"", content_type="application/json")
        case "binary":
            return web.Response(body=b"\x1f\x8b\xff\xfe\x00" + body[:20], content_type="application/json")
        case _:
            return web.Response(body=body[: len(body) // 2], content_type="application/json")


def _partial(answer: web.StreamResponse, missing: tuple[str, ...]) -> web.StreamResponse:
    if answer.status != 200 or not isinstance(answer, web.Response) or not isinstance(answer.body, bytes):
        return answer
    whole = json.loads(answer.body)
    if not isinstance(whole, dict):
        return answer
    left = {key: value for key, value in whole.items() if key not in missing}
    return web.Response(
        body=compact(left),
        status=206,
        headers={"X-Content-Missing": ",".join(missing)},
        content_type="application/json",
    )
