"""How much a live projection takes in hand: far behind the log's end a large batch, at its end what has just come."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiokafka import AIOKafkaProducer

from libs.bus.reader import FAR_BEHIND, FETCH_BYTES, GroupReader, Partition
from libs.bus.settings import KafkaSettings

RECORDS = 4_000
VALUE = b"x" * 4_096
ONE_FETCH = FETCH_BYTES // len(VALUE)
"""No fetch holds more records."""

PARTITION = Partition("orders", 0)
ENOUGH_SECONDS = 60.0
"""Longer than any machine takes: only the log's end ends the gathering."""


@pytest.fixture
async def log(kafka: KafkaSettings) -> AsyncIterator[AIOKafkaProducer]:
    """A partition that holds several fetches; the producer that wrote it."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap_servers, linger_ms=20)
    await producer.start()
    try:
        sent = [await producer.send(kafka.topic("orders"), VALUE, partition=0) for _ in range(RECORDS)]
        await asyncio.gather(*sent)
        yield producer
    finally:
        await producer.stop()


async def placed(reader: GroupReader, offset: int) -> None:
    """Wait until all partitions are ours; read the first one from the offset on, the others from their beginning."""
    async with asyncio.timeout(30):
        while len(reader.unplaced()) < 6:
            await reader.read(10)
    reader.place({one: offset if one == PARTITION else 0 for one in reader.unplaced()})


async def batch(reader: GroupReader) -> list[int]:
    """The offsets of the next batch of the first partition that is not empty."""
    async with asyncio.timeout(30):
        while True:
            if found := (await reader.read()).get(PARTITION):
                return [record.offset for record in found.records]


def reading(kafka: KafkaSettings, max_records: int) -> GroupReader:
    return GroupReader(kafka, "gathering", ["orders"], max_records=max_records, gather_seconds=ENOUGH_SECONDS)


async def test_far_behind_a_batch_is_more_than_one_fetch(kafka: KafkaSettings, log: AIOKafkaProducer) -> None:
    async with reading(kafka, RECORDS) as reader:
        await placed(reader, 0)
        offsets = await batch(reader)
        assert offsets == list(range(len(offsets)))
        assert len(offsets) >= RECORDS - FAR_BEHIND > ONE_FETCH
        while len(offsets) < RECORDS:
            offsets += await batch(reader)
        assert offsets == list(range(RECORDS))


async def test_a_batch_is_never_too_large_and_at_the_end_what_has_come_is_handed_out_at_once(
    kafka: KafkaSettings, log: AIOKafkaProducer
) -> None:
    most = RECORDS - FAR_BEHIND - 500
    async with reading(kafka, most) as reader, asyncio.timeout(ENOUGH_SECONDS / 2):  # gathering would take all of it
        await placed(reader, 0)
        assert await batch(reader) == list(range(most))
        reader.unplace()
        await placed(reader, RECORDS)
        for number in range(3):
            await log.send_and_wait(kafka.topic("orders"), VALUE, partition=0)
            assert await batch(reader) == [RECORDS + number]


async def test_what_has_come_while_a_batch_was_in_hand_is_the_next_batch(
    kafka: KafkaSettings, log: AIOKafkaProducer
) -> None:
    async with GroupReader(kafka, "gathering", ["orders"], max_records=RECORDS, since_milliseconds=60_000) as reader:
        await placed(reader, RECORDS)
        await log.send_and_wait(kafka.topic("orders"), VALUE, partition=0)
        async with asyncio.timeout(ENOUGH_SECONDS):
            while (
                reader.end(PARTITION) != RECORDS + 1
            ):  # the client has that one, and asks for no more of its partition
                await asyncio.sleep(0.01)
        for _ in range(3):
            await log.send_and_wait(kafka.topic("orders"), VALUE, partition=0)
        assert await batch(reader) == list(range(RECORDS, RECORDS + 4))
