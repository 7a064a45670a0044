"""Deleting records: what stands before an offset of a partition can be read by nobody any more, at once.

Kafka deletes no single record. A segment whose records are all deleted leaves the disk within minutes; the newest one
when the topic begins another (`segment.ms`).
"""

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.errors import KafkaError

from libs.bus.reader import KafkaAway
from libs.bus.settings import KafkaSettings


async def delete_before(settings: KafkaSettings, topic: str, places: Mapping[int, int]) -> None:
    """Delete the records of a declared topic that stand before these offsets, by partition. Raises KafkaAway."""
    if not places:
        return
    wanted = {TopicPartition(settings.topic(topic), one): RecordsToDelete(offset) for one, offset in places.items()}
    async with _admin(settings, f"records of {topic} are not deleted") as admin:
        await admin.delete_records(wanted)


async def handled_before(
    settings: KafkaSettings, topic: str, consumers: Collection[str], partitions: Collection[int]
) -> dict[int, tuple[int, str]]:
    """Of each partition the offset before which all consumers have handled a declared topic, and who is the last.

    Consumers that do not exist in this installation do not count; a partition is left out where none does. Raises
    KafkaAway.
    """
    least: dict[int, tuple[int, str]] = {}
    async with _admin(settings, f"nobody knows who has handled {topic}") as admin:
        there = {group for group, *_ in await admin.list_consumer_groups()}
        for consumer in consumers:
            if (group := settings.group(consumer)) not in there:
                continue
            committed = await admin.list_consumer_group_offsets(group)
            for one in partitions:
                found = committed.get(TopicPartition(settings.topic(topic), one))
                offset = 0 if found is None else max(found.offset, 0)
                least[one] = min(least.get(one, (offset, consumer)), (offset, consumer))
    return least


@asynccontextmanager
async def _admin(settings: KafkaSettings, otherwise: str) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.bootstrap_servers, client_id="sellstream-deletion")
    try:
        try:
            await admin.start()
            yield admin
        finally:
            await admin.close()
    except KafkaError as error:
        raise KafkaAway(f"{otherwise}: {type(error).__name__}: {error}") from error
