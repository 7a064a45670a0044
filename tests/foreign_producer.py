"""A producer in another encoding: `python -m tests.foreign_producer SERVERS TOPIC COMPRESSION < records`.

Each line of the input is a JSON object: key and value (each may be null), headers (a list of name and value); the name
`latin-1` goes out as the bytes FF FE. The protocol allows it, and aiokafka's encoder in pure Python
(AIOKAFKA_NO_EXTENSIONS=1) lets it pass. All records go out together, so that they share a batch in each partition.
"""

import asyncio
import json
import os
import sys

from aiokafka import AIOKafkaProducer

from schemas.envelope import Header


class ForeignName(str):
    """A header's name that is not UTF-8."""

    __slots__ = ()

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        return b"\xff\xfe"


async def main(servers: str, topic: str, compression: str) -> None:
    producer = AIOKafkaProducer(
        bootstrap_servers=servers, linger_ms=200, compression_type=None if compression == "none" else compression
    )
    await producer.start()
    try:
        sent = []
        for line in sys.stdin:
            record = json.loads(line)
            headers: list[Header] = [
                (ForeignName() if name == "latin-1" else name, value.encode()) for name, value in record["headers"]
            ]
            key, value = (None if text is None else text.encode() for text in (record["key"], record["value"]))
            # `send` insists on a key or a value; the protocol does not.
            producer._serialize = lambda *_, key=key, value=value: (key, value)
            sent.append(await producer.send(topic, b"", b"", headers=headers))
        await asyncio.gather(*sent)
    finally:
        await producer.stop()


async def send_foreign(
    servers: str,
    topic: str,
    records: list[tuple[bytes | None, bytes | None, list[Header]]],
    *,
    compression: str = "none",
) -> None:
    """Run this producer as a process of its own; records are (key, value, headers)."""
    lines = "\n".join(
        json.dumps(
            {
                "key": key and key.decode(),
                "value": value and value.decode(),
                "headers": [(name, text.decode()) for name, text in headers],
            }
        )
        for key, value, headers in records
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.foreign_producer", servers, topic, compression),
        stdin=asyncio.subprocess.PIPE,
        env={**os.environ, "AIOKAFKA_NO_EXTENSIONS": "1"},
    )
    await process.communicate(lines.encode())
    assert process.returncode == 0


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
