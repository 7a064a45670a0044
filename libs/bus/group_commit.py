"""Many small records, few produce requests: per partition, one batch collects while the one before it is in flight.

A record's cost in a producer is what is done per record (a future, a task, a lock, a callback); here that is one append
to a batch, and who waits for it is told per batch. All partitions' batches leave together: a produce request costs much
more than a record. Nothing waits in an idle producer; in a busy one requests are at least a millisecond apart.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar

from mypy_extensions import mypyc_attr

from libs.bus.batch_writer import BatchWriter
from libs.bus.partitioner import partition_of
from libs.bus.produce import NotTaken, Outcomes, Partitions, again
from libs.bus.publisher import NotPublished, Publisher
from libs.telemetry.log import get_logger
from libs.telemetry.metrics import BUS_PUBLISHED

log = get_logger()

T = TypeVar("T")

Ended = Callable[[list[T], Exception | None], None]
"""Told once of each record, many at a time, in their order: None when they are durable, else why that is not known
(they may be in the topic), or `Refused`: they are not in the topic.

What waits behind records of the same partition that are not durable ends with them, in its order: whoever writes them
once more writes all of them."""

BATCH_BYTES = 512 * 1024
"""Half of what a broker takes by default. A larger record is a batch of its own."""

PACE_SECONDS = 0.001
"""The least time between two requests, where somebody waits for them: longer ones were measured to cost more of both,
time and CPU, because a broker's answer takes about that long itself."""

RETRY_SECONDS = 0.1


class Refused(NotPublished):
    """Kafka does not take the records, or one among them, and has written none of them. `of_time`: see `NotTaken`."""

    def __init__(self, text: str, *, of_time: bool) -> None:
        super().__init__(text)
        self.of_time = of_time


class Overloaded(Exception):
    """So many records wait for Kafka that no more are taken in."""


@mypyc_attr(allow_interpreted_subclasses=True)
class Log(Generic[T]):
    """A topic that is appended to; whoever appends sets `ended` before.

    A base and no protocol: compiled, a call through a protocol looks its method up and makes objects of its numbers.
    """

    ended: Ended[T]

    def append(self, key: bytes, value: bytes, headers: bytes, timestamp_ms: int, waiter: T) -> None:
        """Take one record in; `ended` is called with its `waiter` later, never from here. Raises Overloaded.

        `headers` is what `batch_writer.header_block` makes of them.
        """
        raise NotImplementedError


class _Lane(Generic[T]):
    """One partition: what collects, what is full, and the batch that is being written; busy while its leader is."""

    __slots__ = ("busy", "full", "open", "partition", "sent", "waiting")

    def __init__(self, partition: int) -> None:
        self.partition = partition
        self.open = BatchWriter()
        self.waiting: list[T] = []
        self.full: deque[tuple[BatchWriter, list[T]]] = deque()
        self.sent: tuple[BatchWriter, list[T]] | None = None
        self.busy = False

    @property
    def has_more(self) -> bool:
        return bool(self.sent or self.full or self.waiting)

    def cut(self) -> tuple[BatchWriter, list[T]]:
        """What has collected; the next record begins a new batch."""
        batch = (self.open, self.waiting)
        self.open, self.waiting = BatchWriter(), []
        return batch

    def oldest(self) -> BatchWriter:
        """The next batch to write; the same again until it has ended."""
        if self.sent is None:
            self.sent = self.full.popleft() if self.full else self.cut()
        return self.sent[0]

    def end(self) -> list[T]:
        """Who waited for it."""
        if self.sent is None:
            raise RuntimeError("nothing was sent")
        waiting = self.sent[1]
        self.sent = None
        return waiting

    def end_all(self) -> list[T]:
        """Who waits behind it, too."""
        waiting = self.end()
        for _, behind in self.full:
            waiting += behind
        self.full.clear()
        waiting += self.cut()[1]
        return waiting


