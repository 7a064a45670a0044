"""StockX's error answers: `{"statusCode": 400, "message": "…"}`; live ones were seen with `errorMessage`, so both."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from services.sandbox.faults import FaultAnswers, FaultKind
from services.sandbox.wire import json_answer


def error_answer(status: int, message: str, retry_after: int | None = None) -> web.Response:
    """An error in StockX's form."""
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return json_answer({"statusCode": status, "message": message, "errorMessage": message}, status, headers)


class Refusal(Exception):
    """Answer with this error, from wherever it is found out."""

    def __init__(self, status: int, message: str, retry_after: int | None = None) -> None:
        super().__init__(f"{status}: {message}")
        self.answer = error_answer(status, message, retry_after)


def not_found() -> Refusal:
    return Refusal(404, "Resource not found")


@web.middleware
async def refusals(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Turn a Refusal into its answer, and a body beyond what the sandbox reads at all into 413."""
    try:
        return await handler(request)
    except Refusal as refusal:
        return refusal.answer
    except web.HTTPRequestEntityTooLarge:
        return error_answer(413, "Request too large")


FAULT_ANSWERS: FaultAnswers = {
    FaultKind.OUTAGE: lambda fault: error_answer(fault.status, "Internal server error", fault.retry_after),
    FaultKind.BLOCKED: lambda _fault: error_answer(403, "Forbidden"),
    FaultKind.RATE_LIMITED: lambda fault: error_answer(429, "Too Many Requests", fault.retry_after),
    FaultKind.UNAUTHORIZED: lambda _fault: error_answer(401, "Unauthorized"),
    FaultKind.NOT_FOUND: lambda _fault: error_answer(404, "Resource not found"),
}
