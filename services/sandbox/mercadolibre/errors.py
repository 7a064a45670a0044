"""MercadoLibre's error answers, in its own words."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from services.sandbox.faults import FaultAnswers, FaultKind, FaultSpec
from services.sandbox.mercadolibre import edge_headers
from services.sandbox.wire import json_answer

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Refusal(Exception):
    """An answer `{"message", "error", "status", "cause": []}`; `extra` replaces or adds keys."""

    def __init__(self, status: int, error: str, message: str, **extra: Any) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"message": message, "error": error, "status": status, "cause": [], **extra}


def token_refusal(error: str, description: str, status: int = 400) -> Refusal:
    """An error of /oauth/token: it carries `error_description` instead of `message`."""
    refusal = Refusal(status, error, description)
    refusal.body = {"error_description": description, "error": error, "status": status, "cause": []}
    return refusal


def no_token() -> Refusal:
    return Refusal(401, "unauthorized", "authorization value not present")


def bad_token() -> Refusal:
    return Refusal(401, "unauthorized", "invalid access token")


def unknown(what: str, number: str) -> Refusal:
    """`order_not_found`, `shipment_not_found`, … with status 404."""
    return Refusal(404, f"{what}_not_found", f"{what.capitalize()} with id {number} not found")


def not_the_callers(error: str = "access_denied") -> Refusal:
    return Refusal(403, error, "The caller is not authorized to access this resource")


@web.middleware
async def refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Put refusals on the wire."""
    try:
        return await handler(request)
    except Refusal as refusal:
        return json_answer(refusal.body, refusal.status)


def too_many(headers: Mapping[str, str] | None = None) -> web.Response:
    """429. No Retry-After by itself: none is documented."""
    body = {"message": "Too many requests", "error": "too_many_requests", "status": 429, "cause": []}
    return json_answer(body, 429, headers)


def blocked() -> web.Response:
    """403 by PolicyAgent, with its headers."""
    body = {
        "message": edge_headers.POLICY_REASON,
        "code": edge_headers.POLICY_CODE,
        "status": 403,
        "blocked_by": "PolicyAgent",
    }
    return json_answer(body, 403, edge_headers.BLOCKED)


def _rate_limited(fault: FaultSpec) -> web.Response:
    headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
    if fault.plain_text:
        return web.Response(text="local_rate_limited", status=429, headers=headers)
    return too_many(headers)


def _outage(fault: FaultSpec) -> web.Response:
    headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
    body = {"message": "internal server error", "error": "internal_server_error", "status": fault.status, "cause": []}
    return json_answer(body, fault.status, headers)


FAULT_ANSWERS: FaultAnswers = {
    FaultKind.OUTAGE: _outage,
    FaultKind.BLOCKED: lambda _fault: blocked(),
    FaultKind.RATE_LIMITED: _rate_limited,
    FaultKind.UNAUTHORIZED: lambda _fault: json_answer(bad_token().body, 401),
    FaultKind.NOT_FOUND: lambda _fault: json_answer(Refusal(404, "not_found", "resource not found").body, 404),
}
