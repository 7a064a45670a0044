"""The consumer when things go wrong around it: defects, hangs, sizes, halts, and Kafka away at the wrong moment."""

import asyncio
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from libs.bus.consumer import Consumer, Tuning
from libs.bus.dead_letter import DeadLetter
from libs.bus.lane import Retries
from libs.bus.message import Outgoing, Received
from libs.bus.outcome import Retry
from libs.bus.publisher import Publisher
from libs.bus.settings import KafkaSettings
from libs.bus.tail import read_one
from libs.bus.topics import apply_topics
from libs.service import STOP_GRACE_SECONDS
from libs.stack import EmbeddedKafka
from schemas.topics import topics
from tests.foreign_producer import send_foreign
from tests.integration.test_consumer import QUICK, Seen, committed, consuming, dead_letters, question, until


def number_of(records: Sequence[Received]) -> str:
    return records[0].fact.question_id  # type: ignore[attr-defined]  # this file's facts are questions


async def test_a_cancellation_that_escapes_a_handler_is_its_records_fate_and_nobody_elses(
    kafka: KafkaSettings, publisher: Publisher
) -> None:
    async def leak(records: Sequence[Received]) -> list[Outgoing]:
        if number_of(records) == "0":
            raise asyncio.CancelledError
        return []

    for number in range(5):
        await publisher.publish(Outgoing(question(number)))
    async with consuming(kafka, publisher, Seen(leak)) as consumer:
        (letter,) = await dead_letters(kafka, 1)
        await until(lambda: consumer._in_flight == 0, "all five have a fate")
    assert (letter["__connect.errors.exception.class.name"] or b"").endswith(b"CancelledFromWithin")
    assert await committed(kafka) == 5


async def test_a_handler_that_does_not_return_is_given_up(kafka: KafkaSettings, publisher: Publisher) -> None:
    async def hang(records: Sequence[Received]) -> list[Outgoing]:
        if number_of(records) == "0":
            await asyncio.Event().wait()
        return []

    for number in range(5):
        await publisher.publish(Outgoing(question(number)))
    tuning = Tuning(patience=timedelta(seconds=0.1), retries=Retries(pauses=(0.01,)), concurrency=1)
    async with consuming(kafka, publisher, Seen(hang), tuning) as consumer:
        (letter,) = await dead_letters(kafka, 1)
        await until(lambda: consumer._in_flight == 0, "all five have a fate")
    assert (letter["x-error-class"], letter["x-attempts"]) == (b"dependency", b"2")


async def test_a_fact_that_is_too_large_for_kafka_does_not_hold_up_its_lane(
    kafka: KafkaSettings, publisher: Publisher
) -> None:
    async def answer(records: Sequence[Received]) -> list[Outgoing]:
        return [Outgoing(question(7, "x" * 9_000_000), id="large")] if number_of(records) == "1" else []

    await publisher.publish(Outgoing(question(1)))
    async with consuming(kafka, publisher, Seen(answer)) as consumer:
        (letter,) = await dead_letters(kafka, 1)
        await until(lambda: consumer._in_flight == 0, "its fate")
    assert (letter["__connect.errors.exception.class.name"] or b"").endswith(b"TooLarge")


async def test_a_record_too_large_for_a_copy_is_left_at_its_origin(kafka: KafkaSettings, publisher: Publisher) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap_servers, max_request_size=12 * 1024 * 1024)
    await producer.start()
    try:
        value = b"\xff" * 10_000_000
        sent = await producer.send_and_wait(kafka.topic("questions"), value, key=b"k", headers=[("own", b"1")])
    finally:
        await producer.stop()
    async with consuming(kafka, publisher, Seen()) as consumer:
        await dead_letters(kafka, 1)
        await until(lambda: consumer._in_flight == 0, "its fate")
    record = await read_one(kafka, "projector-dlt", 0, 0)
    assert record is not None
    letter = DeadLetter.of(record, "projector")
    assert (letter.left_at_origin, letter.error_class, record.value) == (True, "poison", b"")
    original = await read_one(kafka, letter.topic, letter.partition, letter.offset)
    assert original is not None
    assert (letter.partition, letter.offset) == (sent.partition, sent.offset)
    whole = letter.with_original(original)
    assert (whole.record.key, whole.record.value, whole.left_at_origin) == (b"k", value, False)
    assert ("own", b"1") in whole.headers_for_retry()


async def test_a_record_without_key_and_value_becomes_a_dead_letter(kafka: KafkaSettings, publisher: Publisher) -> None:
    """The client library would not send one; others do."""
    await send_foreign(kafka.bootstrap_servers, kafka.topic("questions"), [(None, None, [("own", b"1")])])
    async with consuming(kafka, publisher, Seen()):
        (letter,) = await dead_letters(kafka, 1)
    assert (letter["own"], letter["x-error-class"]) == (b"1", b"poison")


async def test_memory_is_bounded_by_bytes(kafka: KafkaSettings, publisher: Publisher) -> None:
    go_on = asyncio.Event()

    async def hold(_records: Sequence[Received]) -> list[Outgoing]:
        await go_on.wait()
        return []

    seen = Seen(hold)
    async with consuming(kafka, publisher, seen, Tuning(max_in_flight_bytes=100_000)) as consumer:
        for number in range(10):
            await publisher.publish(Outgoing(question(number, "x" * 20_000)))
        await until(lambda: consumer._in_flight_bytes >= 100_000, "it is full")
        await asyncio.sleep(1)  # what was on its way when it became full
        held = consumer._in_flight
        for number in range(10, 20):
            await publisher.publish(Outgoing(question(number, "x" * 20_000)))
        await asyncio.sleep(1)
        assert consumer._in_flight == held
        go_on.set()
        await until(lambda: len(seen.texts) == 20 and consumer._in_flight_bytes == 0, "all are handled")
    assert await committed(kafka) == 20


