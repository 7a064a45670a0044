"""One connection: parse, limit, hand over, answer in order."""

import asyncio
from collections.abc import Callable

import httptools

from libs.http.edge.answers import CONTINUE, refusal
from libs.http.edge.exchange import Broken, Exchange, Limits, Router
from libs.http.edge.plain import PlainRequests

_REQUEST_LINE = 64
"""Bytes of a request line beside its target, and some to spare."""

_CHUNKING = 8
"""How many bytes one byte of a body may take: the smallest chunks take six."""

_TO_SPARE = 256 * 1024
"""Bytes that may stand behind a body in one read: requests that follow it."""

_LARGEST_READ = 256_000
"""uvloop's. It reads on from one connection up to 32 times in a row, as long as its reads are as large as this."""

_SINGLE = frozenset(
    {b"host", b"content-length", b"content-type", b"transfer-encoding", b"expect", b"authorization", b"connection"}
)


class Shared:
    """What all connections of a server have in common. `now` is the loop's time, as of the last sweep."""

    def __init__(self, router: Router, fallback: Callable[[], asyncio.Protocol], limits: Limits) -> None:
        self.router = router
        self.fallback = fallback
        self.limits = limits
        self.plain = PlainRequests(limits)
        self.connections: set[EdgeProtocol] = set()
        self.closing = False
        self.now = 0.0


