"""eBay's error answers: `{"errors": [{errorId, domain, category, message, …}]}`."""

from typing import Any

from aiohttp import web

from services.sandbox.faults import FaultAnswers, FaultKind, FaultSpec
from services.sandbox.wire import json_answer


def error_body(
    status: int, error_id: int, domain: str, message: str, long_message: str | None = None
) -> dict[str, list[dict[str, Any]]]:
    """One error. `category` follows from the status."""
    error = {
        "errorId": error_id,
        "domain": domain,
        "category": "REQUEST" if status < 500 else "APPLICATION",
        "message": message,
        "longMessage": long_message or message,
    }
    return {"errors": [error]}


def error_answer(
    status: int,
    error_id: int,
    domain: str,
    message: str,
    long_message: str | None = None,
    retry_after: int | None = None,
) -> web.Response:
    """An answer with one error."""
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return json_answer(error_body(status, error_id, domain, message, long_message), status, headers)


def bad_token() -> web.Response:
    return error_answer(401, 1001, "OAuth", "Invalid access token")


def no_token() -> web.Response:
    return error_answer(401, 1002, "OAuth", "Missing access token")


def _rate_limited(fault: FaultSpec) -> web.Response:
    long_message = "The request limit has been reached for the resource."
    return error_answer(429, 2001, "ACCESS", "Too many requests.", long_message, fault.retry_after)


def _outage(fault: FaultSpec) -> web.Response:
    """A system error in the words of the API that the fault's path names."""
    if "inventory_item" in fault.path or "/sell/inventory" in fault.path or "/offer" in fault.path:
        return error_answer(
            fault.status, 25001, "API_INVENTORY", "A system error has occurred.", retry_after=fault.retry_after
        )
    return error_answer(fault.status, 195000, "API_NOTIFICATION", "Internal error", retry_after=fault.retry_after)


def _not_found(fault: FaultSpec) -> web.Response:
    if "/sell/inventory" in fault.path:
        return error_answer(404, 25710, "API_INVENTORY", "We didn't find the resource/entity you are requesting.")
    return error_answer(404, 195001, "API_NOTIFICATION", "The requested key was not found.")


FAULT_ANSWERS: FaultAnswers = {
    FaultKind.OUTAGE: _outage,
    FaultKind.BLOCKED: lambda _fault: error_answer(
        403, 1100, "ACCESS", "Access denied", "Insufficient permissions to fulfill the request."
    ),
    FaultKind.RATE_LIMITED: _rate_limited,
    FaultKind.UNAUTHORIZED: lambda _fault: bad_token(),
    FaultKind.NOT_FOUND: _not_found,
}
