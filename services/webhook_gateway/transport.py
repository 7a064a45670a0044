"""Deliveries that aiohttp received: behind another request on one connection, or at a target in an unusual spelling.

The decision and everything told of it are the same as at the edge; here a body is read within its limits.
"""

import asyncio
from datetime import timedelta

from aiohttp import ClientPayloadError, web
from aiohttp.http_exceptions import HttpProcessingError
from opentelemetry import trace

from libs.http.server import REQUEST_ID
from libs.marketplaces.contract import Refused
from services.webhook_gateway import traces
from services.webhook_gateway.handlers import Gateway, Replied
from services.webhook_gateway.places import Place, Places
from services.webhook_gateway.verdict import Verdict


class ClientGone(Refused):
    """The sender closed the connection before its body was complete: nobody waits for an answer."""

    def __init__(self) -> None:
        super().__init__(400, "client_gone", "The body was not complete.")


class Transport:
    """Takes deliveries from aiohttp's requests."""

    def __init__(self, gateway: Gateway, places: Places, body_timeout: timedelta) -> None:
        self._gateway = gateway
        self._places = places
        self._body_timeout = body_timeout

    async def receive(self, request: web.Request) -> web.Response:
        """Answer one delivery."""
        place = self._place(request)
        decided: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()

        def reply(verdict: Verdict) -> None:
            if not decided.done():  # the sender may have left
                decided.set_result(verdict)

        request_trace = traces.of_span(trace.get_current_span())
        arrival = Replied(self._gateway, place, request[REQUEST_ID], request_trace, reply)
        try:
            self._gateway.admit(place)
            body = await read_body(request, place.most_bytes, self._body_timeout)
        except Refused as refused:
            self._gateway.fail(arrival, refused)
        else:
            headers: dict[bytes, bytes] = {}
            doubled: frozenset[bytes] = frozenset()
            for name, value in request.raw_headers:
                lower = name.lower()
                if lower in headers:
                    doubled |= {lower}
                headers[lower] = value
            self._gateway.receive(arrival, headers, doubled, body)
        answer = place.form(await decided, arrival.request_id)
        told = {"Content-Type": answer.content_type, **answer.headers}
        return web.Response(status=answer.status, body=answer.body, headers=told)

    def _place(self, request: web.Request) -> Place:
        path = request.rel_url.raw_path.encode("ascii")
        place = self._places.find(path + b"?" + request.rel_url.raw_query_string.encode("ascii"))
        if place is None:
            raise web.HTTPNotFound
        return place


async def read_body(request: web.Request, most: int, within: timedelta) -> bytes:
    """The body's bytes as they were sent; stops reading at `most`. Raises Refused."""
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
        raise ClientGone from error
    except (web.RequestPayloadError, ClientPayloadError, HttpProcessingError):
        raise Refused(400, "broken_body", "The body does not end where its headers say, or is badly chunked.") from None
    return bytes(body)


def _too_large(most: int) -> Refused:
    return Refused(413, "too_large", f"The body is larger than {most} bytes.")
