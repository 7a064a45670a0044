"""A TCP proxy before one server; the network can be cut, silenced or slowed, for everybody or for some of its clients.

A silenced connection stays open and carries nothing; what was sent meanwhile arrives when the silence ends, as after a
lost route. A new connection during the silence is accepted and hears nothing.
"""

import asyncio
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

CHUNK = 64 * 1024


@dataclass(frozen=True)
class Trouble:
    """What is wrong with a link. `delay`: seconds for each chunk; `rate`: bytes per second. `only`: whose connections.

    `cut`: connections break and new ones are refused. `silent`: see the module. `slow`: `delay` and `rate`.
    """

    kind: Literal["cut", "silent", "slow"]
    only: frozenset[str] = frozenset()
    delay: float = 0.1
    rate: float = 50_000


@dataclass(eq=False)
class _Connection:
    client: asyncio.StreamWriter
    server: asyncio.StreamWriter | None = None
    flowing: asyncio.Event = field(default_factory=asyncio.Event)
    trouble: Trouble | None = None

    @property
    def port(self) -> int:
        return int(self.client.get_extra_info("peername")[1])

    def afflict(self, trouble: Trouble | None) -> None:
        self.trouble = trouble
        if trouble is not None and trouble.kind == "silent":
            self.flowing.clear()
        else:
            self.flowing.set()
        if trouble is not None and trouble.kind == "cut":
            self.abort()

    def abort(self) -> None:
        for writer in (self.client, self.server):
            if writer is not None:
                # With a linger of nothing the other side is told by a reset, as by a router that has lost its state.
                opened = writer.get_extra_info("socket")
                if opened is not None and opened.fileno() >= 0:
                    opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()


class Link:
    """Listens on `port` of 127.0.0.1, leads to `target`. `owner` tells which client has a local port (for `only`)."""

    def __init__(self, name: str, owner: Callable[[int], str | None]) -> None:
        self.name = name
        self.port = 0
        self.target = 0
        self.bytes_to_server = 0
        self._owner = owner
        self._trouble: Trouble | None = None
        self._connections: set[_Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Begin to listen on a free port."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening and break every connection."""
        assert self._server is not None
        self._server.close()
        for connection in list(self._connections):
            connection.flowing.set()
            connection.abort()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def impose(self, trouble: Trouble) -> None:
        """From now on, until `heal`. A new trouble takes the place of an old one."""
        self._trouble = trouble
        for connection in list(self._connections):
            connection.afflict(trouble if self._concerns(trouble, connection) else None)

    def heal(self) -> None:
        """The network is well again."""
        self._trouble = None
        for connection in list(self._connections):
            connection.afflict(None)

    def _concerns(self, trouble: Trouble, connection: _Connection) -> bool:
        return not trouble.only or self._owner(connection.port) in trouble.only

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._carry(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Connection(writer)
        self._connections.add(connection)
        try:
            trouble = self._trouble
            connection.afflict(trouble if trouble is not None and self._concerns(trouble, connection) else None)
            if connection.trouble is not None and connection.trouble.kind == "cut":
                return
            answers, connection.server = await asyncio.open_connection("127.0.0.1", self.target)
            pumps = {
                asyncio.create_task(self._pump(connection, reader, connection.server, to_server=True)),
                asyncio.create_task(self._pump(connection, answers, writer, to_server=False)),
            }
            try:
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for pump in pumps:
                    pump.cancel()
                await asyncio.gather(*pumps, return_exceptions=True)
        except OSError:
            pass  # the server does not listen: the client's connection is broken off, which is the answer
        finally:
            self._connections.discard(connection)
            await _finish(connection)

    async def _pump(
        self, connection: _Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, to_server: bool
    ) -> None:
        try:
            while data := await reader.read(CHUNK):
                await connection.flowing.wait()
                trouble = connection.trouble
                if trouble is not None and trouble.kind == "slow":
                    await asyncio.sleep(trouble.delay + len(data) / trouble.rate)
                    await connection.flowing.wait()
                if to_server:
                    self.bytes_to_server += len(data)
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass  # one side is gone: the other is told by the end of the connection


async def _finish(connection: _Connection) -> None:
    """Send what is written, then close both sides."""
    for writer in (connection.client, connection.server):
        if writer is not None:
            writer.close()
    for writer in (connection.client, connection.server):
        if writer is not None:
            try:
                async with asyncio.timeout(1):
                    await writer.wait_closed()
            except (OSError, TimeoutError):
                writer.transport.abort()
