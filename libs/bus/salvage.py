"""Reading on where the client library cannot: records with a header whose name is not UTF-8.

aiokafka's `getmany` raises for such a record, every time, and by then it has moved positions
past records that it never returned. So every partition is read again from where its last record was handed out, by a
plain fetch that is lenient about names, and the client is put behind what that gave. Nothing is lost, and no position
is guessed.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, MutableMapping
from contextlib import asynccontextmanager
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import CorruptRecordException, KafkaError, LeaderNotAvailableError, for_code
from aiokafka.protocol.fetch import FetchRequest

from libs.bus.message import Record
from libs.bus.record_batch import Aborted, batches
from libs.bus.settings import KafkaSettings
from libs.telemetry.log import get_logger

log = get_logger()

FETCH_BYTES = 4 * 1024 * 1024
FEW_RECORDS = 500
_READ_COMMITTED = 1
_UNREAD = (CorruptRecordException, UnicodeDecodeError)  # the library's pure Python, and its C extension


class Salvaged(NamedTuple):
    """Records of one partition, the offset behind them, and the offsets of those whose header names were escaped."""

    records: list[Record]
    next_offset: int
    escaped: list[int]


async def getmany(
    client: AIOKafkaConsumer,
    settings: KafkaSettings,
    positions: MutableMapping[TopicPartition, int],
    *partitions: TopicPartition,
    timeout_ms: int,
    max_records: int,
    unchanged: Callable[[], bool] = lambda: True,
    from_committed: bool = False,
) -> Mapping[TopicPartition, list[Record]]:
    """The client's own `getmany`; where that fails for a record's form, the same records by a lenient fetch.

    `positions` are the offsets to be handed out next, and are moved on here; with `from_committed`, a partition that is
    not among them stands where its group committed. `unchanged` says whether the assignment is still the one that
    `positions` are about; if not, what was salvaged is dropped and its new owner reads it. Raises KafkaError, also when
    the client's own tasks have ended, and CorruptRecordException where the bytes themselves are damaged, with the
    partition and the offset.
    """
    _require_alive(client)
    try:
        found: Mapping[TopicPartition, list[Record]] = await client.getmany(
            *partitions, timeout_ms=timeout_ms, max_records=max_records
        )
    except _UNREAD:
        begins = {one: offset for one, offset in positions.items() if not partitions or one in partitions}
        if from_committed:
            begins |= await _committed(client, client.assignment() - positions.keys())
        salvaged = await salvage(settings, begins, most=max_records)
        if not unchanged():
            return {}
        for one, read in salvaged.items():
            client.seek(one, read.next_offset)
            positions[one] = read.next_offset
            _tell(one, read)
        return {one: read.records for one, read in salvaged.items() if read.records}
    for one, records in found.items():
        positions[one] = records[-1].offset + 1
    return found


def _require_alive(client: AIOKafkaConsumer) -> None:
    """A client whose task has died of a defect gives nothing for ever, and does not say so: a new one must be made."""
    for what, task in (("fetching", client._fetcher._fetch_task), ("metadata", client._client._sync_task)):
        if task is not None and task.done():
            error = None if task.cancelled() else task.exception()
            raise KafkaError(f"the client's task for {what} has ended: {error!r}") from error


async def _committed(client: AIOKafkaConsumer, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
    found = {}
    for one in partitions:
        committed = await client.committed(one)
        found[one] = (await client.beginning_offsets([one]))[one] if committed is None else committed
    return found


def _tell(place: TopicPartition, read: Salvaged) -> None:
    if read.escaped:
        log.warning(
            "records have header names that are not UTF-8; they are read with those names escaped",
            topic=place.topic,
            partition=place.partition,
            offsets=read.escaped[:10],
            count=len(read.escaped),
        )


async def salvage(
    settings: KafkaSettings, positions: Mapping[TopicPartition, int], *, most: int = FEW_RECORDS
) -> dict[TopicPartition, Salvaged]:
    """Read each partition from its position, at most `most` records each. Raises KafkaError."""
    async with _connected(settings, {one.topic for one in positions}) as client:
        found = await asyncio.gather(*(_fetch(client, one, offset, most) for one, offset in positions.items()))
    return dict(zip(positions, found, strict=True))


async def _fetch(client: AIOKafkaClient, place: TopicPartition, offset: int, most: int) -> Salvaged:
    leader = client.cluster.leader_for_partition(place)
    if leader is None or leader == -1:
        raise LeaderNotAvailableError(f"{place.topic}:{place.partition} has no leader now")
    wanted = [(place.topic, [(place.partition, offset, FETCH_BYTES)])]
    response = await client.send(leader, FetchRequest(100, 1, FETCH_BYTES, _READ_COMMITTED, wanted))
    for _, parts in response.topics:
        for _, code, _, *rest in parts:
            if code:
                raise for_code(code)(f"{place.topic}:{place.partition} at offset {offset} cannot be read")
            # last stable offset, log start (from version 5), aborted, preferred replica (from version 11), data
            aborted = rest[2] if response.API_VERSION >= 11 else rest[-2]
            return _parse(place, offset, rest[-1] or b"", [Aborted(*one) for one in aborted or ()], most)
    raise KafkaError(f"the broker's answer says nothing about {place.topic}:{place.partition}")


def _parse(place: TopicPartition, offset: int, data: bytes, aborted: list[Aborted], most: int) -> Salvaged:
    waiting = sorted(aborted, key=lambda one: one.first_offset)
    without_effect: set[int] = set()
    found = Salvaged([], offset, [])
    for batch in batches(place, data):
        while waiting and waiting[0].first_offset <= batch.base_offset:
            without_effect.add(waiting.pop(0).producer_id)
        if batch.aborts:
            without_effect.discard(batch.producer_id)
        if not batch.is_control and not (batch.is_transactional and batch.producer_id in without_effect):
            for record, escaped in batch.records():
                if record.offset < offset:
                    continue
                if len(found.records) == most:
                    return found._replace(next_offset=record.offset)
                found.records.append(record)
                if escaped:
                    found.escaped.append(record.offset)
        found = found._replace(next_offset=max(found.next_offset, batch.next_offset))
    return found


@asynccontextmanager
async def _connected(settings: KafkaSettings, topics: set[str]) -> AsyncIterator[AIOKafkaClient]:
    client = AIOKafkaClient(bootstrap_servers=settings.bootstrap_servers, client_id="salvage")
    try:
        await client.bootstrap()
        await client.set_topics(topics)
        yield client
    finally:
        await client.close()