class GroupCommit(Log[T]):
    """Appends records to one declared topic over a publisher's connections: each once, with acks=all.

    `partitions` is the topic's declared number. `most_waiting` bounds the records (not the bytes) that wait for an
    acknowledgement. `pace` is the least time between two requests, in seconds.
    """

    def __init__(
        self,
        publisher: Publisher,
        topic: str,
        partitions: int,
        *,
        most_waiting: int = 20_000,
        pace: float = PACE_SECONDS,
    ) -> None:
        self._topic = topic
        self._partitions = Partitions(publisher, topic)
        self._published = BUS_PUBLISHED.labels(topic)
        self._lanes = [_Lane[T](partition) for partition in range(partitions)]
        self._most_waiting = most_waiting
        self._tasks: set[asyncio.Task[None]] = set()
        self._pace = pace
        self._sent_at = -pace
        self._due: asyncio.Handle | None = None
        self.waiting = 0

    def append(self, key: bytes, value: bytes, headers: bytes, timestamp_ms: int, waiter: T) -> None:
        """See `Log`."""
        if self.waiting >= self._most_waiting:
            raise Overloaded(f"{self.waiting} records wait for Kafka to acknowledge them")
        lane = self._lanes[partition_of(key, len(self._lanes))]
        if lane.waiting and lane.open.bytes + len(value) > BATCH_BYTES:
            lane.full.append(lane.cut())
        lane.open.append(key, value, headers, timestamp_ms)
        lane.waiting.append(waiter)
        self.waiting += 1
        if self._due is None and not lane.busy:
            self._send_soon()

    async def close(self, within: float) -> int:
        """Wait until everything taken in has its answer, at most so many seconds; the number that has none.

        What has none may still be written, as long as the publisher lives.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                while self.waiting:
                    self._send_all()
                    await asyncio.wait(self._tasks)
        late = set(self._tasks) if self.waiting else set()
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)
        if self._due is not None:
            self._due.cancel()
        return self.waiting

    def _send_soon(self) -> None:
        """In the next turn of the loop, or when the pace allows it: what comes until then joins the batches."""
        loop = asyncio.get_running_loop()
        at = self._sent_at + self._pace
        self._due = loop.call_soon(self._send_all) if at <= loop.time() else loop.call_at(at, self._send_all)

    def _send_all(self) -> None:
        """One request to each leader that answers none now, with the oldest batch of each of its partitions."""
        if self._due is not None:
            self._due.cancel()
            self._due = None
        self._sent_at = asyncio.get_running_loop().time()
        by_leader: dict[int | None, list[_Lane[T]]] = {}
        for lane in self._lanes:
            if not lane.busy:
                by_leader.setdefault(self._partitions.leader(lane.partition), []).append(lane)
        for leader, led in by_leader.items():
            if not any([lane.has_more for lane in led]):  # noqa: C419  (mypyc)
                continue
            for lane in led:  # also those without a batch: apart, each would cost a request of its own
                lane.busy = True
            task = asyncio.ensure_future(self._send(leader, led))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _send(self, leader: int | None, led: list[_Lane[T]]) -> None:
        sent = [lane for lane in led if lane.has_more]
        try:
            outcomes = await self._partitions.write(leader, {lane.partition: lane.oldest() for lane in sent})
        except NotPublished as away:
            outcomes = dict.fromkeys([lane.partition for lane in sent], away)
        unended: list[_Lane[T]] = []
        for lane in sent:
            error = outcomes[lane.partition]
            if error is not None and again(error):
                unended.append(lane)
            else:
                self._end(lane, error)
        self._free([lane for lane in led if lane not in unended])
        if unended:
            await self._pause(leader, unended[0].partition, outcomes)
            self._free(unended)

    def _free(self, lanes: list[_Lane[T]]) -> None:
        for lane in lanes:
            lane.busy = False
            if lane.has_more and self._due is None:
                self._send_soon()

    async def _pause(self, leader: int | None, partition: int, outcomes: Outcomes) -> None:
        """Before a batch is written again: not for the first, for which only the leader had to be found."""
        if leader is None and self._partitions.leader(partition) is not None:
            return
        log.warning("batches are written again", topic=self._topic, error=str(outcomes[partition]))
        await asyncio.sleep(RETRY_SECONDS)
        with suppress(NotPublished):  # the next attempt is told of it
            await self._partitions.refresh()

    def _end(self, lane: _Lane[T], error: Exception | None) -> None:
        waiting = lane.end() if error is None else lane.end_all()
        self.waiting -= len(waiting)
        failure: Exception | None = None
        if error is None:
            self._published.inc(len(waiting))
        else:
            self._partitions.give_up(lane.partition)
            text = f"Kafka did not take a batch for {self._topic}: {type(error).__name__}: {error}"
            failure = Refused(text, of_time=error.of_time) if isinstance(error, NotTaken) else NotPublished(text)
            failure.__cause__ = error
        try:
            self.ended(waiting, failure)
        except Exception:
            log.exception("who waited for records failed")  # and the other batches go on
