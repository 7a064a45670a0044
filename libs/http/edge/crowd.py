"""What all connections together may cost, so that no crowd of slow or greedy ones takes the room of the others.

| what a crowd does                        | what happens                                                            |
|------------------------------------------|-------------------------------------------------------------------------|
| holds more connections than there may be | new ones are told 503 and end within `linger_seconds`, read or not      |
| sends slowly, or nothing (slowloris)     | beyond three quarters of them, time is a fifth: the slow make room      |
| begins many large bodies                 | beyond `arriving_bytes` the largest unfinished ones are told 408        |
| asks and does not read the answers       | beyond `UNREAD_BYTES` of answers its connection is reset                |
| holds connections of the application     | an eighth of all at most: deliveries always find room                   |

Looked at with each sweep (twice a second): a sum for each request would cost all of them.
"""

import asyncio
import math
from operator import itemgetter
from typing import cast

from libs.http.edge.answers import refusal
from libs.http.edge.exchange import Limits
from libs.http.edge.protocol import EdgeProtocol, Shared

CROWDED = 0.75
"""The share of all connections from which on the slow ones must make room."""

HURRIED = 0.2
"""The share of the usual time that is left to them then."""

OF_THE_APPLICATION = 1 / 8
UNREAD_BYTES = 256 * 1024
TURNED_AWAY = 1 / 4
"""Who is told to come back, beside all connections; beyond them connections are reset without a word."""


class Crowd:
    """Bounds what the connections of one server cost. `arriving_bytes`: of bodies that are not complete."""

    def __init__(self, shared: Shared, arriving_bytes: int) -> None:
        self._shared = shared
        self._arriving_bytes = arriving_bytes
        self.turned_away: set[TurnedAway] = set()

    @property
    def is_full(self) -> bool:
        """Whether one more connection is one too many."""
        return len(self._shared.connections) >= self._shared.limits.connections

    @property
    def of_the_application(self) -> int:
        """How many connections may be handed over to the application."""
        return max(1, int(self._shared.limits.connections * OF_THE_APPLICATION))

    def turn_away(self) -> "TurnedAway":
        """The protocol of a connection for which there is no room."""
        return TurnedAway(self.turned_away, self._shared.limits)

    def sweep(self, now: float) -> None:
        """Close what is slower or greedier than it may be."""
        limits, connections = self._shared.limits, list(self._shared.connections)
        crowded = len(connections) > CROWDED * limits.connections
        patience = HURRIED * min(limits.head_seconds, limits.body_seconds)
        for connection in connections:
            late = crowded and now - connection.since > patience
            self._check(connection, math.inf if late else now)
            if connection.unread_bytes > UNREAD_BYTES:
                connection.abort()
        self._bound_bodies()

    def _check(self, connection: EdgeProtocol, now: float) -> None:
        try:
            connection.check_time(now)
        except Exception as error:  # noqa: BLE001  (a route's refusal may fail, and the others' times end all the same)
            told = {"message": "A connection could not be closed in order", "exception": error, "protocol": connection}
            asyncio.get_running_loop().call_exception_handler(told)
            connection.abort()

    def _bound_bodies(self) -> None:
        sizes = [(one.arriving_bytes, one) for one in self._shared.connections]
        arriving = sum(size for size, _ in sizes)
        if arriving <= self._arriving_bytes:
            return
        for size, one in sorted(sizes, key=itemgetter(0), reverse=True):
            arriving -= size
            self._check(one, math.inf)
            if arriving <= self._arriving_bytes:
                return


class TurnedAway(asyncio.Protocol):
    """A connection that is told to come back, and is gone soon, whatever its client does."""

    def __init__(self, others: "set[TurnedAway]", limits: Limits) -> None:
        self._others = others
        self._limits = limits
        self._end: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast(asyncio.Transport, transport)  # create_server gives a read-write transport
        if len(self._others) >= max(1, self._limits.connections * TURNED_AWAY):
            transport.abort()
            return
        self._others.add(self)
        transport.write(refusal(503, "too many connections"))
        if transport.can_write_eof():
            transport.write_eof()
        self._end = asyncio.get_running_loop().call_later(self._limits.linger_seconds, transport.abort)

    def connection_lost(self, _exc: Exception | None) -> None:
        self._others.discard(self)
        if self._end is not None:
            self._end.cancel()
