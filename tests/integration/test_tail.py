"""Reading the end of a topic on real Kafka: what is new enough, not too much of it, and then it ends."""

from datetime import UTC, datetime, timedelta

import pytest
from aiokafka import AIOKafkaProducer

from libs.bus.settings import KafkaSettings
from libs.bus.tail import TopicUnreadable, read_tail

NOW = datetime.now(UTC).replace(microsecond=0)


async def write(kafka: KafkaSettings, values: list[tuple[int, str, timedelta]]) -> None:
    """Records as (partition, value, age)."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap_servers)
    await producer.start()
    try:
        for partition, value, age in values:
            at = int((NOW - age).timestamp() * 1000)
            await producer.send_and_wait(kafka.topic("webhooks"), value.encode(), partition=partition, timestamp_ms=at)
    finally:
        await producer.stop()


async def tail(kafka: KafkaSettings, since: datetime, most: int = 1000) -> list[str]:
    found = read_tail(kafka, "webhooks", since=since, most_per_partition=most)
    return sorted([(record.value or b"").decode() async for record in found])


async def test_an_empty_topic_has_no_tail(kafka: KafkaSettings) -> None:
    assert await tail(kafka, NOW - timedelta(days=1)) == []


async def test_what_is_older_than_asked_is_left_out_and_every_partition_is_read(kafka: KafkaSettings) -> None:
    await write(
        kafka,
        [
            (0, "old", timedelta(hours=30)),
            (0, "a", timedelta(hours=2)),
            (0, "b", timedelta(0)),
            (3, "c", timedelta(hours=1)),
            (5, "older", timedelta(hours=40)),
        ],
    )
    assert await tail(kafka, NOW - timedelta(days=1)) == ["a", "b", "c"]
    assert await tail(kafka, NOW - timedelta(minutes=1)) == ["b"]
    assert await tail(kafka, NOW + timedelta(hours=1)) == []


async def test_at_most_so_many_of_each_partition_the_newest(kafka: KafkaSettings) -> None:
    await write(
        kafka, [(partition, f"{partition}.{number}", timedelta(0)) for partition in (0, 1) for number in range(5)]
    )
    assert await tail(kafka, NOW - timedelta(hours=1), most=2) == ["0.3", "0.4", "1.3", "1.4"]


async def test_more_than_one_fetch_is_read_to_the_end(kafka: KafkaSettings) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap_servers, max_request_size=8 * 1024 * 1024)
    await producer.start()
    try:
        sent = [await producer.send(kafka.topic("webhooks"), b"x" * 20_000, partition=0) for _ in range(600)]
        await producer.flush()
        assert all(future.done() for future in sent)
    finally:
        await producer.stop()
    assert len(await tail(kafka, NOW - timedelta(hours=1))) == 600


async def test_a_topic_that_cannot_be_read_is_told(kafka: KafkaSettings) -> None:
    away = kafka.model_copy(update={"bootstrap_servers": "127.0.0.1:1"})
    with pytest.raises(TopicUnreadable):
        await tail(away, NOW)
