"""The load generator where there is no Go: the same options, files and meaning as `main.go`."""

import argparse
import asyncio
import json
import os
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

import uvloop

from bench.gateway.deliveries import read_requests

_RECORD = struct.Struct("<IHxx")
_MOST_MICROSECONDS = 0xFFFFFFFF
_ANSWER_SECONDS = 60.0


class _Connection(asyncio.Protocol):
    """Sends one request at a time and calls back with the status of its answer; 0 when the connection was lost."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._received = b""
        self._on_status: Callable[[int], None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but its base class

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - a lost connection is a lost connection
        self._transport = None
        self._finish(0)

    @property
    def usable(self) -> bool:
        return self._transport is not None

    async def exchange(self, request: bytes) -> int:
        answered: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._on_status = answered.set_result
        assert self._transport is not None
        self._transport.write(request)
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                return await answered
        except TimeoutError:
            self._on_status = None
            self.close()
            return 0

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()
            self._transport = None

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, separator, body = self._received.partition(b"\r\n\r\n")
        if not separator:
            return
        lower = head.lower()
        length = int(lower.partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0])
        if len(body) < length:
            return
        self._received = b""
        if b"\r\nconnection: close" in lower:
            self.close()
        self._finish(int(head[9:12]))

    def _finish(self, status: int) -> None:
        on_status, self._on_status = self._on_status, None
        if on_status is not None:
            on_status(status)


async def _work(options: argparse.Namespace, requests: list[bytes], records: bytearray, start: float) -> None:
    loop = asyncio.get_running_loop()
    host, port = options.address.rsplit(":", 1)
    due_indexes = iter(range(len(requests)))

    async def worker() -> None:
        connection: _Connection | None = None
        for index in due_indexes:
            begun = time.perf_counter()
            if options.rate:
                begun = start + index / options.rate
                await asyncio.sleep(max(0.0, begun - time.perf_counter()))
            if connection is None or not connection.usable:
                try:
                    _, connection = await loop.create_connection(_Connection, host, int(port))
                except OSError:
                    connection = None
                    await asyncio.sleep(0.01)  # a server that refuses is not asked in a tight loop
            status = await connection.exchange(requests[index]) if connection is not None else 0
            # A timer may ring a moment early, so that a quick answer can come before its request was due.
            latency = max(0, min(int((time.perf_counter() - begun) * 1e6), _MOST_MICROSECONDS))
            _RECORD.pack_into(records, index * _RECORD.size, latency, status)
        if connection is not None:
            connection.close()

    await asyncio.gather(*(worker() for _ in range(options.connections)))


def main() -> None:
    """Run the load of the command line; prints one JSON line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("-address", required=True)
    parser.add_argument("-requests", type=Path, required=True)
    parser.add_argument("-records", type=Path, required=True)
    parser.add_argument("-first", type=int, default=0)
    parser.add_argument("-count", type=int, required=True)
    parser.add_argument("-connections", type=int, default=64)
    parser.add_argument("-rate", type=float, default=0.0)
    options = parser.parse_args()
    requests = list(read_requests(options.requests, options.first, options.count))
    records = bytearray(_RECORD.size * len(requests))
    before, start = os.times(), time.perf_counter()
    uvloop.run(_work(options, requests, records, start))
    elapsed, after = time.perf_counter() - start, os.times()
    options.records.write_bytes(records)
    cpu = after.user + after.system - before.user - before.system
    print(json.dumps({"generator": "python", "elapsed_s": elapsed, "cpu_s": cpu}))


if __name__ == "__main__":
    main()
