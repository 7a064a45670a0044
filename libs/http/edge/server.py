"""The listening side: limits, open connections, timeouts, and the end."""

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from libs.http.edge.protocol import Broken, EdgeProtocol, Exchange


@dataclass(frozen=True)
class Limits:
    """What one connection may cost us. Sizes in bytes, times in seconds."""

    target: int = 2048
    header_count: int = 64
    header_bytes: int = 16 * 1024
    pipelined: int = 16
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

    begin: "Callable[[Exchange], None]"
    max_body_bytes: int
    refuse: "Callable[[Exchange, int, str, Broken], bytes] | None" = None


class Router(Protocol):
    """Finds the route of a POST to a path; None hands the connection over to the application."""

    def __call__(self, target: bytes, /) -> Route | None: ...


class EdgeServer:
    """Listens on one port; several processes may listen on the same port (`SO_REUSEPORT`)."""

    def __init__(self, router: Router, fallback: Callable[[], asyncio.Protocol], limits: Limits | None = None) -> None:
        self.router = router
        self.fallback = fallback
        self.limits = limits or Limits()
        self.connections: set[EdgeProtocol] = set()
        self.closing = False
        self.now = 0.0
        self._server: asyncio.Server | None = None
        self._sweeper: asyncio.TimerHandle | None = None

    async def listen(self, host: str, port: int, *, shared: bool = False) -> int:
        """Begin to accept; returns the port (chosen by the system where 0 was asked)."""
        from libs.http.edge.protocol import EdgeProtocol  # noqa: PLC0415  (the two halves know each other)

        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: EdgeProtocol(self), host, port, backlog=1024, reuse_port=shared or None
        )
        self._sweep()
        listening: socket.socket = self._server.sockets[0]
        return int(listening.getsockname()[1])

    async def close(self, grace_seconds: float = 5.0) -> None:
        """Accept no more, let begun requests be answered, then close what is left."""
        self.closing = True
        if self._server is not None:
            self._server.close()
        for connection in list(self.connections):
            connection.close_when_idle()
        deadline = asyncio.get_running_loop().time() + grace_seconds
        # Looking now and then is simpler than an event that each of thousands of connections would have to keep.
        while self.connections and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        for connection in list(self.connections):
            connection.abort()
        if self._sweeper is not None:
            self._sweeper.cancel()

    def _sweep(self) -> None:
        # One timer for all connections: a timer per request would cost more than the request's parsing.
        loop = asyncio.get_running_loop()
        self.now = loop.time()
        for connection in list(self.connections):
            connection.check_time(self.now)
        self._sweeper = loop.call_later(0.5, self._sweep)
