"""Dead letters: a record that a consumer could not handle, with its original bytes and the reason.

Key, value and headers stay as they were; the reason is added in headers. Their names follow Kafka Connect
(DeadLetterQueueReporter: `__connect.errors.*`, all text), Spring Kafka (KafkaHeaders: `kafka_dlt-*`, numbers in binary)
and our own `x-*`, so that the tools of both know them. A record that fails again after a retry keeps its
`x-first-failed-at` and its count of replays.

A record that is too large for a copy with marks is left where it stands: its dead letter has the marks alone, and
`x-left-at-origin` says how many bytes the value has there.
"""

import asyncio
import re
import struct
import traceback
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Self

from aiokafka.errors import MessageSizeTooLargeError

from libs.bus.message import REDRIVE_TO, Record
from libs.bus.outcome import ErrorClass
from libs.bus.publisher import NotPublished, Publisher
from libs.bus.replay import RETRIES
from libs.bus.settings import KafkaSettings
from libs.telemetry.log import get_logger
from libs.telemetry.metrics import BUS_DEAD_LETTERS
from schemas.envelope import Header
from schemas.topics import dead_letter_topic
from schemas.values import format_time

log = get_logger()

CONNECT = "__connect.errors."
SPRING = "kafka_dlt-"
ERROR_CLASS = "x-error-class"
ATTEMPTS = "x-attempts"
FAILED_CONSUMER = "x-failed-consumer"
FIRST_FAILED_AT = "x-first-failed-at"

LEFT_AT_ORIGIN = "x-left-at-origin"

_OWN = frozenset({ERROR_CLASS, ATTEMPTS, RETRIES, FAILED_CONSUMER, FIRST_FAILED_AT, LEFT_AT_ORIGIN, REDRIVE_TO})
_ONE_TASK = "0"
"""Connect numbers a connector's tasks; a consumer of ours is one."""

_CREATE_TIME = "CreateTime"
"""Every topic of ours has its records' times from their producers (Kafka's default)."""

_NUMBER = re.compile(r"-?[0-9]{1,18}")
_MAX_TEXT = 4_000
_RETRY_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record in a dead-letter topic, with what its marks say. Times are RFC 3339 texts as written."""

    record: Record
    consumer: str
    topic: str
    partition: int
    offset: int
    error_class: str
    exception: str
    message: str
    attempts: int
    replays: int
    first_failed_at: str
    left_at_origin: bool

    @property
    def id(self) -> str:
        """`consumer:partition:offset` of the dead letter itself: how a person names it."""
        return f"{self.consumer}:{self.record.partition}:{self.record.offset}"

    @classmethod
    def of(cls, record: Record, consumer: str) -> Self:
        """Read the marks; a mark that another tool left out is empty or zero."""
        marks = {name: value.decode(errors="replace") for name, value in record.headers if value is not None}

        def number(name: str) -> int:
            text = marks.get(name, "")
            return int(text) if _NUMBER.fullmatch(text) else 0

        return cls(
            record=record,
            consumer=consumer,
            topic=marks.get(f"{CONNECT}topic", ""),
            partition=number(f"{CONNECT}partition"),
            offset=number(f"{CONNECT}offset"),
            error_class=marks.get(ERROR_CLASS, ""),
            exception=marks.get(f"{CONNECT}exception.class.name", ""),
            message=marks.get(f"{CONNECT}exception.message", ""),
            attempts=number(ATTEMPTS),
            replays=number(RETRIES),
            first_failed_at=marks.get(FIRST_FAILED_AT, ""),
            left_at_origin=LEFT_AT_ORIGIN in marks,
        )

    def with_original(self, original: Record) -> Self:
        """The dead letter with the record that was left at its origin, as if it had been copied."""
        at = self.record
        marks = [mark for mark in at.headers if _is_mark(mark[0])]
        headers = [*without_marks(original.headers), *marks]
        copied = Copy(at.topic, at.partition, at.offset, at.timestamp, original.key, original.value, headers)
        return replace(self, record=copied, left_at_origin=False)

    def headers_for_retry(self) -> list[Header]:
        """The record's own headers, and the marks that keep a retry from running in circles or reaching others."""
        return [
            *without_marks(self.record.headers),
            (RETRIES, str(self.replays + 1).encode()),
            (FIRST_FAILED_AT, self.first_failed_at.encode()),
            (REDRIVE_TO, self.consumer.encode()),
        ]


