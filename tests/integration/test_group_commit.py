"""Group commit on real Kafka: in order per key, once, whatever the broker does; and honest about what is not known."""

import asyncio
import time
from collections import defaultdict
from datetime import UTC, datetime

import pytest

from libs.bus.batch_writer import header_block
from libs.bus.group_commit import BATCH_BYTES, GroupCommit, Overloaded, Refused
from libs.bus.message import Record
from libs.bus.partitioner import partition_of
from libs.bus.publisher import NotPublished, Publisher
from libs.bus.settings import KafkaSettings
from libs.bus.tail import read_tail
from libs.stack import EmbeddedKafka
from schemas.topics import topics

TOPIC = "webhooks"
PARTITIONS = topics()[TOPIC].partitions

# Not a fixed time: a restarted broker forgets what an idempotent producer wrote when its records' times are a day old.
NOW_MS = int(time.time() * 1000)


class Told:
    """What became of each record, by its number."""

    def __init__(self) -> None:
        self.outcomes: dict[int, Exception | None] = {}
        self.order: list[int] = []

    def group(self, publisher: Publisher, partitions: int = PARTITIONS, most_waiting: int = 20_000) -> GroupCommit[int]:
        group = GroupCommit[int](publisher, TOPIC, partitions, most_waiting=most_waiting)
        group.ended = self._ended
        return group

    def _ended(self, numbers: list[int], error: Exception | None) -> None:
        for number in numbers:
            assert number not in self.outcomes, "told twice"
            self.outcomes[number] = error
            self.order.append(number)

    async def wait_for(self, count: int, seconds: float = 90) -> None:
        try:
            async with asyncio.timeout(seconds):
                while len(self.outcomes) < count:
                    await asyncio.sleep(0.02)
        except TimeoutError:
            pytest.fail(f"{len(self.outcomes)} of {count} records have an outcome after {seconds} s")


def append(group: GroupCommit[int], number: int, *, keys: int = 20, size: int = 0, ahead_ms: int = 0) -> None:
    key, text = f"key-{number % keys}".encode(), str(number).encode()
    group.append(key, text.ljust(size), header_block([("number", text)]), NOW_MS + ahead_ms, number)


async def log(kafka: KafkaSettings) -> list[Record]:
    since = datetime(2020, 1, 1, tzinfo=UTC)
    return [record async for record in read_tail(kafka, TOPIC, since=since, most_per_partition=1_000_000)]


def by_key(records: list[Record]) -> dict[bytes, list[int]]:
    found: dict[bytes, list[int]] = defaultdict(list)
    for record in records:
        assert record.partition == partition_of(record.key or b"", PARTITIONS)
        found[record.key or b""].append(int(record.value or b""))
    return found


def complete_and_in_order(records: list[Record], count: int) -> None:
    offsets = [(record.partition, record.offset) for record in records]
    assert len(set(offsets)) == len(offsets), "the reader gave a record twice"
    assert sorted(int(record.value or b"") for record in records) == list(range(count))
    assert all(numbers == sorted(numbers) for numbers in by_key(records).values())


async def test_each_record_is_written_once_in_the_order_of_its_key(kafka: KafkaSettings) -> None:
    told = Told()
    async with Publisher(kafka, "tests") as publisher:
        group = told.group(publisher)
        for number in range(2_000):
            append(group, number)
            if number % 100 == 0:
                await asyncio.sleep(0)
        assert not told.outcomes or all(error is None for error in told.outcomes.values())
        assert await group.close(30) == 0
    assert told.outcomes == dict.fromkeys(range(2_000))
    records = await log(kafka)
    complete_and_in_order(records, 2_000)
    assert all(dict(record.headers)["number"] == (record.value or b"").strip() for record in records)
    assert {record.timestamp for record in records} == {NOW_MS}


async def test_many_large_records_make_several_batches_and_one_may_be_larger_than_a_batch(kafka: KafkaSettings) -> None:
    told = Told()
    async with Publisher(kafka, "tests") as publisher:
        group = told.group(publisher)
        for number in range(30):
            append(group, number, keys=1, size=BATCH_BYTES + 1000 if number == 7 else 100_000)
        await told.wait_for(30)
    assert told.order == list(range(30))
    complete_and_in_order(await log(kafka), 30)


