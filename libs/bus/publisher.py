"""Publishing facts: idempotent, acknowledged by all in-sync replicas, traced."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    CorruptRecordException,
    InvalidTimestampError,
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
    UnknownError,
)
from aiokafka.structs import RecordMetadata
from opentelemetry.trace import SpanKind

from libs.bus.message import Message, Outgoing, message
from libs.bus.settings import KafkaSettings
from libs.telemetry.log import get_logger
from libs.telemetry.metrics import BUS_PUBLISHED
from libs.telemetry.trace import trace_headers, tracer
from schemas.envelope import Envelope, Header
from schemas.event import Fact

log = get_logger()

MAX_MESSAGE_BYTES = 8 * 1024 * 1024
CONNECT_RETRY_SECONDS = 1.0
FLUSH_SECONDS = 5.0
_ASK_SECONDS = 5.0

Seal = Callable[[Fact], Awaitable[Fact]]
"""Gives a fact as it may be published: its personal data sealed (libs.privacy). May raise NotPublished."""

_CLOSED = "the publisher is closed, or not connected yet"
_STOPPING: set[asyncio.Task[None]] = set()  # the loop itself holds tasks weakly


class NotPublished(Exception):
    """Kafka did not acknowledge a record in time. It may still be written later: its id makes a repetition harmless."""


class RecordRefused(NotPublished):
    """Kafka answers, and does not take this record: however often it is sent, until somebody changes something."""


_REFUSALS = (
    MessageSizeTooLargeError,  # also the client's own, before it sends anything
    RecordListTooLargeError,
    InvalidTopicError,
    TopicAuthorizationFailedError,
    CorruptRecordException,
    InvalidTimestampError,
    UnknownError,  # aiokafka has no name for what a compacted topic says of a record without a key (INVALID_RECORD)
)
"""Answers about the record. Others that are not retriable are about the producer's session."""


