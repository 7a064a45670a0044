"""A connection to one broker for fetches alone: what the broker sends is received once, into place.

The client library's connection takes what arrives apart into small pieces and puts them together again, which costs
more than all the parsing of the records. Request and response are Fetch version 11 (Kafka 2.3 and later):
https://kafka.apache.org/protocol#The_Messages_Fetch
"""

import asyncio
import socket
import struct
from typing import Self

from aiokafka.protocol.fetch import FetchRequest
from aiokafka.structs import TopicPartition

_VERSION = {FetchRequest.API_KEY: (11, 11)}
_READ_COMMITTED = 1
_WAIT_MILLISECONDS = 500
_PATIENCE_SECONDS = 30.0
_SIZE = struct.Struct(">i")
# correlation id, throttle time, error, session, number of topics, length of the topic's name
_HEAD = struct.Struct(">iihiih")
# number of partitions, partition, error, high watermark, last stable offset, log start, number of aborted transactions
_PARTITION = struct.Struct(">iihqqqi")
# preferred replica, length of the record batches
_RECORDS = struct.Struct(">ii")


class FetchRefused(Exception):
    """The broker's answer is something else than committed record batches of the partition."""


class FetchConnection:
    """Asks for a partition's record batches, one question at a time. Raises OSError where the broker is away."""

    def __init__(self, connected: socket.socket, client_id: str) -> None:
        self._socket = connected
        self._client_id = client_id
        self._correlation = 0
        self._received = bytearray()

    @classmethod
    async def open(cls, host: str, port: int, client_id: str) -> Self:
        """Connect. Raises OSError."""
        loop = asyncio.get_running_loop()
        (family, kind, protocol, _, address), *_ = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        made = socket.socket(family, kind, protocol)
        made.setblocking(False)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await loop.sock_connect(made, address)
        except BaseException:
            made.close()
            raise
        return cls(made, client_id)

    def close(self) -> None:
        self._socket.close()

    async def ask(self, place: TopicPartition, offset: int, most_bytes: int) -> None:
        """Ask for the batches from an offset on; the broker waits a moment where there is none yet."""
        self._correlation += 1
        wanted = [(place.topic, [(place.partition, offset, most_bytes)])]
        request = FetchRequest(_WAIT_MILLISECONDS, 1, most_bytes, _READ_COMMITTED, wanted).prepare(_VERSION)
        message = request.build_request_header(self._correlation, self._client_id).encode() + request.encode()
        await asyncio.get_running_loop().sock_sendall(self._socket, _SIZE.pack(len(message)) + message)

    async def answer(self) -> bytes:
        """The answer to what was asked: record batches, the last one perhaps cut off. Raises FetchRefused."""
        async with asyncio.timeout(_PATIENCE_SECONDS):
            (length,) = _SIZE.unpack(await self._receive(_SIZE.size))
            return self._batches(await self._receive(length))

    async def _receive(self, length: int) -> memoryview:
        """What comes next, until the next call: memory that was in use before costs neither zeros nor page faults."""
        loop = asyncio.get_running_loop()
        if len(self._received) < length:
            self._received = bytearray(length)
        found = left = memoryview(self._received)[:length]
        while left:
            count = await loop.sock_recv_into(self._socket, left)
            if not count:
                raise ConnectionResetError("the broker has closed the connection")
            left = left[count:]
        return found

    def _batches(self, answer: memoryview) -> bytes:
        correlation, _, error, _, topics, name = _HEAD.unpack_from(answer)
        if correlation != self._correlation or error or topics != 1:
            raise FetchRefused(f"error {error}, {topics} topics in the answer {correlation} to {self._correlation}")
        begin = _HEAD.size + name
        _, _, error, _, _, _, aborted = _PARTITION.unpack_from(answer, begin)
        if error or aborted > 0:
            raise FetchRefused(f"error {error}, {max(0, aborted)} aborted transactions")
        begin += _PARTITION.size
        _, length = _RECORDS.unpack_from(answer, begin)
        begin += _RECORDS.size
        return bytes(answer[begin : begin + max(0, length)])
