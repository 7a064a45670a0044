"""What a gateway peer is told by its environment, and the producer that the Python ones share."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Self

from aiokafka import AIOKafkaProducer


@dataclass(frozen=True)
class PeerSettings:
    """The same names for the Go peer."""

    bootstrap_servers: str
    topic: str
    port: int
    path: str
    signature_key: bytes
    notification_url: bytes
    uvloop: bool
    """Python only: uvloop, and where there is a choice httptools, instead of what the packages use by themselves."""

    @classmethod
    def from_environment(cls) -> Self:
        """Raises KeyError: the harness sets them all."""
        return cls(
            bootstrap_servers=os.environ["KAFKA_BOOTSTRAP_SERVERS"],
            topic=os.environ["PEER_TOPIC"],
            port=int(os.environ["PEER_PORT"]),
            path=os.environ["PEER_PATH"],
            signature_key=os.environ["PEER_SIGNATURE_KEY"].encode(),
            notification_url=os.environ["PEER_NOTIFICATION_URL"].encode(),
            uvloop=os.environ.get("PEER_UVLOOP") == "1",
        )


@asynccontextmanager
async def producer(settings: PeerSettings) -> AsyncIterator[AIOKafkaProducer]:
    """aiokafka's producer with the guarantees that the benchmark asks of everybody."""
    started = AIOKafkaProducer(
        bootstrap_servers=settings.bootstrap_servers, acks="all", enable_idempotence=True, linger_ms=0
    )
    await started.start()
    try:
        yield started
    finally:
        await started.stop()
