"""Reading partitions whose positions are kept elsewhere (in PostgreSQL, with what was made of the records).

`GroupReader` reads what a consumer group assigns to it, from the positions that its user gives; `read_range` reads from
offsets to offsets and joins no group. Topics are named as declared, without the installation's prefix.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Self

from aiokafka import AIOKafkaClient, AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from libs.bus.message import Record
from libs.bus.salvage import getmany
from libs.bus.settings import KafkaSettings
from libs.telemetry.log import get_logger

log = get_logger()

FETCH_BYTES = 4 * 1024 * 1024
_POLL_MILLISECONDS = 500
_SINCE_MILLISECONDS = 5
FAR_BEHIND = 2_000
_GATHER_SECONDS = 0.5
_GATHER_TRIES = 10


class KafkaAway(Exception):
    """Kafka does not answer, or not now."""


class LogTooShort(Exception):
    """The log ends before the offset that was to be reached: this is not the log that it was read from."""


class Partition(NamedTuple):
    """A partition of a declared topic."""

    topic: str
    number: int

    def __str__(self) -> str:
        return f"{self.topic}:{self.number}"


class Extent(NamedTuple):
    """The first offset that a partition still has, and the one that its next record will get."""

    begin: int
    end: int


@dataclass(slots=True)
class Chunk:
    """Records of one partition in order, and the offset behind them (there may be offsets without a record)."""

    records: list[Record]
    next_offset: int


class GroupReader:
    """The partitions that a consumer group assigns. A new one gives nothing until it is placed.

    `gather_seconds`: so long at most does a read gather records when they are FAR_BEHIND the log's end or more; it ends
    sooner when a tenth of that brings nothing. `since_milliseconds`: so long at most does a read that finds records
    wait for those that have come after them.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        group: str,
        topics: Iterable[str],
        *,
        max_records: int,
        gather_seconds: float = _GATHER_SECONDS,
        since_milliseconds: int = _SINCE_MILLISECONDS,
    ) -> None:
        self._settings = settings
        self._topics = [settings.topic(topic) for topic in topics]
        self._max_records = max_records
        self._gather_seconds = gather_seconds
        self._since_milliseconds = since_milliseconds
        self._away: KafkaAway | None = None  # for the next read to raise
        self._unplaced: set[TopicPartition] = set()
        self._positions: dict[TopicPartition, int] = {}
        self._showing: asyncio.Task[None] | None = None
        self._client = AIOKafkaConsumer(
            bootstrap_servers=settings.bootstrap_servers,
            group_id=settings.group(group),
            client_id=group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            max_partition_fetch_bytes=FETCH_BYTES,
        )
        self._assignments = _Assignments(self._client, self._unplaced, self._positions)

    async def __aenter__(self) -> Self:
        """Join the group; raises KafkaAway."""
        self._client.subscribe(self._topics, listener=self._assignments)
        try:
            await self._client.start()
        except BaseException as error:
            await self._client.stop()
            if isinstance(error, KafkaError):
                raise KafkaAway(str(error)) from error
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._showing is not None:
            self._showing.cancel()
            await asyncio.wait([self._showing])
        with suppress(KafkaError):
            await self._client.stop()

    def unplaced(self) -> set[Partition]:
        """Partitions that are ours, and whose position is not given yet."""
        return {self._logical(partition) for partition in self._unplaced}

    def assigned(self) -> set[Partition]:
        return {self._logical(partition) for partition in self._client.assignment()}

    def place(self, positions: Mapping[Partition, int]) -> None:
        """Read these partitions from there on; those that were taken away meanwhile are passed over."""
        for partition, offset in positions.items():
            actual = self._actual(partition)
            with suppress(IllegalStateError):  # a rebalance has just taken it away
                self._client.seek(actual, offset)
                self._client.resume(actual)
                self._positions[actual] = offset
            self._unplaced.discard(actual)

    def unplace(self, partitions: Collection[Partition] | None = None) -> None:
        """Forget the positions of these partitions, or of all: they wait to be placed anew."""
        ours = self._client.assignment()
        wanted = ours if partitions is None else {self._actual(one) for one in partitions} & ours
        for actual in wanted:
            with suppress(IllegalStateError):
                self._client.pause(actual)
            self._positions.pop(actual, None)
            self._unplaced.add(actual)

    async def read(self, milliseconds: int = _POLL_MILLISECONDS) -> dict[Partition, Chunk]:
        """What has arrived, at most `max_records`; waits a little if nothing has. Raises KafkaAway.

        Near the log's end that is handed out at once, with what came while the last batch was in hand. Far behind it,
        records are gathered into a large batch: for whoever writes them in one transaction that is several times as
        fast.
        """
        if self._away is not None:
            raise self._away
        count = self._assignments.count
        found = await self._getmany(0, self._max_records)
        # What was there came right after the last read, and the client has asked for nothing since: what came later is
        # still at the broker, which gives it at once.
        pause = self._since_milliseconds if found else milliseconds
        gathering_pause = round(self._gather_seconds * 1000 / _GATHER_TRIES)
        left = self._max_records - sum(map(len, found.values()))
        deadline = time.monotonic() + self._gather_seconds
        while left > 0:
            far = found and self._behind() > FAR_BEHIND
            try:
                more = await self._getmany(gathering_pause if far else pause, left)
            except KafkaAway as error:
                if not found:
                    raise
                self._away = error  # what is in hand goes first: other partitions than the troubled one get on
                break
            if not more or self._assignments.count != count:
                break
            for actual, records in more.items():
                found.setdefault(actual, []).extend(records)
            left -= sum(map(len, more.values()))
            if self._behind() <= FAR_BEHIND or time.monotonic() >= deadline:
                break
        return {
            self._logical(actual): Chunk(records, records[-1].offset + 1)
            for actual, records in found.items()
            if records and actual not in self._unplaced
        }

    async def _getmany(self, milliseconds: int, most: int) -> dict[TopicPartition, list[Record]]:
        count = self._assignments.count
        try:
            found = await getmany(
                self._client,
                self._settings,
                self._positions,
                unchanged=lambda: self._assignments.count == count,
                timeout_ms=milliseconds,
                max_records=most,
            )
        except KafkaError as error:
            raise KafkaAway(f"{type(error).__name__}: {error}") from error
        return dict(found)

    def _behind(self) -> int:
        """How many records the last fetch saw beyond what was handed out."""
        assigned = self._client.assignment()
        return sum(
            max(0, (self._client.highwater(actual) or 0) - position)
            for actual, position in self._positions.items()
            if actual in assigned
        )

    async def extents(self, partitions: Collection[Partition]) -> dict[Partition, Extent]:
        return await _extents(self._client, self._settings, partitions)

    def end(self, partition: Partition) -> int | None:
        """The log's end as the last fetch told it."""
        actual = self._actual(partition)
        return self._client.highwater(actual) if actual in self._client.assignment() else None

    def show_progress(self, positions: Mapping[Partition, int]) -> None:
        """Let offsets be committed to Kafka, for its lag displays alone: nobody begins from them, nobody waits for it.

        While the last ones are still on their way nothing is done.
        """
        ours = self._client.assignment()
        commits = {self._actual(one): offset for one, offset in positions.items() if self._actual(one) in ours}
        if commits and (self._showing is None or self._showing.done()):
            self._showing = asyncio.create_task(self._commit(commits))

    async def _commit(self, offsets: dict[TopicPartition, int]) -> None:
        try:
            await self._client.commit(offsets)
        except (CommitFailedError, IllegalStateError, KafkaError) as error:
            log.debug("offsets not committed; only lag displays use them", error=str(error))

    def _actual(self, partition: Partition) -> TopicPartition:
        return TopicPartition(self._settings.topic(partition.topic), partition.number)

    def _logical(self, actual: TopicPartition) -> Partition:
        return Partition(self._settings.logical(actual.topic), actual.partition)