async def test_a_topic_full_of_rubbish_halts_and_is_left_when_it_was_mended(
    kafka: KafkaSettings, publisher: Publisher
) -> None:
    """Even with nothing but unreadable records in hand: no more dead letters, not ready, and it stops in time."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap_servers)
    await producer.start()
    try:
        for _ in range(200):
            sent = await producer.send_and_wait(kafka.topic("questions"), b"rubbish", key=b"k")
    finally:
        await producer.stop()
    seen = Seen()
    async with consuming(kafka, publisher, seen, Tuning(max_in_flight=50)) as consumer:
        await dead_letters(kafka, 20)
        await until(lambda: consumer._handling.halt.halted, "it halts")
        await until(consumer._is_full, "its hands are full")
        with pytest.raises(RuntimeError, match="halted"):
            await consumer.check()
        await publisher.publish(Outgoing(question(1)))
        began = time.monotonic()
    assert time.monotonic() - began < STOP_GRACE_SECONDS
    assert await read_one(kafka, "projector-dlt", 0, 20) is None, "not one more than it takes to notice"
    assert await committed(kafka) == 20

    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers)
    await admin.start()
    try:  # the operator mends it: here by taking the rubbish out of the topic
        place = TopicPartition(sent.topic, sent.partition)
        await admin.delete_records({place: RecordsToDelete(before_offset=200)})
    finally:
        await admin.close()
    async with consuming(kafka, publisher, seen) as consumer:
        await until(lambda: len(seen.texts) == 1, "the good record behind the rubbish")
        await consumer.check()


async def test_a_success_in_between_does_not_let_all_that_wait_through(
    kafka: KafkaSettings, publisher: Publisher
) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap_servers)
    await producer.start()
    try:
        await asyncio.gather(*[await producer.send(kafka.topic("questions"), b"rubbish", key=b"k") for _ in range(200)])
    finally:
        await producer.stop()
    async with consuming(kafka, publisher, Seen()) as consumer:
        await until(lambda: consumer._handling.halt.halted, "it halts")
        await publisher.publish(Outgoing(question(1)))
        await until(lambda: not consumer._handling.halt.halted, "a success ends the halt")
        await until(lambda: consumer._handling.halt.halted, "it halts again")
    assert await read_one(kafka, "projector-dlt", 0, 39) is not None
    assert await read_one(kafka, "projector-dlt", 0, 40) is None


async def test_it_stops_though_kafka_was_never_there(publisher: Publisher) -> None:
    nowhere = KafkaSettings(bootstrap_servers="127.0.0.1:1")
    stop = asyncio.Event()
    consumer = Consumer(nowhere, "projector", ["questions"], publisher, QUICK)
    task = asyncio.create_task(consumer.run(Seen(), stop))
    await until(lambda: "KafkaConnectionError" in consumer._problem, "it has tried")
    with pytest.raises(RuntimeError, match="reads nothing: KafkaConnectionError"):
        await consumer.check()
    stop.set()
    async with asyncio.timeout(STOP_GRACE_SECONDS):
        await task


@pytest.mark.timeout(200)
async def test_kafka_goes_away_in_the_middle(tmp_path: Path) -> None:
    """While records are in hand, while a dead letter is written, and at the stop."""
    broker = EmbeddedKafka(tmp_path / "kafka")
    await broker.start()
    try:
        kafka = KafkaSettings(bootstrap_servers=broker.bootstrap_servers, topic_prefix="t.")
        await apply_topics(kafka.bootstrap_servers, topics().values(), prefix="t.")
        go_on = asyncio.Event()

        async def hold(records: Sequence[Received]) -> list[Outgoing]:
            await go_on.wait()
            if number_of(records) == "0":
                raise Retry("not today")
            return []

        async with Publisher(kafka, "tests") as publisher:
            for number in range(10):
                await publisher.publish(Outgoing(question(number)))
            stop = asyncio.Event()
            consumer = Consumer(kafka, "projector", ["questions"], publisher, Tuning(retries=Retries(pauses=(0.01,))))
            seen = Seen(hold)
            task = asyncio.create_task(consumer.run(seen, stop))
            await until(lambda: len(seen.batches) == 10, "all in hand")
            await broker.brokers[0].kill()
            go_on.set()
            await until(lambda: consumer._in_flight == 1, "all but the dead letter, which waits for Kafka")
            await broker.brokers[0].start()
            await broker.brokers[0].ready()
            (letter,) = await dead_letters(kafka, 1)
            assert letter["x-error-class"] == b"dependency"
            await until(lambda: consumer._in_flight == 0, "the dead letter too", 60)
            await publisher.publish(Outgoing(question(99)))
            await until(lambda: "99/¿Tiene en talla 42?" in seen.texts, "it goes on", 60)
            await broker.brokers[0].kill()
            stop.set()
            async with asyncio.timeout(STOP_GRACE_SECONDS):
                await task
    finally:
        await broker.stop()
