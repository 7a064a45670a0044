"""Deciding the fate of one key's records: handle, publish, retry, wait, ignore, or dead-letter."""

import asyncio
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from aiokafka.errors import MessageSizeTooLargeError
from opentelemetry import trace
from opentelemetry.trace import SpanKind

from libs.bus.dead_letter import DeadLetters
from libs.bus.halt import Halt
from libs.bus.message import Outgoing, Received
from libs.bus.outcome import ErrorClass, Ignore, Reject, Retry, Wait
from libs.bus.publisher import NotPublished, Publisher
from libs.bus.replay import is_replay
from libs.bus.settings import KafkaSettings
from libs.telemetry.log import get_logger
from libs.telemetry.metrics import BUS_HANDLE_DURATION
from libs.telemetry.trace import context_of, link_to, tracer

log = get_logger()

Handled = Literal["handled", "ignored", "dead_lettered", "not_for_us", "replay_refused"]

PUBLISH_RETRY_SECONDS = 1.0
SHORTEST_WAIT_SECONDS = 0.05


class TooLarge(Exception):
    """A handler's fact is larger than Kafka takes: trying again would fail for ever."""


class CancelledFromWithin(Exception):
    """A handler let a cancellation of its own escape: a defect, and not the consumer's stop."""


@dataclass(frozen=True)
class Retries:
    """When a failed record is tried again; after the last pause it is dead-lettered.

    | attempt        | 1   | 2 | 3 | 4 | 5 | 6  |
    |----------------|-----|---|---|---|---|----|
    | pause after, s | 0.5 | 1 | 2 | 4 | 8 | –  |
    | total, s       | 0.5 | 1.5 | 3.5 | 7.5 | 15.5 | – |

    Each pause is multiplied by a random factor of 0.7 to 1.3. A dependency that says when to come back is obeyed, up to
    `longest`.
    """

    pauses: tuple[float, ...] = (0.5, 1, 2, 4, 8)
    longest: timedelta = timedelta(minutes=2)

    def pause(self, attempt: int, asked: timedelta | None) -> float:
        """Seconds to wait after a failed attempt (1, 2, …)."""
        own = self.pauses[attempt - 1] * random.uniform(0.7, 1.3)  # noqa: S311  (jitter, not a secret)
        return min(max(own, asked.total_seconds()), self.longest.total_seconds()) if asked else own


