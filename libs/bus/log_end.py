"""Where partitions end now, asked over a producer's own connections: one request per broker, about a millisecond."""

import asyncio
from collections.abc import Collection

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError, for_code
from aiokafka.protocol.offset import OffsetRequest

from libs.bus.publisher import NotPublished, Publisher
from libs.bus.reader import KafkaAway, Partition

_LATEST = -1
_READ_UNCOMMITTED = 0
_PAUSE_SECONDS = 0.25

WITHIN_SECONDS = 6.0
"""How long a caller waits while Kafka is away, or a partition is between two leaders."""


async def log_ends(publisher: Publisher, partitions: Collection[Partition]) -> dict[Partition, int]:
    """Of each partition the offset that its next record will get. Raises KafkaAway."""
    last = "it has not been reached yet"
    try:
        async with asyncio.timeout(WITHIN_SECONDS):
            producer = await publisher.producer()
            while True:
                try:
                    return await _ends(producer, publisher, partitions)
                except KafkaError as error:
                    last = f"{type(error).__name__}: {error}"
                    if not error.retriable:
                        raise KafkaAway(f"Kafka does not tell where the log ends: {last}") from error
                await asyncio.sleep(_PAUSE_SECONDS)  # a new leader is being found
                await producer.client.force_metadata_update()
    except NotPublished as error:
        raise KafkaAway(str(error)) from error
    except TimeoutError:
        raise KafkaAway(f"Kafka did not tell within {WITHIN_SECONDS:g} s where the log ends: {last}") from None


async def _ends(
    producer: AIOKafkaProducer, publisher: Publisher, partitions: Collection[Partition]
) -> dict[Partition, int]:
    declared = {TopicPartition(publisher.topic(one.topic), one.number): one for one in partitions}
    for place in declared:
        if place not in await _known(producer, place.topic):
            raise KafkaAway(f"{place.topic} has no partition {place.partition}: create the topics as they are declared")
    wanted: dict[int, dict[str, list[tuple[int, int]]]] = {}
    for place in declared:
        leader = producer.client.cluster.leader_for_partition(place)
        if leader is None or leader == -1:
            await producer.client.force_metadata_update()
            leader = producer.client.cluster.leader_for_partition(place)
        if leader is None or leader == -1:
            raise KafkaAway(f"{place.topic}:{place.partition} has no leader now")
        wanted.setdefault(leader, {}).setdefault(place.topic, []).append((place.partition, _LATEST))
    ends: dict[Partition, int] = {}
    for leader, topics in wanted.items():
        response = await producer.client.send(leader, OffsetRequest(-1, _READ_UNCOMMITTED, list(topics.items())))
        for topic, parts in response.topics:
            for number, code, _timestamp, offset, *_epoch in parts:
                if code:
                    raise for_code(code)(f"{topic}:{number}")
                ends[declared[TopicPartition(topic, number)]] = offset
    return ends


async def _known(producer: AIOKafkaProducer, topic: str) -> set[TopicPartition]:
    numbers = await producer.partitions_for(topic)
    return {TopicPartition(topic, number) for number in numbers}
