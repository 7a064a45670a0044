"""Reading a partition from offset to offset with as little as possible between the bytes and who folds them.

A consumer wraps every record and keeps books that nobody needs who reads a known range once: that is two thirds of its
time. Here a plain fetch gets the record batches, and records are found in place. Only the ordinary case is
read: for anything else NotPlain is raised, and `reader.read_range`, which knows every case, goes on from there.
"""

import struct
from collections.abc import AsyncGenerator, Iterator
from contextlib import suppress
from typing import NamedTuple

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from libs.bus.fetch_connection import FetchConnection, FetchRefused
from libs.bus.plain_records import NotPlain, PlainBatch, PlainRecord, plain_batches
from libs.bus.reader import FETCH_BYTES, Partition
from libs.bus.settings import KafkaSettings

_CLIENT = "plain-fetch"
_MOST_EMPTY = 4
_BROKEN = (KafkaError, FetchRefused, UnicodeDecodeError, ValueError, OSError, struct.error)


class PlainChunk(NamedTuple):
    """Records in order, and the offset behind them (there may be offsets without a record).

    The records are taken apart one by one as they are asked for, which may raise NotPlain: a million of them need no
    more memory than one. The order to come is that of the log; they can be gone through once.
    """

    records: Iterator[PlainRecord]
    next_offset: int


async def read_plain(
    settings: KafkaSettings, partition: Partition, begin: int, end: int
) -> AsyncGenerator[PlainChunk, None]:
    """Everything from `begin` up to but without `end`; the last chunk's `next_offset` is `end`. Raises NotPlain.

    While a chunk is worked on, the next one is already on its way: memory holds two of FETCH_BYTES.
    """
    place = TopicPartition(settings.topic(partition.topic), partition.number)
    connection: FetchConnection | None = None
    try:
        connection = await FetchConnection.open(*await _leader(settings, place), _CLIENT)
        await connection.ask(place, begin, FETCH_BYTES)
        offset, empty = begin, 0
        while offset < end:
            chunk = _chunk(await connection.answer(), offset, end)
            empty = empty + 1 if chunk.next_offset == offset else 0
            if empty == _MOST_EMPTY:
                raise NotPlain(f"{partition} gives nothing from offset {offset} on, {end} was to be reached")
            offset = chunk.next_offset
            if offset < end:
                await connection.ask(place, offset, FETCH_BYTES)
            if not empty:
                yield chunk
    except _BROKEN as error:
        raise NotPlain(f"{partition}: {type(error).__name__}: {error}") from error
    finally:
        if connection is not None:
            connection.close()


async def _leader(settings: KafkaSettings, place: TopicPartition) -> tuple[str, int]:
    """Host and port of the broker that leads a partition."""
    client = AIOKafkaClient(bootstrap_servers=settings.bootstrap_servers, client_id=_CLIENT)
    try:
        await client.bootstrap()
        await client.set_topics({place.topic})
        broker = client.cluster.broker_metadata(client.cluster.leader_for_partition(place))
    finally:
        with suppress(KafkaError):
            await client.close()
    if broker is None:
        raise NotPlain(f"{place.topic}:{place.partition} has no leader now")
    return broker.host, broker.port


def _chunk(data: bytes, begin: int, end: int) -> PlainChunk:
    found: list[PlainBatch] = []
    position = begin
    for batch in plain_batches(data):
        if position >= end:
            break
        if not batch.is_control:
            found.append(batch)
        position = max(position, min(batch.next_offset, end))
    return PlainChunk(_records(found, begin, end), position)


def _records(batches: list[PlainBatch], begin: int, end: int) -> Iterator[PlainRecord]:
    for batch in batches:
        if begin <= batch.base_offset and batch.next_offset <= end:
            yield from batch.records()
        else:
            yield from (record for record in batch.records() if begin <= record.offset < end)
