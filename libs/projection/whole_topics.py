"""Every record of some topics, from beginning to end, as facts or as what could not be read."""

from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing

from libs.bus.reader import extents, partitions_of, read_range
from libs.bus.settings import KafkaSettings
from libs.projection.record import Located, Unreadable, locate

_CHUNK = 5_000


async def whole_topics(
    kafka: KafkaSettings, topics: Iterable[str], consumer: str
) -> AsyncGenerator[tuple[str, Located | Unreadable], None]:
    """One topic after the other, up to its end of now, as `consumer` reads it. Raises KafkaAway."""
    for topic in topics:
        found = await extents(kafka, await partitions_of(kafka, [topic]))
        begin = {partition: extent.begin for partition, extent in found.items()}
        end = {partition: extent.end for partition, extent in found.items()}
        async with aclosing(read_range(kafka, begin, end, max_records=_CHUNK)) as chunks:
            async for chunk in chunks:
                for partition, part in chunk.items():
                    for record in part.records:
                        located = locate(record, partition.topic, consumer)
                        if located is not None:
                            yield partition.topic, located
