"""Raw bytes to a server and back, for what no HTTP client would send."""

import asyncio
import re
from contextlib import suppress


async def say(port: int, *parts: bytes, end: bool = False, within: float = 10) -> bytes:
    """What the server answers to raw bytes until it closes; `end` closes our half behind the last part."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
        if end:
            writer.write_eof()
        async with asyncio.timeout(within):
            return await reader.read()
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


def post(path: str, body: bytes, *headers: str, length: int | None = None, close: bool = True) -> bytes:
    """An HTTP/1.1 POST of JSON as it goes over the wire; `length` is what Content-Length says."""
    said = len(body) if length is None else length
    lines = [f"POST {path} HTTP/1.1", "Host: gateway", "Content-Type: application/json", f"Content-Length: {said}"]
    lines += [*headers, *(["Connection: close"] if close else []), "", ""]
    return "\r\n".join(lines).encode() + body


def statuses(answer: bytes) -> list[int]:
    """The statuses of all responses in what a server answered."""
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] ([0-9]{3}) ", answer)]