class EdgeProtocol(asyncio.Protocol):
    """Feeds a parser; owns the connection's place in time and memory."""

    def __init__(self, server: Shared) -> None:
        self._server = server
        self._limits = server.limits
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._pending: list[Exchange] = []  # compiled, a short list is quicker than a deque
        self._since = 0.0
        self._phase_limit = server.limits.head_seconds
        self._last = False  # no request after the current one is read
        self._lingers = False
        self._seen = bytearray()  # the current request's bytes, as long as it may still be handed over
        self._keep_seen = True
        self._seen_whole = True  # false where a request began in the middle of a read
        self._completed = 0  # requests that were completed within the current read
        self._between = True  # the last read ended where a request ended
        self._reset()

    def _reset(self) -> None:
        self._target = b""
        self._again_count = 0
        self._again_bytes = 0
        self._headers: dict[bytes, bytes] = {}
        self._doubled: frozenset[bytes] = frozenset()
        self._exchange: Exchange | None = None
        self._body = b""  # its first part, mostly all of it
        self._body_rest = bytearray()
        self._size = 0
        self._size_before = 0  # as of the last read
        self._body_read = 0
        self._bodiless_read = 0

    # transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # create_server gives a read-write transport
        server = self._server
        refused = server.closing or len(server.connections) >= self._limits.connections
        server.connections.add(self)  # who is refused, too: he lingers, and a sweep must find him
        self._since = server.now
        if refused:
            self._refuse(503, "too many connections")

    def connection_lost(self, _exc: Exception | None) -> None:
        self._server.connections.discard(self)
        self._transport = None
        self._pending.clear()
        self._sender_left()

    def data_received(self, data: bytes) -> None:
        if self._last or self._transport is None:
            return
        if self._between and self._take_plain(data):
            return
        self._read(data)
        if len(data) >= _LARGEST_READ:
            self._give_way()

    def _read(self, data: bytes) -> None:
        self._completed = 0
        if self._keep_seen:
            self._seen += data
        elif self._exchange is not None and self._too_much_around_the_body(self._exchange, data):
            self._refuse(413, "the body's chunks and trailers are far larger than the body", Broken.TOO_LARGE)
            return
        try:
            self._parser.feed_data(data)
            if self._keep_seen and self._seen:
                self._check_head()
            # Of what follows a request, only line ends do not begin the next one; they are the parser's matter.
            self._between = self._between and self._completed > 0 and data[-1] not in b"\r\n"
        except httptools.HttpParserCallbackError as error:
            cause = error.__context__
            if isinstance(cause, _HandOver):
                self._hand_over()
            elif isinstance(cause, _Refused):
                self._refuse(cause.status, cause.reason, cause.code)
            else:
                raise
        except httptools.HttpParserError as error:
            self._refuse(400, f"not HTTP/1.1: {error}"[:120], Broken.BODY)

    def _too_much_around_the_body(self, exchange: Exchange, data: bytes) -> bool:
        """Whether a body's chunks are far larger than the body, or its trailers larger than headers may be.

        The parser keeps a trailer until it is whole. Behind the first one there is no more of the body: reads without
        any are looked at, as the parser does not tell where trailers begin.
        """
        self._body_read += len(data)
        if self._size != self._size_before:
            self._size_before = self._size
            self._bodiless_read = 0
        elif self._bodiless_read > self._limits.header_bytes:
            return True
        self._bodiless_read += len(data)
        return self._body_read > _CHUNKING * exchange.route.max_body_bytes + _TO_SPARE

    def _take_plain(self, data: bytes) -> bool:
        """Take in a request of the plainest form, past the parser; False where that must read it."""
        found = self._server.plain.read(data)
        if found is None:
            return False
        target, headers, body = found
        route = self._server.router(target)
        if route is None or len(body) > route.max_body_bytes:
            return False
        exchange = Exchange(self, target, route, headers)
        exchange.body = body
        self._take(exchange)
        return True

    def _take(self, exchange: Exchange) -> None:
        """A request is complete: answer it, now or later."""
        self._since = self._server.now
        self._phase_limit = self._limits.idle_seconds
        pending = self._pending
        pending.append(exchange)
        if len(pending) >= self._limits.pipelined and self._transport is not None:
            self._transport.pause_reading()
        exchange.route.begin(exchange)

    def _give_way(self) -> None:
        """Read on in the loop's next turn: the other connections have theirs before."""
        if self._transport is not None:
            self._transport.pause_reading()
            asyncio.get_running_loop().call_soon(self._read_on)

    def _read_on(self) -> None:
        if self._transport is not None and len(self._pending) < self._limits.pipelined:
            self._transport.resume_reading()

    def eof_received(self) -> bool:
        self._last = True
        self._sender_left()
        return bool(self._pending)  # half closed: answer what was asked, then close

    def _check_head(self) -> None:
        """A head that is still incomplete is bounded by what was received of it, a long header's part included."""
        if self._completed or self._exchange is not None:
            return
        if len(self._seen) > self._limits.target + self._limits.header_bytes + _REQUEST_LINE:
            self._refuse(431, "the headers are too many or too large")

    # parser callbacks

    def on_message_begin(self) -> None:
        if self._completed >= self._limits.at_once:
            raise _Refused(503, "too many requests at once on one connection")
        self._reset()
        self._between = False
        self._seen_whole = self._completed == 0
        self._since = self._server.now
        self._phase_limit = self._limits.head_seconds

    def on_url(self, url: bytes) -> None:
        self._target += url
        if len(self._target) > self._limits.target:
            raise _Refused(414, "the request target is too long")

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._exchange is not None:
            return  # a trailer: it may not change the headers (RFC 9110, section 6.5.1), and nobody wants it
        lower = name.lower()
        headers = self._headers
        if lower in headers:
            if lower in _SINGLE:
                raise _Refused(400, f"the header {lower.decode('latin-1')} stands twice")
            self._doubled |= {lower}
            self._again_count += 1
            self._again_bytes += len(lower) + len(value)
            self._check_headers()
        headers[lower] = value

    def _check_headers(self) -> None:
        # In bulk, when they are all here and after each read before that: a sum per header would cost more. What was
        # read of the request so far is a bound that needs no sum.
        headers = self._headers
        if self._seen_whole and len(self._seen) <= self._limits.header_bytes and not self._again_count:
            if len(headers) > self._limits.header_count:
                raise _Refused(431, "the headers are too many or too large")
            return
        count = len(headers) + self._again_count
        size = sum(map(len, headers)) + sum(map(len, headers.values())) + 4 * count + self._again_bytes
        if count > self._limits.header_count or size > self._limits.header_bytes:
            raise _Refused(431, "the headers are too many or too large")

    def on_headers_complete(self) -> None:
        self._check_headers()
        parser = self._parser
        route = self._server.router(self._target) if parser.get_method() == b"POST" else None
        if route is None:
            if self._pending or not self._seen_whole:
                # Answers are due first, or its first bytes are gone: the client sends it again on a new connection.
                raise _Refused(503, "not behind other requests on one connection")
            raise _HandOver
        version = parser.get_http_version()
        headers = self._headers
        exchange = self._exchange = Exchange(self, self._target, route, headers, self._doubled)
        if version == "1.1" and b"host" not in headers:
            raise _Refused(400, "the header host is missing")
        if version not in {"1.1", "1.0"}:
            raise _Refused(505, "HTTP/1.1 is spoken here")
        if b"upgrade" in headers:
            raise _Refused(400, "no protocol upgrade here")
        encoding = headers.get(b"transfer-encoding")
        if encoding is not None and (
            b"content-length" in headers or encoding.lower() != b"chunked" or version == "1.0"
        ):
            raise _Refused(400, "a body has either a content-length or the transfer-encoding chunked")
        if encoding is None and b"content-length" not in headers:
            raise _Refused(411, "a POST needs a content-length or the transfer-encoding chunked")
        length = headers.get(b"content-length", b"0")
        if not length.isdigit():
            raise _Refused(400, "the content-length is not a number")
        if int(length) > route.max_body_bytes:
            raise _Refused(413, f"the body is larger than {route.max_body_bytes} bytes", Broken.TOO_LARGE)
        expect = headers.get(b"expect")
        if expect is not None:
            if expect.lower() != b"100-continue":
                raise _Refused(417, "only 100-continue can be expected")
            if self._transport is not None and not self._pending:
                self._transport.write(CONTINUE)
        exchange.keep_alive = parser.should_keep_alive()
        self._keep_seen = False
        self._seen.clear()
        self._since = self._server.now
        self._phase_limit = self._limits.body_seconds

    def on_body(self, data: bytes) -> None:
        exchange = self._exchange
        if exchange is None:
            return
        self._size += len(data)
        if self._size > exchange.route.max_body_bytes:
            raise _Refused(413, f"the body is larger than {exchange.route.max_body_bytes} bytes", Broken.TOO_LARGE)
        if self._size == len(data):
            self._body = data
        else:
            self._body_rest += data  # not a list: two bytes in a chunk would take fifty

    def on_message_complete(self) -> None:
        exchange = self._exchange
        if exchange is None:
            return
        exchange.body = self._body + self._body_rest if self._body_rest else self._body
        self._completed += 1
        self._exchange = None
        self._target = b""  # no head has begun
        self._keep_seen = True
        self._between = True
        if not exchange.keep_alive:
            self._last = True
        self._take(exchange)

    # answers

    def send_answers(self) -> None:
        """Write the answers that are ready, in the order of their requests."""
        transport, pending = self._transport, self._pending
        if transport is None:
            return
        full = len(pending) >= self._limits.pipelined
        while pending and pending[0].ready is not None:
            exchange = pending.pop(0)
            transport.write(exchange.ready or b"")
            if not exchange.keep_alive:
                pending.clear()  # a connection that waits for an answer is never closed
                self._linger()
                return
        if full and len(pending) < self._limits.pipelined:
            transport.resume_reading()
        if not pending and (self._last or self._server.closing):
            self._close()

    def _refuse(self, status: int, reason: str, code: Broken = Broken.REQUEST) -> None:
        """Say why, behind the answers that are due before, and close: nothing that follows can be trusted.

        Nothing is said of what stands behind a last request (`Connection: close`): RFC 9112, section 9.6, ignores it.
        """
        self._last = True
        if self._lingers or (self._pending and not self._pending[-1].keep_alive):
            return
        exchange, self._exchange = self._exchange, None
        if exchange is not None and exchange.route.refuse is not None:
            answer = exchange.route.refuse(exchange, status, reason, code)
        else:
            answer = refusal(status, reason)
        if self._transport is None:
            return
        if self._pending:
            tail = Exchange(self, b"", self._pending[-1].route, {})
            tail.keep_alive = False
            self._pending.append(tail)
            tail.answer(answer)
            return
        self._transport.write(answer)
        self._linger()

    def _sender_left(self) -> None:
        exchange, self._exchange = self._exchange, None
        if exchange is not None and exchange.route.refuse is not None:
            exchange.route.refuse(exchange, 400, "the sender left before its body was complete", Broken.OFF)

    def _hand_over(self) -> None:
        """Give the connection, with the request's bytes so far, to the application's own protocol."""
        transport = self._transport
        if transport is None:
            return
        self._server.connections.discard(self)
        self._transport = None
        protocol = self._server.fallback()
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        protocol.data_received(bytes(self._seen))

    def _linger(self) -> None:
        """End our side, and read (and drop) what still comes for a moment.

        Closing a socket with unread bytes resets it, and the reset may overtake our answer (RFC 9112, section 9.6).
        """
        self._last = True
        self._lingers = True
        self._since, self._phase_limit = self._server.now, self._limits.linger_seconds
        if self._transport is not None and self._transport.can_write_eof():
            self._transport.write_eof()

    def _close(self) -> None:
        self._last = True
        if self._transport is not None:
            self._transport.close()

    # what the server looks at, and its orders

    @property
    def since(self) -> float:
        """When the phase began that the connection is in, by the loop's clock as of a sweep."""
        return self._since

    @property
    def arriving_bytes(self) -> int:
        """What has come of a body that is not complete, with its chunks' frames and its trailers."""
        return 0 if self._exchange is None else max(self._size, self._body_read)

    @property
    def unread_bytes(self) -> int:
        """Answers that the client has not read."""
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    def check_time(self, now: float) -> None:
        """Close a connection that is slower than it may be; one that waits for our answer is never too slow."""
        if now - self._since <= self._phase_limit:
            return
        if self._lingers:
            self.abort()
        elif self._pending:
            return
        elif self._exchange is not None or self._target:
            self._refuse(408, "the request took too long to arrive", Broken.TOO_SLOW)
        else:
            self._close()

    def close_when_idle(self) -> None:
        """Close now if nothing is asked; else after the last answer."""
        if not self._pending and self._exchange is None and not self._lingers:
            self._close()

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()


class _HandOver(Exception):
    """This request is for the application."""


class _Refused(Exception):
    def __init__(self, status: int, reason: str, code: Broken = Broken.REQUEST) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.code = code
