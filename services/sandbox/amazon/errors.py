"""The Selling Partner API's error answers: `{"errors": [{"code", "message", "details"}]}`."""

from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from services.sandbox.faults import FaultAnswers, FaultKind, FaultSpec
from services.sandbox.wire import json_answer


class Refusal(Exception):
    """Answer with this."""

    def __init__(self, status: int, code: str, message: str, details: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.body = {"errors": [{"code": code, "message": message, "details": details}]}

    def answer(self, headers: Mapping[str, str] | None = None) -> web.Response:
        return json_answer(self.body, self.status, headers)


def no_access() -> Refusal:
    """An expired or unknown token: 403, not 401."""
    return Refusal(
        403,
        "Unauthorized",
        "Access to requested resource is denied.",
        "The access token you provided is revoked, malformed or invalid.",
    )


@web.middleware
async def refusals(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Put refusals on the wire."""
    try:
        return await handler(request)
    except Refusal as refusal:
        return refusal.answer()


def _rate_limited(fault: FaultSpec) -> web.Response:
    headers = {"x-amzn-RateLimit-Limit": "5.0"}
    if fault.retry_after is not None:
        headers["Retry-After"] = str(fault.retry_after)
    return Refusal(429, "QuotaExceeded", "You exceeded your quota for the requested resource.").answer(headers)


def _outage(fault: FaultSpec) -> web.Response:
    headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
    return Refusal(fault.status, "InternalFailure", "We encountered an internal error. Please try again.").answer(
        headers
    )


FAULT_ANSWERS: FaultAnswers = {
    FaultKind.OUTAGE: _outage,
    FaultKind.BLOCKED: lambda _fault: Refusal(403, "AccessDenied", "The application may not do this.").answer(),
    FaultKind.RATE_LIMITED: _rate_limited,
    FaultKind.UNAUTHORIZED: lambda _fault: no_access().answer(),
    FaultKind.NOT_FOUND: lambda _fault: Refusal(404, "NotFound", "Requested resource not found.").answer(),
}
