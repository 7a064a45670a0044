"""The one way to consume facts: in order per key, side by side across keys, each record with a named fate.

Records of one key wait in a lane; a lane hands all its waiting records to the handler at once (many notifications about
one thing cost one look at it). Lanes never wait for each other, so a record that is retried delays only its own key.
Offsets are committed only behind records whose fate is decided: after a crash the rest is read again.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from libs.bus.dead_letter import DeadLetters
from libs.bus.lane import Handled, Handling, Retries
from libs.bus.message import Outgoing, Received, Record, redriven_to
from libs.bus.outcome import ErrorClass
from libs.bus.progress import Progress
from libs.bus.publisher import Publisher
from libs.bus.settings import KafkaSettings
from libs.telemetry.log import get_logger
from libs.telemetry.metrics import BUS_CONSUMED, BUS_IN_FLIGHT, BUS_LAG
from schemas.envelope import BrokenEnvelope, Envelope
from schemas.registry import FutureVersion, UnknownEvent, UnreadableEvent, read_fact

log = get_logger()

Handler = Callable[[Sequence[Received]], Awaitable[list[Outgoing]]]
"""Decides what records of one key, oldest first, lead to. Raises one of libs.bus.outcome for any other fate."""

COMMIT_SECONDS = 1.0
POLL_SECONDS = 0.5
DRAIN_SECONDS = 8.0
RECONNECT_SECONDS = 1.0


@dataclass(frozen=True)
class Tuning:
    """`coalesce` is how long a lane waits for more records of its key before it hands them over."""

    coalesce: timedelta = timedelta(0)
    concurrency: int = 16
    max_in_flight: int = 2000
    retries: Retries = field(default_factory=Retries)


class Consumer:
    """One service's consumer of some topics. `name` is the service: it names the group and the dead letters."""

    def __init__(
        self,
        settings: KafkaSettings,
        name: str,
        topics: Iterable[str],
        publisher: Publisher,
        tuning: Tuning | None = None,
    ) -> None:
        self.name = name
        self._settings = settings
        self._topics = [settings.topic(topic) for topic in topics]
        self._tuning = tuning or Tuning()
        self._dead_letters = DeadLetters(settings, publisher, name)
        self._handling = Handling(name, settings, publisher, self._dead_letters, self._tuning.retries)
        self._progress: dict[TopicPartition, Progress] = {}
        self._lanes: dict[tuple[TopicPartition, bytes], deque[Received]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(self._tuning.concurrency)
        self._in_flight = 0
        self._client: AIOKafkaConsumer | None = None

    async def run(self, handler: Handler, stop: asyncio.Event) -> None:
        """Consume until `stop`; survives Kafka's absence. What is in hand at the stop is finished or left for later."""
        while not stop.is_set():
            try:
                await self._session(handler, stop)
            except KafkaError as error:
                log.warning("kafka is away; the consumer reconnects", consumer=self.name, error=str(error))
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), RECONNECT_SECONDS)

    async def check(self) -> None:
        """Raise unless the consumer is connected and not halted: for readiness."""
        if self._client is None:
            raise RuntimeError(f"the consumer {self.name} is not connected to Kafka")
        self._handling.halt.check()

    async def _session(self, handler: Handler, stop: asyncio.Event) -> None:
        client = AIOKafkaConsumer(
            bootstrap_servers=self._settings.bootstrap_servers,
            group_id=self._settings.group(self.name),
            client_id=self.name,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=4 * 1024 * 1024,
        )
        client.subscribe(self._topics, listener=_Rebalance(self))
        try:
            await client.start()
            self._client = client
            committed = asyncio.create_task(self._commit_regularly(client))
            try:
                await self._poll(client, handler, stop)
            finally:
                committed.cancel()
                await asyncio.wait({committed})
            await self._drain()
            await self._commit(client)
        finally:
            self._client = None
            await self._abandon()
            await client.stop()

    async def _poll(self, client: AIOKafkaConsumer, handler: Handler, stop: asyncio.Event) -> None:
        paused = False
        while not stop.is_set():
            full = self._in_flight >= self._tuning.max_in_flight
            if full != paused:
                # Polling goes on while paused: a consumer that does not poll is thrown out of its group.
                (client.pause if full else client.resume)(*client.assignment())
                paused = full
            batches = await client.getmany(timeout_ms=50 if full else int(POLL_SECONDS * 1000), max_records=500)
            for partition, records in batches.items():
                for record in records:
                    self._accept(partition, record, handler)
            if full:
                await asyncio.sleep(0.02)

    def _accept(self, partition: TopicPartition, record: Record, handler: Handler) -> None:
        progress = self._progress.setdefault(partition, Progress(record.offset))
        progress.begin(record.offset)
        self._count(+1)
        wanted = redriven_to(record)
        if wanted is not None and wanted != self.name:
            self._settled(progress, [record], "not_for_us")
            return
        try:
            envelope = Envelope.of(record.headers)
            received = Received(record, envelope, read_fact(envelope, record.value))
        except (BrokenEnvelope, UnreadableEvent) as error:
            self._spawn(self._unreadable(progress, record, error))
            return
        lane_key = (partition, record.key if record.key is not None else record.offset.to_bytes(8, "big"))
        lane = self._lanes.get(lane_key)
        if lane is not None:
            lane.append(received)
            return
        self._lanes[lane_key] = deque([received])
        self._spawn(self._run_lane(lane_key, progress, handler))

    async def _run_lane(self, lane_key: tuple[TopicPartition, bytes], progress: Progress, handler: Handler) -> None:
        lane = self._lanes[lane_key]
        try:
            while lane:
                await asyncio.sleep(self._tuning.coalesce.total_seconds())
                batch: list[Received] = []
                handled = await self._handling.decide(lane, batch, handler, self._slots)
                self._settled(progress, [received.record for received in batch], handled)
        finally:
            # Another session may already have a lane of this key: only this one's own is taken away.
            if self._lanes.get(lane_key) is lane:
                del self._lanes[lane_key]

    async def _unreadable(self, progress: Progress, record: Record, error: Exception) -> None:
        broken_promise = isinstance(error, FutureVersion | UnknownEvent)
        error_class = ErrorClass.CONTRACT if broken_promise else ErrorClass.POISON
        await self._handling.halt.until_allowed()
        await self._dead_letters.put(record, error=error, error_class=error_class, attempts=1)
        self._handling.halt.note(failed=True)
        self._settled(progress, [record], "dead_lettered")

    def _settled(self, progress: Progress, records: Sequence[Record], fate: Handled) -> None:
        for record in records:
            progress.done(record.offset)
            BUS_CONSUMED.labels(self.name, self._settings.logical(record.topic), fate).inc()
        self._count(-len(records))

    def _count(self, change: int) -> None:
        self._in_flight += change
        BUS_IN_FLIGHT.labels(self.name).set(self._in_flight)

    def _spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Future[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("a lane ended by a defect; its records stay uncommitted", exc_info=task.exception())

    async def _commit_regularly(self, client: AIOKafkaConsumer) -> None:
        while True:
            await asyncio.sleep(COMMIT_SECONDS)
            await self._commit(client)

    async def _commit(self, client: AIOKafkaConsumer) -> None:
        positions = {
            partition: progress.position
            for partition, progress in self._progress.items()
            if progress.position > progress.committed and partition in client.assignment()
        }
        for partition, progress in self._progress.items():
            end = client.highwater(partition) if partition in client.assignment() else None
            if end is not None:
                topic = self._settings.logical(partition.topic)
                BUS_LAG.labels(self.name, topic, partition.partition).set(max(0, end - progress.position))
        if not positions:
            return
        try:
            await client.commit(positions)
        except (CommitFailedError, IllegalStateError) as error:
            # A rebalance came between: the partition's new owner reads those records again, which is harmless.
            log.info("offsets not committed", consumer=self.name, error=str(error))
        except KafkaError as error:
            log.warning("offsets not committed; trying again", consumer=self.name, error=str(error))
        else:
            for partition, position in positions.items():
                if partition in self._progress:  # it may have been given away meanwhile
                    self._progress[partition].committed = position

    async def _drain(self) -> None:
        """Wait for what is in hand, within the grace time."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=DRAIN_SECONDS)

    async def _abandon(self) -> None:
        """Give up what is still in hand: it was not committed, so it is read again by whoever owns it next."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._progress.clear()
        self._lanes.clear()
        self._count(-self._in_flight)


class _Rebalance(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka carries no types
    """Before partitions are given away, finish and commit what is in hand."""

    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        consumer = self._consumer
        if not revoked:
            return
        await consumer._drain()
        if consumer._client is not None:
            await consumer._commit(consumer._client)
        await consumer._abandon()

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        log.info("partitions assigned", consumer=self._consumer.name, count=len(assigned))
