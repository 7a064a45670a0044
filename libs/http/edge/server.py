"""The listening side: open connections, timeouts, and the end."""

import asyncio
import socket
from collections.abc import Callable

from libs.http.edge.crowd import Crowd
from libs.http.edge.exchange import Limits, Router
from libs.http.edge.protocol import EdgeProtocol, Shared

ARRIVING_BYTES = 128 * 1024 * 1024


class EdgeServer:
    """Listens on one port; several processes may listen on the same port (`SO_REUSEPORT`).

    `handed_over` tells how many connections the application has; `arriving_bytes` bounds bodies that are not complete
    (`crowd.py`).
    """

    def __init__(
        self,
        router: Router,
        fallback: Callable[[], asyncio.Protocol],
        limits: Limits | None = None,
        *,
        handed_over: Callable[[], int] = lambda: 0,
        arriving_bytes: int = ARRIVING_BYTES,
    ) -> None:
        self._fallback = fallback
        self._handed_over = handed_over
        self.shared = Shared(router, self._hand_over, limits or Limits())
        self.crowd = Crowd(self.shared, arriving_bytes)
        self._server: asyncio.Server | None = None
        self._sweeper: asyncio.TimerHandle | None = None

    async def listen(self, host: str, port: int, *, shared: bool = False) -> int:
        """Begin to accept; returns the port (chosen by the system where 0 was asked)."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._accept, host, port, backlog=1024, reuse_port=shared or None)
        self._sweep()
        listening: socket.socket = self._server.sockets[0]
        return int(listening.getsockname()[1])

    async def close(self, grace_seconds: float = 5.0) -> None:
        """Accept no more, let begun requests be answered, then close what is left."""
        self.shared.closing = True
        if self._server is not None:
            self._server.close()
        for connection in list(self.shared.connections):
            connection.close_when_idle()
        deadline = asyncio.get_running_loop().time() + grace_seconds
        # Looking now and then is simpler than an event that each of thousands of connections would have to keep.
        while self.shared.connections and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        for connection in list(self.shared.connections):
            connection.abort()
        if self._sweeper is not None:
            self._sweeper.cancel()

    def _accept(self) -> asyncio.Protocol:
        return self.crowd.turn_away() if self.crowd.is_full else EdgeProtocol(self.shared)

    def _hand_over(self) -> asyncio.Protocol:
        room = self._handed_over() < self.crowd.of_the_application
        return self._fallback() if room else self.crowd.turn_away()

    def _sweep(self) -> None:
        # One timer for all connections: a timer per request would cost more than the request's parsing.
        loop = asyncio.get_running_loop()
        self.shared.now = loop.time()
        try:
            self.crowd.sweep(self.shared.now)
        finally:  # the loop logs what went wrong; without a next sweep there would be no timeouts any more
            self._sweeper = loop.call_later(0.5, self._sweep)
