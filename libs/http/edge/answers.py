"""Complete HTTP responses, built once where they can be."""

import json
from collections.abc import Mapping
from functools import cache
from http import HTTPStatus

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def response(status: int, body: bytes, content_type: str, headers: Mapping[str, str] | None = None) -> bytes:
    """A response with its body; `connection: close` is said where `headers` say so."""
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if status != 204:  # RFC 9110, section 8.6: it has neither a body nor its length
        lines += [f"content-type: {content_type}", f"content-length: {len(body)}"]
    lines += ["", ""]
    return "\r\n".join(lines).encode("latin-1") + body


@cache
def json_response(status: int, body: str) -> bytes:
    """A JSON answer that is the same each time."""
    return response(status, body.encode(), "application/json")


def refusal(status: int, reason: str) -> bytes:
    """An RFC 9457 answer to a request that breaks the protocol or its limits; the connection ends with it."""
    body = {"title": HTTPStatus(status).phrase, "status": status, "detail": reason}
    headers = {"connection": "close"} | ({"retry-after": "1"} if status == 503 else {})
    return response(status, json.dumps(body).encode(), "application/problem+json", headers)
