"""The one way to consume facts: in order per key, side by side across keys, each record with a named fate.

Records of one key wait in a lane; a lane hands all its waiting records to the handler at once (many notifications about
one thing cost one look at it). Lanes never wait for each other, so a record that is retried delays only its own key.
Offsets are committed only behind records whose fate is decided: after a crash the rest is read again.

| trouble                                  | what happens                                                             |
|------------------------------------------|--------------------------------------------------------------------------|
| a handler fails                          | libs.bus.outcome says what                                               |
| a handler does not return                | given up after `Tuning.patience`, which counts as a failed attempt       |
| Kafka is away                            | tried again; facts and dead letters wait, nothing is committed           |
| a partition is given away                | what is in hand is finished and committed, or left for its new owner     |
| a header's name is not UTF-8             | read all the same, the name escaped (libs.bus.salvage)                   |
| the log's bytes are damaged              | not ready; tried again: another replica of the log may be sound          |
| nearly everything fails                  | not ready; nothing more is dead-lettered (libs.bus.halt)                 |
| a replayed record                        | passed over, unless the service has said that it has no effects outside  |
| a defect in the consumer itself          | the session ends and begins again at the committed offsets; not ready    |
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError

from libs.bus.dead_letter import DeadLetters
from libs.bus.lane import Handled, Handling, Retries
from libs.bus.message import Outgoing, Received, Record, redriven_to
from libs.bus.offsets import Offsets
from libs.bus.outcome import ErrorClass
from libs.bus.progress import Progress
from libs.bus.publisher import Publisher
from libs.bus.replay import Replays, is_replay
from libs.bus.salvage import FETCH_BYTES, getmany
from libs.bus.session import close, first
from libs.bus.settings import KafkaSettings
from libs.telemetry.log import get_logger
from libs.telemetry.metrics import BUS_CONSUMED, BUS_IN_FLIGHT
from schemas.envelope import BrokenEnvelope, Envelope
from schemas.registry import FutureVersion, UnknownEvent, UnreadableEvent, read_fact

log = get_logger()

Handler = Callable[[Sequence[Received]], Awaitable[list[Outgoing]]]
"""Decides what records of one key, oldest first, lead to. Raises one of libs.bus.outcome for any other fate."""

COMMIT_SECONDS = 1.0
POLL_SECONDS = 0.5
POLL_RECORDS = 500
RECONNECT_SECONDS = 1.0
LONGEST_RECONNECT_SECONDS = 30.0

# At a stop, together below the 20 s that libs.service gives:
DRAIN_SECONDS = 8.0
LAST_COMMIT_SECONDS = 3.0
ABANDON_SECONDS = 2.0
# and CLOSE_SECONDS of libs.bus.session


@dataclass(frozen=True)
class Tuning:
    """`coalesce`: how long a lane waits for more records of its key before it hands them over. `patience`: how long one
    call of the handler may take. No more is read while more than `max_in_flight` records, or `max_in_flight_bytes` of
    keys and values, have no fate yet.
    """

    coalesce: timedelta = timedelta(0)
    concurrency: int = 16
    max_in_flight: int = 2000
    max_in_flight_bytes: int = 64 * 1024 * 1024
    patience: timedelta = timedelta(minutes=5)
    retries: Retries = field(default_factory=Retries)


class SessionBroken(Exception):
    """A lane ended without deciding the fate of its records: they must be read again from the committed offsets."""


class Consumer:
    """One service's consumer of some topics. `name` is the service: it names the group and the dead letters.

    `replays` says whether its handler is given replayed records (libs.bus.replay).
    """

    def __init__(
        self,
        settings: KafkaSettings,
        name: str,
        topics: Iterable[str],
        publisher: Publisher,
        tuning: Tuning | None = None,
        *,
        replays: Replays = "refused",
    ) -> None:
        self.name = name
        self._settings = settings
        self._topics = [settings.topic(topic) for topic in topics]
        self._tuning = tuning or Tuning()
        self._replays = replays
        self._dead_letters = DeadLetters(settings, publisher, name)
        self._handling = Handling(
            name, settings, publisher, self._dead_letters, self._tuning.retries, self._tuning.patience
        )
        self._offsets = Offsets(name, settings)
        self._assignment = 0  # counts the assignments of partitions
        self._lanes: dict[tuple[TopicPartition, bytes], deque[Received]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(self._tuning.concurrency)
        self._in_flight = 0
        self._in_flight_bytes = 0
        self._was_full = False
        self._client: AIOKafkaConsumer | None = None
        self._broken = asyncio.Event()
        self._problem = "it has not connected yet"

    async def run(self, handler: Handler, stop: asyncio.Event) -> None:
        """Consume until `stop`; survives Kafka's absence. What is in hand at the stop is finished or left for later."""
        pause = RECONNECT_SECONDS
        loop = asyncio.get_running_loop()
        while not stop.is_set():
            began = loop.time()
            try:
                await self._session(handler, stop)
            except (KafkaError, SessionBroken) as error:
                self._problem = f"{type(error).__name__}: {error}"
                if loop.time() - began > LONGEST_RECONNECT_SECONDS:
                    pause = RECONNECT_SECONDS
                log.warning("the consumer begins again", consumer=self.name, reason=self._problem, seconds=pause)
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), pause)
                pause = min(pause * 2, LONGEST_RECONNECT_SECONDS)

    async def check(self) -> None:
        """Raise unless the consumer is connected and not halted: for readiness."""
        if self._client is None:
            raise RuntimeError(f"the consumer {self.name} reads nothing: {self._problem}")
        self._handling.halt.check()

    async def _session(self, handler: Handler, stop: asyncio.Event) -> None:
        client = AIOKafkaConsumer(
            bootstrap_servers=self._settings.bootstrap_servers,
            group_id=self._settings.group(self.name),
            client_id=self.name,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",  # what an aborted transaction wrote is not a fact
            max_partition_fetch_bytes=FETCH_BYTES,
        )
        client.subscribe(self._topics, listener=_Rebalance(self))
        self._broken.clear()
        try:
            await first(client.start(), until=(stop,))
            if stop.is_set():
                return
            self._client = client
            # The client's calls may wait for Kafka however long it is away; the stop waits for nobody.
            await first(self._poll(client, handler), self._commit_regularly(client), until=(stop, self._broken))
            if not stop.is_set():
                raise SessionBroken("a lane ended by a defect; see the log")
            await self._drain()
            await self._commit_in_time(client)
        finally:
            self._client = None
            await self._abandon()
            await close(client)

    async def _poll(self, client: AIOKafkaConsumer, handler: Handler) -> None:
        while True:
            full = self._is_full()
            # On every round, not on a change alone: a rebalance brings partitions that know nothing of the pause.
            # Polling goes on while paused: a consumer that does not poll is thrown out of its group.
            (client.pause if full else client.resume)(*client.assignment())
            for partition, records in (await self._read(client, full)).items():
                for record in records:
                    self._accept(partition, record, handler)
            if full:
                await asyncio.sleep(0.05)

    async def _read(self, client: AIOKafkaConsumer, full: bool) -> Mapping[TopicPartition, list[Record]]:
        assignment = self._assignment
        return await getmany(
            client,
            self._settings,
            self._offsets.read,
            unchanged=lambda: self._assignment == assignment,
            from_committed=True,
            timeout_ms=50 if full else int(POLL_SECONDS * 1000),
            max_records=POLL_RECORDS,
        )

    def _is_full(self) -> bool:
        """Whether to stop reading. Once full, it is full until half is done: a pause throws away what was fetched."""
        share = 0.5 if self._was_full else 1.0
        self._was_full = (
            self._in_flight >= self._tuning.max_in_flight * share
            or self._in_flight_bytes >= self._tuning.max_in_flight_bytes * share
        )
        return self._was_full

    def _accept(self, partition: TopicPartition, record: Record, handler: Handler) -> None:
        progress = self._offsets.begin(partition, record.offset)
        self._count(+1, _size(record))
        wanted = redriven_to(record)
        if wanted is not None and wanted != self.name:
            self._settled(progress, [record], "not_for_us")
            return
        if self._replays == "refused" and is_replay(record.headers):
            log.info(
                "a replay is refused: this service has effects outside",
                consumer=self.name,
                topic=record.topic,
                partition=partition.partition,
                offset=record.offset,
            )
            self._settled(progress, [record], "replay_refused")
            return
        try:
            envelope = Envelope.of(record.headers)
            received = Received(record, envelope, read_fact(envelope, record.value))
        except Exception as error:  # noqa: BLE001  (also a defect in an upcaster is this record's fate, not the topic's)
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
                if self._is_abandoned():
                    return
                self._settled(progress, [received.record for received in batch], handled)
        finally:
            # Another session may already have a lane of this key: only this one's own is taken away.
            if self._lanes.get(lane_key) is lane:
                del self._lanes[lane_key]

    async def _unreadable(self, progress: Progress, record: Record, error: Exception) -> None:
        if not isinstance(error, BrokenEnvelope | UnreadableEvent):
            log.error("a defect: a record could not be read", exc_info=error)
        broken_promise = isinstance(error, FutureVersion | UnknownEvent)
        error_class = ErrorClass.CONTRACT if broken_promise else ErrorClass.POISON
        async with self._handling.halt.failing():
            await self._dead_letters.put(record, error=error, error_class=error_class, attempts=1)
        if not self._is_abandoned():
            self._settled(progress, [record], "dead_lettered")

    def _settled(self, progress: Progress, records: Sequence[Record], fate: Handled) -> None:
        for record in records:
            progress.done(record.offset)
            BUS_CONSUMED.labels(self.name, self._settings.logical(record.topic), fate).inc()
        self._count(-len(records), -sum(_size(record) for record in records))

    def _count(self, change: int, change_bytes: int) -> None:
        self._in_flight += change
        self._in_flight_bytes += change_bytes
        BUS_IN_FLIGHT.labels(self.name).set(self._in_flight)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _is_abandoned(self) -> bool:
        """Whether the running lane was given up, but would not be cancelled: its records are somebody else's by now."""
        return asyncio.current_task() not in self._tasks

    def _ended(self, task: "asyncio.Task[None]") -> None:
        error = None if task.cancelled() else task.exception()
        abandoned = task not in self._tasks
        self._tasks.discard(task)
        if error is not None:
            log.error("a lane ended by a defect; its records are read again", consumer=self.name, exc_info=error)
        if not abandoned and (error is not None or task.cancelled()):
            self._broken.set()

    async def _commit_regularly(self, client: AIOKafkaConsumer) -> None:
        while True:
            await asyncio.sleep(COMMIT_SECONDS)
            await self._offsets.commit(client)

    async def _commit_in_time(self, client: AIOKafkaConsumer) -> None:
        """Commit before something ends; not at any price, because without Kafka a commit waits for ever."""
        try:
            async with asyncio.timeout(LAST_COMMIT_SECONDS):
                await self._offsets.commit(client)
        except TimeoutError:
            log.warning("the last offsets are not committed: Kafka is away", consumer=self.name)

    async def _drain(self) -> None:
        """Wait for what is in hand, within the grace time."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=DRAIN_SECONDS)

    async def _abandon(self) -> None:
        """Give up what is still in hand: it was not committed, so it is read again by whoever owns it next."""
        tasks, self._tasks = self._tasks, set()
        for task in tasks:
            task.cancel()
        if tasks:
            _, stubborn = await asyncio.wait(tasks, timeout=ABANDON_SECONDS)
            if stubborn:
                log.error("handlers do not let themselves be cancelled", consumer=self.name, count=len(stubborn))
        self._offsets.forget()
        self._lanes.clear()
        self._count(-self._in_flight, -self._in_flight_bytes)


class _Rebalance(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka carries no types
    """Before partitions are given away, finish and commit what is in hand."""

    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        consumer = self._consumer
        consumer._assignment += 1
        if not revoked:
            return
        await consumer._drain()
        if consumer._client is not None:
            await consumer._commit_in_time(consumer._client)
        await consumer._abandon()

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        log.info("partitions assigned", consumer=self._consumer.name, count=len(assigned))


def _size(record: Record) -> int:
    return len(record.key or b"") + len(record.value or b"")