class _Assignments(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka carries no types
    """Holds new partitions still until they are placed."""

    def __init__(
        self, client: AIOKafkaConsumer, unplaced: set[TopicPartition], positions: dict[TopicPartition, int]
    ) -> None:
        self._client = client
        self._unplaced = unplaced
        self._positions = positions
        self.count = 0

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        # Nothing is in hand that would have to be finished: a batch that another replica overtakes fails at the fence.
        self.count += 1
        self._unplaced.difference_update(revoked)
        self._positions.clear()

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        self._unplaced.clear()
        self._positions.clear()
        for partition in assigned:
            self._client.seek(partition, 0)  # any position: without one the client would look for a committed offset
            self._client.pause(partition)
            self._unplaced.add(partition)
        log.info("partitions assigned", count=len(assigned))


async def read_range(
    settings: KafkaSettings, begin: Mapping[Partition, int], end: Mapping[Partition, int], *, max_records: int = 10_000
) -> AsyncGenerator[dict[Partition, Chunk], None]:
    """Everything from `begin` up to but without `end`, in order within each partition, partitions interleaved.

    A chunk's `next_offset` ends at exactly `end`. Raises KafkaAway, and LogTooShort when an `end` is beyond the log.
    """
    open_ends = {one: offset for one, offset in end.items() if begin[one] < offset}
    if not open_ends:
        return
    async with _client(settings) as client:
        await _refuse_beyond(client, settings, open_ends)
        actual = {TopicPartition(settings.topic(one.topic), one.number): one for one in open_ends}
        client.assign(list(actual))
        positions = {tp: begin[one] for tp, one in actual.items()}
        for tp, offset in positions.items():
            client.seek(tp, offset)
        while open_ends:
            waiting = [tp for tp, one in actual.items() if one in open_ends]
            batches = await getmany(
                client, settings, positions, *waiting, timeout_ms=_POLL_MILLISECONDS, max_records=max_records
            )
            chunks: dict[Partition, Chunk] = {}
            for tp in waiting:
                one, last = actual[tp], open_ends[actual[tp]]
                records = [record for record in batches.get(tp, ()) if record.offset < last]
                # Not the last record's offset: a range may end in offsets that hold no record (control batches).
                position = min(await client.position(tp), last)
                if records or position == last:
                    chunks[one] = Chunk(records, position)
                if position == last:
                    del open_ends[one]
                    client.pause(tp)
            if chunks:
                yield chunks


async def extents(settings: KafkaSettings, partitions: Collection[Partition]) -> dict[Partition, Extent]:
    """Where the partitions begin and end now. Raises KafkaAway."""
    async with _client(settings) as client:
        return await _extents(client, settings, partitions)


async def partitions_of(settings: KafkaSettings, topics: Iterable[str]) -> set[Partition]:
    """The partitions that the topics have at the broker; none for a topic that is not there. Raises KafkaAway."""
    client = AIOKafkaClient(bootstrap_servers=settings.bootstrap_servers, client_id="partition-reader")
    try:
        await client.bootstrap()
        # A consumer would know only the partitions of topics that it is subscribed to.
        cluster = await client.fetch_all_metadata()
    except KafkaError as error:
        raise KafkaAway(f"{type(error).__name__}: {error}") from error
    finally:
        await client.close()
    return {
        Partition(topic, number)
        for topic in topics
        for number in cluster.partitions_for_topic(settings.topic(topic)) or ()
    }


async def offsets_at(
    settings: KafkaSettings, partitions: Collection[Partition], time: datetime
) -> dict[Partition, int]:
    """Of each partition the first offset whose record is not older than `time`; its end if there is none."""
    async with _client(settings) as client:
        actual = {one: TopicPartition(settings.topic(one.topic), one.number) for one in partitions}
        found = await client.offsets_for_times(dict.fromkeys(actual.values(), int(time.timestamp() * 1000)))
        ends = await client.end_offsets(list(actual.values()))
        return {one: found[tp].offset if found.get(tp) is not None else ends[tp] for one, tp in actual.items()}


@asynccontextmanager
async def _client(settings: KafkaSettings) -> AsyncIterator[AIOKafkaConsumer]:
    client = AIOKafkaConsumer(
        bootstrap_servers=settings.bootstrap_servers,
        client_id="partition-reader",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        max_partition_fetch_bytes=FETCH_BYTES,
    )
    try:
        await client.start()
        await asyncio.sleep(0)  # its coordinator's task must have begun: one that is stopped before that raises
        yield client
    except KafkaError as error:
        raise KafkaAway(f"{type(error).__name__}: {error}") from error
    finally:
        with suppress(KafkaError):
            await client.stop()


async def _extents(
    client: AIOKafkaConsumer, settings: KafkaSettings, partitions: Collection[Partition]
) -> dict[Partition, Extent]:
    actual = {one: TopicPartition(settings.topic(one.topic), one.number) for one in partitions}
    try:
        begins = await client.beginning_offsets(list(actual.values()))
        ends = await client.end_offsets(list(actual.values()))
    except KafkaError as error:
        raise KafkaAway(f"{type(error).__name__}: {error}") from error
    return {one: Extent(begins[tp], ends[tp]) for one, tp in actual.items()}


async def _refuse_beyond(client: AIOKafkaConsumer, settings: KafkaSettings, wanted: Mapping[Partition, int]) -> None:
    known = await _extents(client, settings, list(wanted))
    beyond = [
        f"{one} ends at {known[one].end}, {offset} was to be reached"
        for one, offset in wanted.items()
        if offset > known[one].end
    ]
    if beyond:
        raise LogTooShort(
            f"The log is shorter than what was read from it: {'; '.join(sorted(beyond))}. Is this the Kafka that the "
            "database was filled from?"
        )
