"""What passes between the edge and what answers: a route, one request and its answer, the limits of a connection."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol


class Broken(Enum):
    """Why a request to a route never became whole."""

    REQUEST = "bad_request"
    TOO_LARGE = "too_large"
    TOO_SLOW = "too_slow"
    BODY = "broken_body"
    OFF = "client_gone"  # nobody is there for an answer


@dataclass(frozen=True)
class Limits:
    """What one connection may cost us. Sizes in bytes, times in seconds.

    `pipelined` requests may wait for their answers before no more is read. `at_once` may come in one read, the others
    being refused: whoever answers them all at once keeps all other connections waiting meanwhile. A read is 256,000
    bytes at most (uvloop's), and a delivery with its headers takes 500, so that honest pipelining stays below.
    """

    target: int = 2048
    header_count: int = 64
    header_bytes: int = 16 * 1024
    pipelined: int = 16
    at_once: int = 512
    head_seconds: float = 10
    body_seconds: float = 20
    idle_seconds: float = 75
    linger_seconds: float = 2
    connections: int = 4096


@dataclass(frozen=True, slots=True)
class Route:
    """What answers one path: `begin` is called with each complete request and answers its exchange, now or later.

    `max_body_bytes` is refused beyond with 413 as soon as it is known. `refuse` makes the answer (a whole HTTP response
    that says `connection: close`) to a request that has headers and never becomes whole; it is given the exchange,
    status, reason and code.
    """

    begin: Callable[["Exchange"], None]
    max_body_bytes: int
    refuse: Callable[["Exchange", int, str, Broken], bytes] | None = None


class Router(Protocol):
    """Finds the route of a POST to a path; None hands the connection over to the application."""

    def __call__(self, target: bytes, /) -> Route | None: ...


class Connection(Protocol):
    """Where an exchange's answer leaves."""

    def send_answers(self) -> None:
        """Write the answers that are ready, in the order of their requests."""
        ...


class Exchange:
    """One request and its answer. `answer` may be called once, now or later; answers leave in the order of requests.

    `headers` have lower-case names; `doubled` names the headers that came more than once with their last value kept.
    `ready` is the whole response once it is known.
    """

    ready: bytes | None = None
    body = b""
    keep_alive = True

    def __init__(
        self,
        connection: Connection,
        target: bytes,
        route: Route,
        headers: dict[bytes, bytes],
        doubled: frozenset[bytes] = frozenset(),
    ) -> None:
        self._connection = connection
        self.target = target
        self.route = route
        self.headers = headers
        self.doubled = doubled

    def answer(self, response: bytes) -> None:
        """Send a complete HTTP response (status line to body)."""
        self.ready = response
        self._connection.send_answers()