class Publisher:
    """A process's one producer. `source` becomes the CloudEvents source, for example `/sellstream/pricing`.

    With `waits=False` the process goes on at once where Kafka is away, and the connection is made behind it. `seal` is
    needed by whoever publishes facts with a person's data.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        service: str,
        *,
        linger_ms: int = 2,
        waits: bool = True,
        seal: Seal | None = None,
    ) -> None:
        self._settings = settings
        self._source = f"/sellstream/{service}"
        self._service = service
        self._linger_ms = linger_ms
        self._waits = waits
        self._seal = seal
        self._producer: AIOKafkaProducer | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._reopening = asyncio.Lock()

    async def __aenter__(self) -> Self:
        """Connect; waits for as long as Kafka is away, and says so."""
        if self._waits:
            await self._connect()
        else:
            self._connecting = asyncio.create_task(self._connect(), name="connection to Kafka")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.wait({self._connecting})
        producer, self._producer = self._producer, None
        if producer is not None:
            await _stop(producer)

    async def publish(
        self, outgoing: Outgoing, *, cause: Envelope | None = None, within: float | None = None
    ) -> RecordMetadata:
        """Publish one fact and wait until it is durable; raise NotPublished."""
        name = type(outgoing.fact).__name__
        with tracer.start_as_current_span(f"send {name}", kind=SpanKind.PRODUCER) as span:
            outgoing = replace(outgoing, fact=await self.sealed(outgoing.fact))
            ready = message(outgoing, source=self._source, cause=cause, trace=trace_headers())
            metadata = await self.send(ready.topic, ready.key, ready.value, ready.headers, within=within)
            span.set_attributes(_span_attributes(ready, metadata))
        return metadata

    async def sealed(self, fact: Fact) -> Fact:
        """The fact as it may be published: as it is where nothing seals, or nothing has to be. Raises NotPublished."""
        return fact if self._seal is None else await self._seal(fact)

    @property
    def seals(self) -> bool:
        """Whether it may publish a person's data."""
        return self._seal is not None

    async def send(
        self, topic: str, key: bytes | None, value: bytes | None, headers: list[Header], *, within: float | None = None
    ) -> RecordMetadata:
        """Write one record to a declared topic and wait until it is durable; raise NotPublished or RecordRefused.

        `within` is in seconds. A record that timed out may still be written: aiokafka's idempotent producer goes on
        trying after its caller has given up. It also does for a topic that does not exist (see `require_topic`).
        """
        producer = self._producer
        if producer is None:
            raise NotPublished(_CLOSED)
        if key is None and value is None:
            raise RecordRefused("a record with neither key nor value cannot be sent: the client library has no such")
        try:
            async with asyncio.timeout(within):
                future = await producer.send(self._settings.topic(topic), key=key, value=value, headers=headers)
                metadata = await asyncio.shield(future)
        except TimeoutError:
            raise NotPublished(f"Kafka did not acknowledge a record for {topic} within {within} s") from None
        except KafkaError as error:
            await self.renew(producer, error)
            failure = RecordRefused if isinstance(error, _REFUSALS) else NotPublished
            raise failure(f"Kafka refused a record for {topic}: {type(error).__name__}: {error}") from error
        BUS_PUBLISHED.labels(topic).inc()
        return metadata

    async def require_topic(self, name: str) -> None:
        """Raise RecordRefused where Kafka has no such topic, and NotPublished where Kafka does not answer.

        For a name that is not ours to promise. To `send`, a topic that is missing looks like a Kafka that is away.
        """
        client, topic = (await self.producer()).client, self._settings.topic(name)
        try:
            async with asyncio.timeout(_ASK_SECONDS):
                found = await client.fetch_all_metadata()
        except (TimeoutError, KafkaError) as error:
            raise NotPublished(f"Kafka does not tell its topics: {type(error).__name__}: {error}") from error
        if found.partitions_for_topic(topic) is None:
            raise RecordRefused(f"Kafka has no topic {topic!r}")

    async def producer(self) -> AIOKafkaProducer:
        """The connected client, for writers of whole batches; waits for the first connection. Raises NotPublished."""
        if self._producer is None and self._connecting is not None:
            await asyncio.wait({self._connecting})
        if self._producer is None:
            raise NotPublished(_CLOSED)
        return self._producer

    @property
    def connected(self) -> AIOKafkaProducer | None:
        """The client once it is connected."""
        return self._producer

    async def renew(self, producer: AIOKafkaProducer, error: KafkaError) -> None:
        """After an error that ends an idempotent producer's session, begin a new one; else do nothing.

        Raises NotPublished while Kafka is away.
        """
        if error.retriable:
            return
        try:
            await self._reopen(producer)
        except KafkaError as away:
            raise NotPublished(f"the producer's session ended, and Kafka is away: {away}") from error

    def topic(self, name: str) -> str:
        """The name of a declared topic at the broker."""
        return self._settings.topic(name)

    async def check(self) -> None:
        """Raise unless Kafka answers: for readiness."""
        producer = self._producer
        if producer is None:
            raise NotPublished(_CLOSED)
        async with asyncio.timeout(_ASK_SECONDS):
            await producer.client.fetch_all_metadata()

    async def _connect(self) -> None:
        while self._producer is None:
            try:
                self._producer = await self._open()
            except KafkaError as error:
                log.warning("kafka is away", servers=self._settings.bootstrap_servers, error=str(error))
                await asyncio.sleep(CONNECT_RETRY_SECONDS)

    async def _open(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            bootstrap_servers=self._settings.bootstrap_servers,
            client_id=self._service,
            acks="all",
            enable_idempotence=True,
            linger_ms=self._linger_ms,
            max_request_size=MAX_MESSAGE_BYTES,
            request_timeout_ms=30_000,
        )
        try:
            await producer.start()
        except BaseException:
            await producer.stop()
            raise
        return producer

    async def _reopen(self, broken: AIOKafkaProducer) -> None:
        """Once for all waiting callers."""
        async with self._reopening:
            if self._producer != broken:
                return  # somebody else has done it
            log.warning("the producer's session ended; a new one begins")
            self._producer = await self._open()
        await _stop(broken)


async def _stop(producer: AIOKafkaProducer) -> None:
    """Stop a producer as soon as Kafka has acknowledged what it holds; after a while, without waiting for that.

    aiokafka's own `stop` waits for Kafka for ever. It goes on behind us until Kafka is back or the process ends.
    """
    stopping = asyncio.create_task(producer.stop(), name="stop of a producer")
    _STOPPING.add(stopping)
    stopping.add_done_callback(_STOPPING.discard)
    _, late = await asyncio.wait({stopping}, timeout=FLUSH_SECONDS)
    if late:
        log.warning("stopped while Kafka is away: what it has not acknowledged may be lost")
    else:
        stopping.result()


def _span_attributes(sent: Message, metadata: RecordMetadata) -> dict[str, str | int]:
    return {
        "messaging.system": "kafka",
        "messaging.operation.name": "send",
        "messaging.operation.type": "send",
        "messaging.destination.name": metadata.topic,
        "messaging.destination.partition.id": str(metadata.partition),
        "messaging.kafka.offset": metadata.offset,
        "messaging.message.id": sent.envelope.id,
        "cloudevents.event_id": sent.envelope.id,
        "cloudevents.event_type": sent.envelope.type,
        "cloudevents.event_source": sent.envelope.source,
        "cloudevents.event_subject": sent.envelope.subject,
    }
