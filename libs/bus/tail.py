"""Looking into a topic: the last records of each partition, up to where the log ended at the start, or one record."""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from libs.bus.message import Record
from libs.bus.salvage import getmany, salvage
from libs.bus.settings import KafkaSettings

_POLL_MILLISECONDS = 500
_BATCH_RECORDS = 2_000


class TopicUnreadable(Exception):
    """A topic could not be read to its end: Kafka is away, or the topic does not exist. Reading again is harmless."""


async def read_tail(
    settings: KafkaSettings, topic: str, *, since: datetime, most_per_partition: int
) -> AsyncIterator[Record]:
    """The records of a declared topic not older than `since`, at most so many of the newest of each partition.

    In order within a partition, partitions interleaved; ends at the offsets that were the log's end when reading began.
    Joins no group and commits nothing. Raises TopicUnreadable.
    """
    client = AIOKafkaConsumer(
        settings.topic(topic),
        bootstrap_servers=settings.bootstrap_servers,
        client_id=f"tail-{topic}",
        auto_offset_reset="latest",
        enable_auto_commit=False,
        request_timeout_ms=10_000,
        fetch_max_wait_ms=100,  # there is nothing to wait for: what is read is there already
        max_partition_fetch_bytes=4 * 1024 * 1024,
    )
    try:
        await client.start()
        positions, ends = await _seek(client, since, most_per_partition)
        while ends:
            batches = await getmany(
                client, settings, positions, *ends, timeout_ms=_POLL_MILLISECONDS, max_records=_BATCH_RECORDS
            )
            for partition, records in batches.items():
                for record in records:
                    if record.offset < ends[partition]:
                        yield record
            # Not the last record's offset: a partition may end in offsets that hold no record (control batches).
            ends = {partition: end for partition, end in ends.items() if await client.position(partition) < end}
    except KafkaError as error:
        raise TopicUnreadable(f"the topic {topic} cannot be read: {type(error).__name__}: {error}") from error
    finally:
        await client.stop()


async def read_one(settings: KafkaSettings, topic: str, partition: int, offset: int) -> Record | None:
    """One record of a declared topic by its place; None if it is gone. Raises TopicUnreadable."""
    place = TopicPartition(settings.topic(topic), partition)
    try:
        records = (await salvage(settings, {place: offset}, most=1))[place].records
    except OffsetOutOfRangeError:
        return None
    except KafkaError as error:
        raise TopicUnreadable(f"the topic {topic} cannot be read: {type(error).__name__}: {error}") from error
    return records[0] if records and records[0].offset == offset else None


async def _seek(
    client: AIOKafkaConsumer, since: datetime, most: int
) -> tuple[dict[TopicPartition, int], Mapping[TopicPartition, int]]:
    """Put each partition to its first record that is wanted; that offset and the end offset of each that has any."""
    partitions = list(client.assignment())
    begins = await client.beginning_offsets(partitions)
    ends: dict[TopicPartition, int] = await client.end_offsets(partitions)
    found = await client.offsets_for_times(dict.fromkeys(partitions, int(since.timestamp() * 1000)))
    positions: dict[TopicPartition, int] = {}
    wanted: dict[TopicPartition, int] = {}
    for partition in partitions:
        end = ends[partition]
        recent = found[partition].offset if found.get(partition) is not None else end
        first = max(begins[partition], recent, end - most)
        if first < end:
            client.seek(partition, first)
            positions[partition], wanted[partition] = first, end
        else:
            client.pause(partition)
    return positions, wanted
