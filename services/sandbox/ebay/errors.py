"""eBay's error answers: `{"errors": [{errorId, domain, category, message, …}]}`."""

from aiohttp import web

from services.sandbox.faults import FaultAnswers, FaultKind, FaultSpec
from services.sandbox.wire import json_answer


def error_answer(
    status: int,
    error_id: int,
    domain: str,
    message: str,
    long_message: str | None = None,
    retry_after: int | None = None,
) -> web.Response:
    """One error. `category` follows from the status."""
    error = {
        "errorId": error_id,
        "domain": domain,
        "category": "REQUEST" if status < 500 else "APPLICATION",
        "message": message,
        "longMessage": long_message or message,
    }
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return json_answer({"errors": [error]}, status, headers)


def bad_token() -> web.Response:
    return error_answer(401, 1001, "OAuth", "Invalid access token")


def no_token() -> web.Response:
    return error_answer(401, 1002, "OAuth", "Missing access token")


def _rate_limited(fault: FaultSpec) -> web.Response:
    long_message = "The request limit has been reached for the resource."
    return error_answer(429, 2001, "ACCESS", "Too many requests.", long_message, fault.retry_after)


FAULT_ANSWERS: FaultAnswers = {
    FaultKind.OUTAGE: lambda fault: error_answer(
        fault.status, 195000, "API_NOTIFICATION", "Internal error", retry_after=fault.retry_after
    ),
    FaultKind.BLOCKED: lambda _fault: error_answer(
        403, 1100, "ACCESS", "Access denied", "Insufficient permissions to fulfill the request."
    ),
    FaultKind.RATE_LIMITED: _rate_limited,
    FaultKind.UNAUTHORIZED: lambda _fault: bad_token(),
    FaultKind.NOT_FOUND: lambda _fault: error_answer(
        404, 195001, "API_NOTIFICATION", "The requested key was not found."
    ),
}
