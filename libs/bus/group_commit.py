"""Many small records, few produce requests: per partition, one batch collects while the one before it is in flight.

A record's cost in a producer is what is done per record (a future, a task, a lock); here that is one append to
a batch buffer and one callback. All partitions' batches leave together: a produce request costs much more than a
record. Nothing waits in an idle producer; in a busy one requests are at least a few milliseconds apart.
"""

import asyncio
from collections import deque
from collections.abc import Callable

from aiokafka.errors import KafkaError
from aiokafka.producer.message_accumulator import BatchBuilder

from libs.bus.partitioner import partition_of
from libs.bus.publisher import NotPublished, Publisher
from libs.telemetry.log import get_logger
from libs.telemetry.metrics import BUS_PUBLISHED
from schemas.envelope import Header

log = get_logger()

Done = Callable[[Exception | None], None]
"""Called once per record: with None when it is durable, else with why that is not known (it may be in the topic)."""

BATCH_BYTES = 512 * 1024
"""Half of what a broker takes by default. A larger record is a batch of its own."""

PACE_SECONDS = 0.004
"""The least time between two requests."""

_UNCOMPRESSED = 0


class Overloaded(Exception):
    """So many records wait for Kafka that no more are taken in."""


class _Lane:
    __slots__ = ("busy", "full", "open", "partition", "waiting")

    def __init__(self, partition: int) -> None:
        self.partition = partition
        self.open: BatchBuilder | None = None
        self.waiting: list[Done] = []
        self.full: deque[tuple[BatchBuilder, list[Done]]] = deque()
        self.busy = False

    @property
    def has_more(self) -> bool:
        return bool(self.full) or self.open is not None

    def take(self) -> tuple[BatchBuilder, list[Done]] | None:
        """The next batch to send, oldest first."""
        if self.full:
            return self.full.popleft()
        if self.open is None:
            return None
        batch = (self.open, self.waiting)
        self.open, self.waiting = None, []
        return batch


class GroupCommit:
    """Appends records to one declared topic through a publisher's idempotent producer with acks=all.

    `partitions` is the topic's declared number. `most_waiting` bounds the records (not the bytes) that wait for an
    acknowledgement.
    """

    def __init__(self, publisher: Publisher, topic: str, partitions: int, *, most_waiting: int = 20_000) -> None:
        self._publisher = publisher
        self._topic = publisher.topic(topic)
        self._published = BUS_PUBLISHED.labels(topic)
        self._lanes = [_Lane(partition) for partition in range(partitions)]
        self._most_waiting = most_waiting
        self._tasks: set[asyncio.Task[None]] = set()
        self._sent_at = -PACE_SECONDS
        self._due: asyncio.Handle | None = None
        self.waiting = 0

    def append(self, key: bytes, value: bytes, headers: list[Header], timestamp_ms: int, done: Done) -> None:
        """Take one record in; `done` is called later, never from here. Raises Overloaded."""
        if self.waiting >= self._most_waiting:
            raise Overloaded(f"{self.waiting} records wait for Kafka to acknowledge them")
        lane = self._lanes[partition_of(key, len(self._lanes))]
        if lane.open is None:
            lane.open = BatchBuilder(BATCH_BYTES, _UNCOMPRESSED)
        if lane.open.append(timestamp=timestamp_ms, key=key, value=value, headers=headers) is None:
            lane.full.append((lane.open, lane.waiting))
            lane.open, lane.waiting = BatchBuilder(BATCH_BYTES, _UNCOMPRESSED), []
            lane.open.append(timestamp=timestamp_ms, key=key, value=value, headers=headers)
        lane.waiting.append(done)
        self.waiting += 1
        if self._due is None and not lane.busy:
            self._send_soon()

    async def close(self, within: float) -> int:
        """Wait until everything taken in has its answer, at most so many seconds; the number that has none.

        What has none may still be written, as long as the publisher lives.
        """
        try:
            async with asyncio.timeout(within):
                while self.waiting:
                    self._send_all()
                    await asyncio.wait(self._tasks)
        except TimeoutError:
            late = set(self._tasks)
            for task in late:
                task.cancel()
            await asyncio.wait(late)
        if self._due is not None:
            self._due.cancel()
        return self.waiting

    def _send_soon(self) -> None:
        """In the next turn of the loop, or when the pace allows it: what comes until then joins the batches."""
        loop = asyncio.get_running_loop()
        at = self._sent_at + PACE_SECONDS
        self._due = loop.call_soon(self._send_all) if at <= loop.time() else loop.call_at(at, self._send_all)

    def _send_all(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None
        self._sent_at = asyncio.get_running_loop().time()
        for lane in self._lanes:
            if not lane.busy and (batch := lane.take()) is not None:
                lane.busy = True
                task = asyncio.ensure_future(self._send(lane, *batch))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _send(self, lane: _Lane, builder: BatchBuilder, waiting: list[Done]) -> None:
        failure = await self._write(lane.partition, builder)
        self.waiting -= len(waiting)
        if failure is None:
            self._published.inc(len(waiting))
        lane.busy = False
        if self._due is None and lane.has_more:
            self._send_soon()
        for done in waiting:
            try:
                done(failure)
            except Exception:
                log.exception("what waited for a record failed")  # and the lane's other records go on

    async def _write(self, partition: int, builder: BatchBuilder) -> Exception | None:
        builder.close()  # a batch that could take more would linger in the producer
        producer = None
        try:
            producer = await self._publisher.producer()
            acknowledged = await producer.send_batch(builder, self._topic, partition=partition)
            await acknowledged
        except KafkaError as error:
            failure = NotPublished(f"Kafka refused a batch for {self._topic}: {type(error).__name__}: {error}")
            failure.__cause__ = error
            if producer is not None:
                try:
                    await self._publisher.renew(producer, error)
                except NotPublished as away:
                    log.warning("no new session with Kafka yet", error=str(away))
            return failure
        except NotPublished as error:
            return error
        except AssertionError as error:  # how aiokafka says that there is no such partition
            return NotPublished(f"{self._topic} has no partition {partition}; create the topics: {error}")
        return None
