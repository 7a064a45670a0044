"""From an aiohttp request to a delivery: the body within its limits, and nothing ambiguous about it.

Refused here, before anything is verified: too large 413, too slow 408, broken off 400, a wrong type 415, and headers or
query parameters that stand twice or are not plain text 400.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from email.message import Message

from aiohttp import ClientPayloadError, web
from aiohttp.http_exceptions import HttpProcessingError

from libs.marketplaces.contract import Contract, Delivery, Refused

_SINGLE = frozenset({"content-type", "content-encoding", "content-length"})
_PLAIN = re.compile(r"[\x20-\x7e\t]*")
_MOST_KEPT_HEADER = 8 * 1024


class ClientGone(Exception):
    """The sender closed the connection before its body was complete: nobody waits for an answer."""


async def read_delivery(
    request: web.Request, contract: Contract, account: str | None, secret: str | None, body_timeout: timedelta
) -> Delivery:
    """The delivery in a request; raise Refused or ClientGone."""
    headers = headers_of(request.headers.items(), contract)
    check_type(headers, contract)
    body = await read_body(request, contract.max_body_bytes, body_timeout)
    return Delivery(
        body=body,
        headers=headers,
        query=query_of(request.query.items()),
        account=account,
        secret=secret,
        received_at=datetime.now(UTC),
    )


async def read_body(request: web.Request, most: int, within: timedelta) -> bytes:
    """The body's bytes as they were sent; stops reading at `most`. Raises Refused or ClientGone."""
    if request.content_length is not None and request.content_length > most:
        raise _too_large(most)
    body = bytearray()
    try:
        async with asyncio.timeout(within.total_seconds()):
            async for part in request.content.iter_any():
                body += part
                if len(body) > most:
                    raise _too_large(most)
    except TimeoutError:
        raise Refused(408, "too_slow", f"The body was not complete within {within.total_seconds():g} s.") from None
    except ConnectionError as error:
        raise ClientGone(str(error)) from error
    except (web.RequestPayloadError, ClientPayloadError, HttpProcessingError):
        raise Refused(400, "broken_body", "The body does not end where its headers say, or is badly chunked.") from None
    return bytes(body)


def headers_of(items: Iterable[tuple[str, str]], contract: Contract) -> Mapping[str, str]:
    """Headers by lower-case name; raise Refused.

    What stands twice or is not plain text, and does not matter, is left out: nothing may be proved by it.
    """
    given = list(items)
    times = Counter(name.lower() for name, _ in given)
    headers: dict[str, str] = {}
    for name, value in given:
        lower = name.lower()
        plain = _PLAIN.fullmatch(value) is not None and len(value) <= _MOST_KEPT_HEADER
        if times[lower] == 1 and plain:
            headers[lower] = value
        elif lower in _SINGLE or lower in contract.kept_headers:
            what = "stands twice" if times[lower] > 1 else "is not plain text, or too long"
            raise Refused(400, "bad_header", f"The header {lower} {what}.")
    return headers


def query_of(items: Iterable[tuple[str, str]]) -> Mapping[str, str]:
    """Query parameters by name; raise Refused."""
    given = list(items)
    query = dict(given)
    if len(query) != len(given):
        raise Refused(400, "bad_query", "A query parameter stands twice.")
    return query


def check_type(headers: Mapping[str, str], contract: Contract) -> None:
    """Raise Refused unless the body is of a type that the marketplace sends, in UTF-8 and not compressed."""
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise Refused(415, "encoded", "The body must not be compressed: its signature is over the bytes as sent.")
    header = Message()
    header["Content-Type"] = headers.get("content-type", "")
    expected = " or ".join(sorted(contract.content_types))
    if "content-type" not in headers or header.get_content_type() not in contract.content_types:
        raise Refused(415, "wrong_type", f"The Content-Type must be {expected}.")
    charset = header.get_param("charset", "utf-8")
    if not isinstance(charset, str) or charset.strip().lower() not in {"utf-8", "utf8"}:
        raise Refused(415, "wrong_charset", "The charset must be utf-8.")


def _too_large(most: int) -> Refused:
    return Refused(413, "too_large", f"The body is larger than {most} bytes.")