class Handling:
    """Brings the records of one lane to their fate."""

    def __init__(
        self,
        consumer: str,
        settings: KafkaSettings,
        publisher: Publisher,
        dead_letters: DeadLetters,
        retries: Retries,
        patience: timedelta,
    ) -> None:
        self._consumer = consumer
        self._settings = settings
        self._publisher = publisher
        self._dead_letters = dead_letters
        self._retries = retries
        self._patience = patience
        self.halt = Halt(consumer)

    async def decide(
        self,
        lane: deque[Received],
        batch: list[Received],
        handler: Callable[[Sequence[Received]], Awaitable[list[Outgoing]]],
        slots: asyncio.Semaphore,
    ) -> Handled:
        """Take what waits in the lane into `batch` and bring it to its fate.

        What arrives in the lane between attempts joins the batch: the next attempt then serves it too.
        """
        attempt = 0
        alone = False
        while True:
            pause: float | None
            async with slots:
                while lane and not (alone and batch) and (not batch or _same_kind(batch[-1], lane[0])):
                    batch.append(lane.popleft())
                attempt += 1
                try:
                    fate = await self._attempt(batch, handler, attempt)
                except Wait as wait:
                    attempt -= 1
                    pause = max(wait.after.total_seconds(), SHORTEST_WAIT_SECONDS)
                    log.info("waiting", consumer=self._consumer, reason=str(wait), seconds=pause)
                except Exception as error:  # noqa: BLE001  (whatever a handler raises is a fate of its record)
                    final = isinstance(error, Reject) or attempt > len(self._retries.pauses)
                    if final and len(batch) > 1 and not isinstance(error, Retry):
                        # One of them may be the culprit: from here on each record is tried alone.
                        alone = True
                        lane.extendleft(reversed(batch[1:]))
                        del batch[1:]
                        attempt = 0
                        continue
                    if final and not self.halt.halted:
                        await self._dead_letter(batch, error, attempt)
                        return "dead_lettered"
                    asked = error.after if isinstance(error, Retry) else None
                    pause = None if final else self._retries.pause(attempt, asked)
                    log.info(
                        "trying again", consumer=self._consumer, reason=str(error)[:300], attempt=attempt, seconds=pause
                    )
                else:
                    self.halt.note(failed=False)
                    return fate
            if pause is None:
                await self.halt.probe_pause()
                attempt = min(attempt, len(self._retries.pauses))
            else:
                await asyncio.sleep(pause)

    async def _attempt(
        self,
        batch: list[Received],
        handler: Callable[[Sequence[Received]], Awaitable[list[Outgoing]]],
        attempt: int,
    ) -> Handled:
        newest = batch[-1]
        topic = self._settings.logical(newest.record.topic)
        parent = context_of(newest.envelope.traceparent, newest.envelope.tracestate)
        links = [link for received in batch[:-1] if (link := link_to(received.envelope))]
        began = time.perf_counter()
        facts: list[Outgoing] = []
        fate: Handled = "handled"
        reason: str | None = None
        with tracer.start_as_current_span(
            f"process {topic}", context=parent, kind=SpanKind.CONSUMER, links=links
        ) as span:
            self._describe(span, batch, topic)
            try:
                facts = await self._call(handler, batch)
                await self._publish(facts, newest)
            except Ignore as ignored:
                fate, reason = "ignored", str(ignored)
            seconds = time.perf_counter() - began
            BUS_HANDLE_DURATION.labels(self._consumer, topic).observe(seconds)
            log.info(
                "consumed",
                consumer=self._consumer,
                topic=topic,
                partition=newest.record.partition,
                offset=newest.record.offset,
                key=newest.envelope.subject,
                event_id=newest.envelope.id,
                records=len(batch),
                fate=fate,
                reason=reason,
                facts=len(facts),
                attempt=attempt,
                milliseconds=round(seconds * 1000, 3),
            )
        return fate

    async def _call(
        self, handler: Callable[[Sequence[Received]], Awaitable[list[Outgoing]]], batch: list[Received]
    ) -> list[Outgoing]:
        try:
            async with asyncio.timeout(self._patience.total_seconds()) as limit:
                return await handler(batch)
        except TimeoutError:
            if limit.expired():
                raise Retry(f"handling took longer than {self._patience.total_seconds():g} s") from None
            raise
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise CancelledFromWithin("the handler let a cancellation of its own escape") from error

    async def _publish(self, facts: list[Outgoing], cause: Received) -> None:
        for outgoing in facts:
            while True:
                try:
                    await self._publisher.publish(outgoing, cause=cause.envelope, within=60)
                    break
                except NotPublished as error:
                    if isinstance(error.__cause__, MessageSizeTooLargeError):
                        raise TooLarge(f"{type(outgoing.fact).__name__} {outgoing.id}: {error}") from error
                    # Kafka's absence is nobody's failed attempt: the same fact, under the same id, is sent again.
                    log.warning("a fact is not published yet; trying again", consumer=self._consumer, error=str(error))
                    await asyncio.sleep(PUBLISH_RETRY_SECONDS)

    async def _dead_letter(self, batch: list[Received], error: Exception, attempts: int) -> None:
        error_class = error.error_class if isinstance(error, Reject | Retry) else ErrorClass.POISON
        for received in batch:
            await self._dead_letters.put(received.record, error=error, error_class=error_class, attempts=attempts)
        if isinstance(error, Retry) or error_class in {ErrorClass.POISON, ErrorClass.DEPENDENCY}:
            self.halt.note(failed=True)  # refusing by policy is work well done, not a failure

    def _describe(self, span: trace.Span, batch: list[Received], topic: str) -> None:
        newest = batch[-1]
        span.set_attributes(
            {
                "messaging.system": "kafka",
                "messaging.operation.name": "process",
                "messaging.operation.type": "process",
                "messaging.destination.name": topic,
                "messaging.destination.partition.id": str(newest.record.partition),
                "messaging.kafka.offset": newest.record.offset,
                "messaging.consumer.group.name": self._settings.group(self._consumer),
                "messaging.batch.message_count": len(batch),
                "messaging.message.id": newest.envelope.id,
                "cloudevents.event_id": newest.envelope.id,
                "cloudevents.event_type": newest.envelope.type,
            }
        )


def _same_kind(one: Received, other: Received) -> bool:
    """Replays and others are never handled together: what comes of a replay may have no effects outside."""
    return is_replay(one.envelope) == is_replay(other.envelope)
