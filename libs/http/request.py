"""A request on its way out, and what its answer's status means."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import aiohttp
from yarl import URL

from libs.http.answer import NotJson, exact_json, retry_after
from libs.http.errors import (
    ApiError,
    Blocked,
    Garbage,
    Later,
    NotFound,
    RateLimited,
    Refused,
    Unauthorized,
    Unavailable,
)

_ERRORS: dict[int, type[ApiError]] = {
    401: Unauthorized,
    403: Blocked,
    404: NotFound,
    408: Unavailable,
    410: NotFound,
    429: RateLimited,
}


@dataclass(frozen=True)
class Request:
    """One call's request; `operation` is method and route template, `repeatable` that sending twice is harmless.

    `streamed`: its answer may take long as a whole, so that only a pause in it is a timeout. `past_circuit`: it is sent
    also while the circuit is open.
    """

    method: str
    url: URL
    operation: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    form: Mapping[str, str] | None
    body: Any
    repeatable: bool
    streamed: bool = False
    past_circuit: bool = False

    def bearing(self, token: str) -> "Request":
        """The same request with an access token (RFC 6750)."""
        return replace(self, headers={**self.headers, "Authorization": f"Bearer {token}"})

    def content(self) -> tuple[dict[str, str], aiohttp.FormData | bytes | None]:
        """Content headers and content: a form, JSON, or nothing."""
        if self.form is not None:
            return {}, aiohttp.FormData(dict(self.form))
        if self.body is not None:
            return {"Content-Type": "application/json"}, json.dumps(self.body, default=str).encode()
        return {}, None

    def span_attributes(self, attempt: int) -> dict[str, str | int]:
        """OpenTelemetry's HTTP client attributes; the query is left out, because it may hold secrets."""
        attributes: dict[str, str | int] = {
            "http.request.method": self.method,
            "server.address": self.url.host or "",
            "server.port": self.url.port or 0,
            "url.full": str(self.url.with_query(None)),
            "url.template": self.operation.partition(" ")[2],
        }
        return attributes | ({"http.request.resend_count": attempt - 1} if attempt > 1 else {})


def success_body(operation: str, status: int, raw: bytes) -> Any:
    """The JSON of a 2xx answer, None if it is empty; raise Garbage."""
    if not raw:
        return None
    try:
        return exact_json(raw)
    except NotJson as error:
        raise Garbage(operation, f"the answer {status} is not JSON: {error}", status=status) from None


def error_of(operation: str, status: int, headers: Mapping[str, str], raw: bytes) -> ApiError:
    """The error that an answer beyond 2xx stands for."""
    try:
        body = exact_json(raw) if raw else None
    except NotJson:
        body = None  # a proxy's HTML page or plain text: the status says enough
    if status < 400:
        return Garbage(operation, f"answered {status}: a redirect or an unfinished answer", status=status)
    kind = _ERRORS.get(status, Unavailable if status >= 500 else Refused)
    if issubclass(kind, Later):
        asked = retry_after(headers.get("Retry-After"))
        return kind(operation, f"answered {status}", status=status, body=body, retry_after=asked)
    return kind(operation, f"answered {status}", status=status, body=body)
