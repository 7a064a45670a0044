"""Reading a partition from offset to offset at the speed of the client library's C code.

A consumer wraps every record and keeps books that nobody needs who reads a known range once: that is two thirds of its
time. Here a plain fetch gets the record batches, and the library's parser takes them apart. Only the ordinary case is
read: for anything else NotPlain is raised, and `reader.read_range`, which knows every case, goes on from there.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from typing import NamedTuple, Protocol

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.structs import TopicPartition

from libs.bus.reader import FETCH_BYTES, Partition
from libs.bus.settings import KafkaSettings
from schemas.envelope import Header

_READ_COMMITTED = 1
_WAIT_MILLISECONDS = 500
_MOST_EMPTY = 4
_BROKEN = (KafkaError, UnicodeDecodeError, ValueError, OSError)


class NotPlain(Exception):
    """Something else than the next committed records came; nothing after the last chunk was read."""


class PlainRecord(Protocol):
    """What the parser gives of a record."""

    @property
    def offset(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[Header]: ...
    @property
    def timestamp(self) -> int: ...


class PlainChunk(NamedTuple):
    """Records in order, and the offset behind them (there may be offsets without a record)."""

    records: list[PlainRecord]
    next_offset: int


async def read_plain(
    settings: KafkaSettings, partition: Partition, begin: int, end: int
) -> AsyncGenerator[PlainChunk, None]:
    """Everything from `begin` up to but without `end`; the last chunk's `next_offset` is `end`. Raises NotPlain.

    While a chunk is worked on, the next one is already asked for: memory holds two of FETCH_BYTES.
    """
    place = TopicPartition(settings.topic(partition.topic), partition.number)
    client = AIOKafkaClient(bootstrap_servers=settings.bootstrap_servers, client_id="plain-fetch")
    waiting: asyncio.Task[bytes] | None = None
    try:
        await client.bootstrap()
        await client.set_topics({place.topic})
        offset, empty = begin, 0
        while offset < end:
            data = await (waiting or _fetch(client, place, offset))
            waiting = None
            chunk = _parse(place, data, offset, end)
            empty = empty + 1 if chunk.next_offset == offset else 0
            if empty == _MOST_EMPTY:
                raise NotPlain(f"{partition} gives nothing from offset {offset} on, {end} was to be reached")
            if not empty:
                offset = chunk.next_offset
                if offset < end:
                    waiting = asyncio.create_task(_fetch(client, place, offset))
                    await asyncio.sleep(0)  # the request leaves now
                yield chunk
    except _BROKEN as error:
        raise NotPlain(f"{partition}: {type(error).__name__}: {error}") from error
    finally:
        if waiting is not None:
            waiting.cancel()
            await asyncio.wait({waiting})
        with suppress(KafkaError):
            await client.close()


async def _fetch(client: AIOKafkaClient, place: TopicPartition, offset: int) -> bytes:
    leader = client.cluster.leader_for_partition(place)
    if leader is None or leader == -1:
        raise NotPlain(f"{place.topic}:{place.partition} has no leader now")
    wanted = [(place.topic, [(place.partition, offset, FETCH_BYTES)])]
    response = await client.send(leader, FetchRequest(_WAIT_MILLISECONDS, 1, FETCH_BYTES, _READ_COMMITTED, wanted))
    for _, parts in response.topics:
        for _, code, _, *rest in parts:
            # last stable offset, log start (from version 5), aborted, preferred replica (from version 11), data
            aborted = rest[2] if response.API_VERSION >= 11 else rest[-2]
            if code or aborted:
                raise NotPlain(
                    f"{place.topic}:{place.partition}: error {code}, {len(aborted or ())} aborted transactions"
                )
            return rest[-1] or b""
    raise NotPlain(f"the broker's answer says nothing about {place.topic}:{place.partition}")


def _parse(place: TopicPartition, data: bytes, begin: int, end: int) -> PlainChunk:
    found: list[PlainRecord] = []
    position = begin
    batches = MemoryRecords(data)
    while position < end and batches.has_next():
        batch = batches.next_batch()
        if not batch.validate_crc():
            raise NotPlain(f"{place.topic}:{place.partition}: a batch behind offset {position} is damaged")
        if not batch.is_control_batch:
            records = list(batch)
            if records and (records[0].offset < begin or records[-1].offset >= end):
                records = [record for record in records if begin <= record.offset < end]
            found += records
        position = max(position, min(batch.next_offset, end))
    return PlainChunk(found, position)
