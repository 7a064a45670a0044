"""Requests that attackers and broken senders make, each with the verdict that a strict server gives."""

from dataclasses import dataclass

HEAD = b"POST /webhooks/square HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
BODY = b'{"event_id": "1"}'
GOOD = HEAD + b"content-length: 17\r\n\r\n" + BODY


@dataclass(frozen=True)
class Case:
    """`status` is the first answer's. `closes`: nothing more is read on this connection.

    `aiohttp_differs`: it refuses a request for what follows it, where both come in one read; the edge ignores that.
    """

    name: str
    sent: bytes
    status: int
    closes: bool = True
    aiohttp_differs: bool = False


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


_LAST_CHUNK = HEAD + b"transfer-encoding: chunked\r\n\r\n" + chunk(BODY) + b"0\r\n"

CASES = (
    Case("a good request", GOOD, 200, closes=False),
    Case(
        "a good chunked request", HEAD + b"transfer-encoding: chunked\r\n\r\n" + chunk(BODY) + b"0\r\n\r\n", 200, False
    ),
    Case(
        "chunk extensions", HEAD + b"transfer-encoding: chunked\r\n\r\n11;a=b\r\n" + BODY + b"\r\n0\r\n\r\n", 200, False
    ),
    Case("an empty body", HEAD + b"content-length: 0\r\n\r\n", 200, closes=False),
    Case("connection: close", HEAD + b"connection: close\r\ncontent-length: 17\r\n\r\n" + BODY, 200),
    Case("HTTP/1.0", b"POST /webhooks/square HTTP/1.0\r\ncontent-length: 17\r\n\r\n" + BODY, 200),
    Case("expect 100-continue", HEAD + b"expect: 100-continue\r\ncontent-length: 17\r\n\r\n" + BODY, 100, closes=False),
    Case("another expectation", HEAD + b"expect: a-pony\r\ncontent-length: 17\r\n\r\n" + BODY, 417),
    Case(
        "data after connection: close",
        HEAD + b"connection: close\r\ncontent-length: 17\r\n\r\n" + BODY + b"x" + GOOD,
        200,
        aiohttp_differs=True,  # RFC 9112, section 9.6: nothing that follows is processed
    ),
    Case("a trailer", _LAST_CHUNK + b"x-checksum: 1\r\n\r\n", 200, closes=False),
    Case("a trailer that names another host", _LAST_CHUNK + b"host: other\r\n\r\n", 200, closes=False),
    Case("a trailer that ends the connection", _LAST_CHUNK + b"connection: close\r\n\r\n", 200, closes=False),
    # smuggling: two readings of where the body ends
    Case("a length as a trailer", _LAST_CHUNK + b"content-length: 4\r\n\r\n", 400),
    Case("a transfer coding as a trailer", _LAST_CHUNK + b"transfer-encoding: xchunked\r\n\r\n", 400),
    Case("a trailer without a name", _LAST_CHUNK + b": x\r\n\r\n", 400),
    Case("a NUL in a trailer", _LAST_CHUNK + b"x-a: 1\x002\r\n\r\n", 400),
    Case(
        "content-length and chunked",
        HEAD + b"content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n" + chunk(BODY) + b"0\r\n\r\n",
        400,
    ),
    Case(
        "chunked and content-length",
        HEAD + b"transfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n" + chunk(BODY) + b"0\r\n\r\n",
        400,
    ),
    Case("two lengths that differ", HEAD + b"content-length: 17\r\ncontent-length: 4\r\n\r\n" + BODY, 400),
    Case("two equal lengths", HEAD + b"content-length: 17\r\ncontent-length: 17\r\n\r\n" + BODY, 400),
    Case("a list of lengths", HEAD + b"content-length: 17, 17\r\n\r\n" + BODY, 400),
    Case("a signed length", HEAD + b"content-length: +17\r\n\r\n" + BODY, 400),
    Case("a negative length", HEAD + b"content-length: -1\r\n\r\n" + BODY, 400),
    Case("a hexadecimal length", HEAD + b"content-length: 0x11\r\n\r\n" + BODY, 400),
    Case("a length beyond 64 bits", HEAD + b"content-length: 99999999999999999999999\r\n\r\n" + BODY, 400),
    Case("an unknown transfer coding", HEAD + b"transfer-encoding: xchunked\r\n\r\n" + chunk(BODY) + b"0\r\n\r\n", 400),
    Case("chunked twice", HEAD + b"transfer-encoding: chunked, chunked\r\n\r\n" + chunk(BODY) + b"0\r\n\r\n", 400),
    Case("chunked not last", HEAD + b"transfer-encoding: chunked, gzip\r\n\r\n" + chunk(BODY) + b"0\r\n\r\n", 400),
    Case("a space before the colon", HEAD + b"transfer-encoding : chunked\r\n\r\n" + chunk(BODY) + b"0\r\n\r\n", 400),
    Case("a folded header", HEAD + b"x-a: 1\r\n  2\r\ncontent-length: 17\r\n\r\n" + BODY, 400),
    Case("a header without a name", HEAD + b": x\r\ncontent-length: 17\r\n\r\n" + BODY, 400),
    Case("a NUL in a header", HEAD + b"x-a: 1\x002\r\ncontent-length: 17\r\n\r\n" + BODY, 400),
    Case("a bare CR in a header", HEAD + b"x-a: 1\r2\r\ncontent-length: 17\r\n\r\n" + BODY, 400),
    Case("a chunk size that is none", HEAD + b"transfer-encoding: chunked\r\n\r\nzz\r\n", 400),
    Case("a chunk size beyond 64 bits", HEAD + b"transfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n", 400),
    Case("a chunk longer than it says", HEAD + b"transfer-encoding: chunked\r\n\r\n2\r\nabcdef\r\n0\r\n\r\n", 400),
    # size
    Case("a body too large by its length", HEAD + b"content-length: 10485760\r\n\r\n", 413),
    Case("a chunked body too large", HEAD + b"transfer-encoding: chunked\r\n\r\n" + chunk(b"x" * 5000) * 30, 413),
    Case("a target too long", b"POST /webhooks/" + b"a" * 9000 + b" HTTP/1.1\r\nhost: x\r\n\r\n", 414),
    Case("headers too large", HEAD + b"x-a: " + b"a" * 40_000 + b"\r\n\r\n", 431),
    Case("too many headers", HEAD + b"".join(b"x-%d: 1\r\n" % n for n in range(200)) + b"\r\n", 431),
    # not this protocol
    Case("no length at all", HEAD + b"\r\n", 411),
    Case("no host", b"POST /webhooks/square HTTP/1.1\r\ncontent-length: 17\r\n\r\n" + BODY, 400),
    Case("two hosts", HEAD + b"host: other\r\ncontent-length: 17\r\n\r\n" + BODY, 400),
    Case("noise", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    Case("an HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    Case("an unknown version", b"POST /webhooks/square HTTP/7.3\r\nhost: x\r\ncontent-length: 0\r\n\r\n", 400),
    Case("an unknown method", b"BREW /webhooks/square HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    Case("an upgrade", HEAD + b"connection: upgrade\r\nupgrade: h2c\r\ncontent-length: 0\r\n\r\n", 400),
)
