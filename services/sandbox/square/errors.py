"""Square's error answers: `{"errors": [{category, code, detail}]}`."""

from aiohttp import web

from services.sandbox.faults import FaultAnswers, FaultKind, FaultSpec
from services.sandbox.wire import json_answer


def error_answer(status: int, category: str, code: str, detail: str, retry_after: int | None = None) -> web.Response:
    """One error."""
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return json_answer({"errors": [{"category": category, "code": code, "detail": detail}]}, status, headers)


def not_found() -> web.Response:
    return error_answer(404, "INVALID_REQUEST_ERROR", "NOT_FOUND", "Resource not found.")


def _outage(fault: FaultSpec) -> web.Response:
    return error_answer(fault.status, "API_ERROR", "SERVICE_UNAVAILABLE", "Try again later.", fault.retry_after)


FAULT_ANSWERS: FaultAnswers = {
    FaultKind.OUTAGE: _outage,
    FaultKind.BLOCKED: lambda _fault: error_answer(403, "AUTHENTICATION_ERROR", "FORBIDDEN", "Not permitted."),
    FaultKind.RATE_LIMITED: lambda fault: error_answer(
        429, "RATE_LIMIT_ERROR", "RATE_LIMITED", "Too many requests.", fault.retry_after
    ),
    FaultKind.UNAUTHORIZED: lambda _fault: error_answer(
        401, "AUTHENTICATION_ERROR", "UNAUTHORIZED", "This request could not be authorized."
    ),
    FaultKind.NOT_FOUND: lambda _fault: not_found(),
}
