"""Many small records, few produce requests: per partition, one batch collects while the one before it is in flight.

A record's cost in a producer is what is done per record (a future, a task, a lock); here that is one append to
a batch buffer and one callback. Nothing is delayed for the sake of batching: an idle partition sends at once.
"""

import asyncio
from collections import deque
from collections.abc import Callable

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.producer.message_accumulator import BatchBuilder

from libs.bus.partitioner import partition_of
from schemas.envelope import Header

Done = Callable[[Exception | None], None]
"""Called once per record: with None when it is durable, else with why it is not (it may still be written later)."""


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
    """Appends records to one topic through an idempotent producer with acks=all.

    `most_waiting` bounds the records (not the bytes) that wait for an acknowledgement.
    """

    def __init__(self, producer: AIOKafkaProducer, topic: str, partitions: int, *, most_waiting: int = 20_000) -> None:
        self._producer = producer
        self._topic = topic
        self._lanes = [_Lane(partition) for partition in range(partitions)]
        self._most_waiting = most_waiting
        self._tasks: set[asyncio.Task[None]] = set()
        self.waiting = 0

    def append(self, key: bytes, value: bytes, headers: list[Header], timestamp_ms: int, done: Done) -> None:
        """Take one record in; `done` is called later, never from here. Raises Overloaded."""
        if self.waiting >= self._most_waiting:
            raise Overloaded(f"{self.waiting} records wait for Kafka to acknowledge them")
        lane = self._lanes[partition_of(key, len(self._lanes))]
        if lane.open is None:
            lane.open = self._producer.create_batch()
        if lane.open.append(timestamp=timestamp_ms, key=key, value=value, headers=headers) is None:
            lane.full.append((lane.open, lane.waiting))
            lane.open, lane.waiting = self._producer.create_batch(), []
            lane.open.append(timestamp=timestamp_ms, key=key, value=value, headers=headers)
        lane.waiting.append(done)
        self.waiting += 1
        if not lane.busy:
            lane.busy = True
            # A task begins in the next turn of the loop: what other connections send in this turn joins the batch.
            task = asyncio.ensure_future(self._send(lane))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Wait until everything taken in has its answer."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _send(self, lane: _Lane) -> None:
        while (batch := lane.take()) is not None:
            builder, waiting = batch
            failure: Exception | None = None
            try:
                acknowledged = await self._producer.send_batch(builder, self._topic, partition=lane.partition)
                await acknowledged
            except KafkaError as error:
                failure = error
            self.waiting -= len(waiting)
            for done in waiting:
                done(failure)
        lane.busy = False