async def test_a_topic_that_lacks_a_partition_is_told_of_and_others_go_on(kafka: KafkaSettings) -> None:
    told = Told()
    async with Publisher(kafka, "tests") as publisher:
        group = told.group(publisher, PARTITIONS * 2)
        for number in range(100):
            append(group, number, keys=100)
        await told.wait_for(100)
    failed = {number for number, error in told.outcomes.items() if error is not None}
    assert failed == {
        number for number in range(100) if partition_of(f"key-{number}".encode(), PARTITIONS * 2) >= PARTITIONS
    }
    assert all(isinstance(told.outcomes[number], NotPublished) for number in failed)
    assert len(await log(kafka)) == 100 - len(failed)


async def test_what_waits_behind_a_record_that_kafka_refuses_does_not_overtake(kafka: KafkaSettings) -> None:
    """A time two hours ahead; the batches behind it are told in their order, and written when they come again."""
    told = Told()
    async with Publisher(kafka, "tests") as publisher:
        group = told.group(publisher)
        append(group, 0, keys=1, ahead_ms=2 * 3_600_000)
        for number in range(1, 20):
            append(group, number, keys=1, size=100_000)
        await told.wait_for(20)
        assert told.order == list(range(20))
        errors = list(told.outcomes.values())
        assert all(isinstance(error, Refused) and error.of_time for error in errors), errors
        assert group.waiting == 0
        assert await log(kafka) == []
        told.outcomes.clear()
        for number in range(20):
            append(group, number, keys=1)
        await told.wait_for(20)
    assert told.outcomes == dict.fromkeys(range(20))
    complete_and_in_order(await log(kafka), 20)


async def test_what_waits_for_the_first_connection_is_bounded_and_told_of_at_the_end() -> None:
    nobody = KafkaSettings(bootstrap_servers="127.0.0.1:1")
    told = Told()
    async with Publisher(nobody, "tests", waits=False) as publisher:
        group = told.group(publisher, most_waiting=10)
        for number in range(10):
            append(group, number)
        with pytest.raises(Overloaded):
            append(group, 10)
        with pytest.raises(NotPublished):
            await publisher.check()
        assert await group.close(0.05) == 10
    assert told.outcomes == {}, "nobody knows"


async def test_a_late_acknowledgement_is_told_once_and_nothing_overtakes(
    own_broker: EmbeddedKafka, own_kafka: KafkaSettings
) -> None:
    told = Told()
    async with Publisher(own_kafka, "tests") as publisher:
        group = told.group(publisher, most_waiting=150)
        for number in range(50):
            append(group, number)
        await told.wait_for(50)
        own_broker.brokers[0].pause()
        await asyncio.sleep(0.1)  # until each of the broker's threads has met the signal: a busy machine takes its time
        try:
            for number in range(50, 200):
                append(group, number)
                if number % 10 == 0:
                    await asyncio.sleep(0.01)
            assert len(told.outcomes) == 50
            with pytest.raises(Overloaded):
                append(group, 200)
        finally:
            own_broker.brokers[0].resume()
        await told.wait_for(200)
    assert told.outcomes == dict.fromkeys(range(200))
    complete_and_in_order(await log(own_kafka), 200)


async def test_over_the_death_of_a_broker_every_record_is_written_once(
    own_broker: EmbeddedKafka, own_kafka: KafkaSettings
) -> None:
    told = Told()
    async with Publisher(own_kafka, "tests") as publisher:
        group = told.group(publisher)
        for number in range(100):
            append(group, number)
        await asyncio.sleep(0.01)
        await own_broker.brokers[0].kill()
        try:
            for number in range(100, 200):
                append(group, number)
            await asyncio.sleep(0.1)
        finally:
            await own_broker.brokers[0].start()
            await own_broker.brokers[0].ready()
        await told.wait_for(200)
    assert told.outcomes == dict.fromkeys(range(200))
    complete_and_in_order(await log(own_kafka), 200)
