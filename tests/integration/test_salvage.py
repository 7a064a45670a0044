"""Records that the client library cannot read are read all the same, with their neighbours, by every reader."""

import asyncio
from datetime import UTC, datetime

import pytest
from aiokafka import AIOKafkaProducer

from libs.bus.message import Outgoing, message
from libs.bus.publisher import Publisher
from libs.bus.reader import GroupReader, Partition, extents, read_range
from libs.bus.settings import KafkaSettings
from libs.bus.tail import read_one, read_tail
from schemas.envelope import Header
from tests.foreign_producer import send_foreign
from tests.integration.test_consumer import Seen, committed, consuming, dead_letters, question, until

FOREIGN: Header = ("latin-1", b"x")


def fact(number: int, *more: Header) -> tuple[bytes | None, bytes | None, list[Header]]:
    ready = message(Outgoing(question(number)), source="/t", cause=None, trace={})
    return ready.key, ready.value, [*ready.headers, *more]


def mixed(count: int) -> list[tuple[bytes | None, bytes | None, list[Header]]]:
    """Facts, every third of them with a foreign header."""
    return [fact(number, FOREIGN) if number % 3 == 1 else fact(number) for number in range(count)]


@pytest.mark.parametrize("compression", ["none", "gzip", "lz4", "snappy", "zstd"])
async def test_the_consumer_handles_a_fact_with_a_foreign_header_and_its_neighbours(
    kafka: KafkaSettings, publisher: Publisher, compression: str
) -> None:
    """A foreign header is not ours to judge. Several partitions: a bad batch in one must not cost the others theirs."""
    seen = Seen()
    async with consuming(kafka, publisher, seen):
        await send_foreign(kafka.bootstrap_servers, kafka.topic("questions"), mixed(40), compression=compression)
        await publisher.publish(Outgoing(question(99)))
        await until(lambda: len(set(seen.texts)) == 41, "all of them")
    assert len(seen.texts) == 41, "each once"
    assert await committed(kafka) == 41


async def test_many_foreign_records_before_the_first_start(kafka: KafkaSettings, publisher: Publisher) -> None:
    await send_foreign(kafka.bootstrap_servers, kafka.topic("questions"), [fact(n, FOREIGN) for n in range(1500)])
    seen = Seen()
    async with consuming(kafka, publisher, seen):
        await until(lambda: len(seen.texts) == 1500, "all of them")
    assert len(set(seen.texts)) == 1500


async def test_a_foreign_record_that_is_no_fact_becomes_a_dead_letter_with_its_name_escaped(
    kafka: KafkaSettings, publisher: Publisher
) -> None:
    await send_foreign(kafka.bootstrap_servers, kafka.topic("questions"), [(b"k", b"nothing", [FOREIGN])])
    async with consuming(kafka, publisher, Seen()):
        (letter,) = await dead_letters(kafka, 1)
    assert letter["x-error-class"] == b"poison"
    assert letter[r"\xff\xfe"] == b"x"


async def test_the_projections_readers_and_the_tail_read_them(kafka: KafkaSettings) -> None:
    await send_foreign(kafka.bootstrap_servers, kafka.topic("questions"), mixed(40))
    partitions = [Partition("questions", number) for number in range(6)]
    known = await extents(kafka, partitions)

    by_group: list[tuple[int, int]] = []
    async with GroupReader(kafka, "test", ["questions"], max_records=7) as reader, asyncio.timeout(30):
        while len(by_group) < 40:
            reader.place(dict.fromkeys(reader.unplaced(), 0))
            for partition, chunk in (await reader.read(100)).items():
                by_group += [(partition.number, record.offset) for record in chunk.records]

    by_range: list[tuple[int, int]] = []
    ends = {partition: extent.end for partition, extent in known.items()}
    async for chunks in read_range(kafka, dict.fromkeys(partitions, 0), ends, max_records=7):
        for partition, chunk in chunks.items():
            by_range += [(partition.number, record.offset) for record in chunk.records]

    tail = read_tail(kafka, "questions", since=datetime.fromtimestamp(0, UTC), most_per_partition=1000)
    by_tail = [(record.partition, record.offset) async for record in tail]

    expected = sorted((one.number, offset) for one, end in ends.items() for offset in range(end))
    assert len(expected) == 40
    for found in (by_group, by_range, by_tail):
        assert sorted(found) == expected
        for number in range(6):
            offsets = [offset for partition, offset in found if partition == number]
            assert offsets == sorted(offsets)


async def test_what_an_aborted_transaction_wrote_is_not_read(kafka: KafkaSettings, publisher: Publisher) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap_servers, transactional_id=kafka.topic("t"))
    await producer.start()
    try:
        for number, aborts in ((1, True), (2, False), (3, True)):
            await producer.begin_transaction()
            _, value, headers = fact(number)
            await producer.send_and_wait(kafka.topic("questions"), value, key=b"k", headers=headers)
            await (producer.abort_transaction() if aborts else producer.commit_transaction())
    finally:
        await producer.stop()
    _, value, headers = fact(4, FOREIGN)
    await send_foreign(kafka.bootstrap_servers, kafka.topic("questions"), [(b"k", value, headers)])
    seen = Seen()
    async with consuming(kafka, publisher, seen):
        await until(lambda: len(seen.texts) == 2, "the committed and the foreign one")
    assert [text[0] for text in seen.texts] == ["2", "4"]


async def test_one_record_by_its_place(kafka: KafkaSettings, publisher: Publisher) -> None:
    sent = [await publisher.publish(Outgoing(question(number), id=str(number))) for number in range(3)]
    for number, place in enumerate(sent):
        record = await read_one(kafka, "questions", place.partition, place.offset)
        assert record is not None
        assert dict(record.headers)["ce_id"] == str(number).encode()
    assert await read_one(kafka, "questions", sent[0].partition, sent[0].offset + 100) is None