@dataclass(frozen=True, slots=True)
class Copy:
    """A record with the place of a dead letter and the content of its original."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[Header]


class DeadLetters:
    """Where one consumer puts what it cannot handle."""

    def __init__(self, settings: KafkaSettings, publisher: Publisher, consumer: str) -> None:
        self._settings = settings
        self._publisher = publisher
        self._consumer = consumer
        self.topic = dead_letter_topic(consumer)

    async def put(
        self, record: Record, *, error: BaseException, error_class: ErrorClass, attempts: int, group: str | None = None
    ) -> None:
        """Store a record with its reason; returns only when it is durable, however long Kafka is away.

        `group` is the consumer's group where it has another name than the consumer.
        """
        origin = self._settings.logical(record.topic)
        headers = annotated(
            record, origin, self._consumer, error, error_class, attempts, self._settings.group(group or self._consumer)
        )
        key, value, left = record.key, record.value, False
        if key is None and value is None:
            value = b""  # the client library sends no record that has neither
        while True:
            try:
                await self._publisher.send(self.topic, key, value, headers, within=30)
                break
            except NotPublished as failure:
                if isinstance(failure.__cause__, MessageSizeTooLargeError) and not left:
                    left = True
                    size = str(len(value or b"")).encode()
                    headers = [mark for mark in headers if _is_mark(mark[0])] + [(LEFT_AT_ORIGIN, size)]
                    key, value = None, b""
                    continue
                log.warning("a dead letter is not stored yet; trying again", topic=self.topic, error=str(failure))
                await asyncio.sleep(_RETRY_SECONDS)
        BUS_DEAD_LETTERS.labels(self._consumer, origin, error_class).inc()
        log.warning(
            "dead letter",
            topic=origin,
            partition=record.partition,
            offset=record.offset,
            error_class=error_class,
            error=f"{type(error).__name__}: {error}"[:500],
            attempts=attempts,
        )


def annotated(
    record: Record,
    origin: str,
    consumer: str,
    error: BaseException,
    error_class: ErrorClass,
    attempts: int,
    group: str,
) -> list[Header]:
    """The record's own headers, without marks of an earlier failure, and the marks of this one."""
    earlier = dict(record.headers)
    kind, text = _kind(error), str(error)[:_MAX_TEXT]
    trace = "".join(traceback.format_exception(error))[-_MAX_TEXT:]
    marks = {
        f"{CONNECT}topic": origin,
        f"{CONNECT}partition": str(record.partition),
        f"{CONNECT}offset": str(record.offset),
        f"{CONNECT}connector.name": consumer,
        f"{CONNECT}task.id": _ONE_TASK,
        f"{CONNECT}stage": "handle",
        f"{CONNECT}class.name": consumer,
        f"{CONNECT}exception.class.name": kind,
        f"{CONNECT}exception.message": text,
        f"{CONNECT}exception.stacktrace": trace,
        f"{SPRING}exception-fqcn": kind,
        f"{SPRING}exception-message": text,
        f"{SPRING}exception-stacktrace": trace,
        f"{SPRING}original-topic": origin,
        f"{SPRING}original-timestamp-type": _CREATE_TIME,
        f"{SPRING}original-consumer-group": group,
        ERROR_CLASS: error_class.value,
        ATTEMPTS: str(attempts),
        FAILED_CONSUMER: consumer,
    }
    if error.__cause__ is not None:
        marks[f"{SPRING}exception-cause-fqcn"] = _kind(error.__cause__)
    numbers = {
        f"{SPRING}original-partition": struct.pack(">i", record.partition),
        f"{SPRING}original-offset": struct.pack(">q", record.offset),
        f"{SPRING}original-timestamp": struct.pack(">q", record.timestamp),
    }
    kept = {
        RETRIES: earlier.get(RETRIES) or b"0",
        FIRST_FAILED_AT: earlier.get(FIRST_FAILED_AT) or format_time(datetime.now(UTC)).encode(),
    }
    added = {name: text.encode(errors="replace") for name, text in marks.items()} | numbers | kept
    return [*without_marks(record.headers), *added.items()]


def without_marks(headers: Iterable[Header]) -> list[Header]:
    """A dead letter's headers as the record had them before it failed."""
    return [header for header in headers if not _is_mark(header[0])]


def _kind(error: BaseException) -> str:
    return f"{type(error).__module__}.{type(error).__qualname__}"


def _is_mark(name: str) -> bool:
    return name in _OWN or name.startswith((CONNECT, SPRING))
