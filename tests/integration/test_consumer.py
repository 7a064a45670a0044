"""The consumer on real Kafka: order per key, neighbours unharmed, a fate for each record, no commit too early."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from libs.bus.consumer import Consumer, Handler, Tuning
from libs.bus.lane import Retries
from libs.bus.message import REDRIVE_TO, Outgoing, Received
from libs.bus.outcome import ErrorClass, Ignore, Reject, Retry, Wait
from libs.bus.publisher import Publisher
from libs.bus.replay import HEADER, Replays
from libs.bus.settings import KafkaSettings
from libs.bus.tail import read_tail
from schemas.questions.question_changed import QuestionChangedV1, QuestionStatus
from schemas.topics import dead_letter_topic

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
QUICK = Tuning(retries=Retries(pauses=(0.01, 0.01)))


def question(number: int, text: str = "¿Tiene en talla 42?") -> QuestionChangedV1:
    return QuestionChangedV1(
        marketplace="mercadolibre",
        account="34308",
        question_id=str(number),
        listing_id="MLM1",
        status=QuestionStatus.OPEN,
        marketplace_status="UNANSWERED",
        text=text,
        asked_at=NOW,
        updated_at=NOW,
    )


@dataclass
class Seen:
    """A handler that keeps what it was given, and does what its rule says."""

    rule: Callable[[Sequence[Received]], Awaitable[list[Outgoing]]] | None = None
    batches: list[list[str]] = field(default_factory=list)

    async def __call__(self, records: Sequence[Received]) -> list[Outgoing]:
        self.batches.append([f"{received.fact.question_id}/{received.fact.text}" for received in records])  # type: ignore[attr-defined]
        return await self.rule(records) if self.rule else []

    @property
    def texts(self) -> list[str]:
        return [text for batch in self.batches for text in batch]


@asynccontextmanager
async def consuming(
    kafka: KafkaSettings,
    publisher: Publisher,
    handler: Handler,
    tuning: Tuning = QUICK,
    name: str = "projector",
    replays: Replays = "refused",
) -> AsyncIterator[Consumer]:
    stop = asyncio.Event()
    consumer = Consumer(kafka, name, ["questions"], publisher, tuning, replays=replays)
    task = asyncio.create_task(consumer.run(handler, stop))
    try:
        yield consumer
    finally:
        stop.set()
        await task


async def until(condition: Callable[[], bool], what: str, seconds: float = 20) -> None:
    try:
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.02)
    except TimeoutError:
        pytest.fail(f"it did not happen within {seconds} s: {what}")


async def dead_letters(kafka: KafkaSettings, count: int, consumer: str = "projector") -> list[dict[str, bytes | None]]:
    client = AIOKafkaConsumer(
        kafka.topic(dead_letter_topic(consumer)),
        bootstrap_servers=kafka.bootstrap_servers,
        auto_offset_reset="earliest",
    )
    await client.start()
    try:
        async with asyncio.timeout(20):
            return [dict((await client.getone()).headers) for _ in range(count)]
    finally:
        await client.stop()


async def committed(kafka: KafkaSettings, name: str = "projector") -> int:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers)
    await admin.start()
    try:
        offsets = await admin.list_consumer_group_offsets(kafka.group(name))
    finally:
        await admin.close()
    return sum(position.offset for position in offsets.values())


async def test_records_of_one_key_come_in_order_and_together(kafka: KafkaSettings, publisher: Publisher) -> None:
    for step in range(5):
        await publisher.publish(Outgoing(question(1, str(step))))
    seen = Seen()
    async with consuming(kafka, publisher, seen, Tuning(coalesce=timedelta(seconds=0.3))):
        await until(lambda: len(seen.texts) == 5, "five records")
    assert seen.batches == [["1/0", "1/1", "1/2", "1/3", "1/4"]]


async def test_a_key_that_is_retried_does_not_hold_up_the_others(kafka: KafkaSettings, publisher: Publisher) -> None:
    async def fail_one(records: Sequence[Received]) -> list[Outgoing]:
        if records[0].fact.question_id == "0" and seen.texts.count("0/x") < 3:  # type: ignore[attr-defined]
            raise Retry("not yet")
        return []

    seen = Seen(fail_one)
    for number in range(20):
        await publisher.publish(Outgoing(question(number, "x")))
    async with consuming(kafka, publisher, seen, Tuning(retries=Retries(pauses=(0.2, 0.2, 0.2)))):
        await until(lambda: seen.texts.count("0/x") == 3 and len(set(seen.texts)) == 20, "all keys, one of them thrice")


async def test_a_replay_is_refused_by_whoever_has_not_said_that_nothing_happens_outside(
    kafka: KafkaSettings, publisher: Publisher
) -> None:
    await publisher.publish(Outgoing(question(1, "replayed"), headers=[(HEADER, b"a replay")]))
    await publisher.publish(Outgoing(question(2, "new")))
    seen = Seen()
    async with consuming(kafka, publisher, seen) as consumer:
        await until(lambda: seen.texts == ["2/new"] and consumer._in_flight == 0, "the new record is handled")
    assert await committed(kafka) == 2, "the replayed one has its fate, too"


async def test_a_replay_is_handled_apart_and_what_comes_of_it_is_a_replay(
    kafka: KafkaSettings, publisher: Publisher
) -> None:
    async def answer(records: Sequence[Received]) -> list[Outgoing]:
        led_to = {"a": 101, "b": 102, "d": 103}.get(records[0].fact.text)  # type: ignore[attr-defined]
        return [Outgoing(question(led_to))] if led_to else []

    seen = Seen(answer)
    for text, headers in (("a", []), ("b", [(HEADER, b"replay-7")]), ("c", [(HEADER, b"replay-7")]), ("d", [])):
        await publisher.publish(Outgoing(question(1, text), headers=headers))
    async with consuming(kafka, publisher, seen, Tuning(coalesce=timedelta(seconds=0.3)), replays="handled"):
        await until(lambda: len(seen.texts) == 7, "four records, and the three that they led to")
    assert [batch for batch in seen.batches if batch[0].startswith("1/")] == [["1/a"], ["1/b", "1/c"], ["1/d"]]
    since = datetime.now(UTC) - timedelta(hours=1)
    records = [record async for record in read_tail(kafka, "questions", since=since, most_per_partition=100)]
    told = {(record.key or b"").decode(): dict(record.headers).get(HEADER) for record in records}
    assert [told[f"mercadolibre:{number}"] for number in (101, 102, 103)] == [None, b"replay-7", None]


async def test_a_record_that_cannot_be_handled_becomes_a_dead_letter(
    kafka: KafkaSettings, publisher: Publisher
) -> None:
    async def refuse(records: Sequence[Received]) -> list[Outgoing]:
        if records[0].fact.question_id == "1":  # type: ignore[attr-defined]
            raise Reject("not our item", ErrorClass.POLICY)
        if records[0].fact.question_id == "2":  # type: ignore[attr-defined]
            raise Retry("the marketplace answers 500")
        if records[0].fact.question_id == "3":  # type: ignore[attr-defined]
            raise ZeroDivisionError("a defect")
        raise Ignore("nothing to do")

    seen = Seen(refuse)
    for number in range(5):
        await publisher.publish(Outgoing(question(number)))
    async with consuming(kafka, publisher, seen):
        letters = await dead_letters(kafka, 3)
        await until(lambda: len({text[0] for text in seen.texts}) == 5, "all five")
    found = {letter["x-error-class"]: letter["x-attempts"] for letter in letters}
    assert found == {b"policy": b"1", b"dependency": b"3", b"poison": b"3"}


async def test_unreadable_records_become_dead_letters_and_their_neighbours_are_handled(
    kafka: KafkaSettings, publisher: Publisher
) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap_servers)
    await producer.start()
    good = [("ce_specversion", b"1.0"), ("ce_id", b"1"), ("ce_source", b"/t"), ("ce_time", b"2026-11-21T12:00:00Z")]
    good += [("ce_subject", b"s"), ("ce_dataschema", b"urn:x")]
    known = ("ce_type", b"sellstream.question.changed.v1")
    bad: list[tuple[list[tuple[str, bytes]], bytes | None]] = [
        ([], b"no envelope"),
        ([*good, known], b"\xff\xfe not json"),
        ([*good, known], b'{"question_id": 1}'),
        ([*good, known], None),
        ([*good, ("ce_type", b"sellstream.question.changed.v99")], b"{}"),
        ([*good, ("ce_type", b"com.example.thing")], b"{}"),
        ([*good, known, ("ce_id", b"2")], b"{}"),
        ([("ce_specversion", b"\xff")], b"{}"),
    ]
    try:
        for headers, value in bad:
            await producer.send_and_wait(kafka.topic("questions"), value, key=b"k", headers=headers)
    finally:
        await producer.stop()
    await publisher.publish(Outgoing(question(7)))
    seen = Seen()
    async with consuming(kafka, publisher, seen):
        letters = await dead_letters(kafka, len(bad))
        await until(lambda: len(seen.texts) == 1, "the good record")
    classes = sorted((letter["x-error-class"] or b"").decode() for letter in letters)
    assert classes == ["contract"] * 2 + ["poison"] * 6


async def test_while_nearly_everything_fails_nothing_more_is_dead_lettered(
    kafka: KafkaSettings, publisher: Publisher
) -> None:
    broken = True

    async def fail(_records: Sequence[Received]) -> list[Outgoing]:
        if broken:
            raise Retry("the world is broken")
        return []

    for number in range(60):
        await publisher.publish(Outgoing(question(number)))
    seen = Seen(fail)
    async with consuming(kafka, publisher, seen, Tuning(concurrency=4, retries=Retries(pauses=(0.01,)))) as consumer:
        letters = await dead_letters(kafka, 20)
        assert len(letters) == 20
        with pytest.raises(RuntimeError, match="halted"):
            await consumer.check()
        broken = False
        await until(lambda: consumer._in_flight == 0, "the rest is handled once the cause is mended", 40)
        await consumer.check()


async def test_waiting_counts_no_attempt(kafka: KafkaSettings, publisher: Publisher) -> None:
    async def away(_records: Sequence[Received]) -> list[Outgoing]:
        if len(seen.batches) < 8:
            raise Wait("the marketplace is away", timedelta(milliseconds=20))
        return []

    await publisher.publish(Outgoing(question(1)))
    seen = Seen(away)
    async with consuming(kafka, publisher, seen):
        await until(lambda: len(seen.batches) == 8, "eight looks")


async def test_a_stopped_consumer_goes_on_where_it_was(kafka: KafkaSettings, publisher: Publisher) -> None:
    for number in range(10):
        await publisher.publish(Outgoing(question(number)))
    first = Seen()
    async with consuming(kafka, publisher, first):
        await until(lambda: len(first.texts) == 10, "ten records")
    assert await committed(kafka) == 10
    await publisher.publish(Outgoing(question(99)))
    second = Seen()
    async with consuming(kafka, publisher, second):
        await until(lambda: len(second.texts) >= 1, "the new record")
    assert second.texts == ["99/¿Tiene en talla 42?"]


async def test_nothing_is_committed_beyond_a_record_in_hand(kafka: KafkaSettings, publisher: Publisher) -> None:
    hold = asyncio.Event()

    async def slow(records: Sequence[Received]) -> list[Outgoing]:
        if records[0].fact.question_id == "0":  # type: ignore[attr-defined]
            await hold.wait()
        return []

    for number in range(4):
        await publisher.publish(Outgoing(question(number)))
    seen = Seen(slow)
    consumer = Consumer(kafka, "projector", ["questions"], publisher, QUICK)
    task = asyncio.create_task(consumer.run(seen, asyncio.Event()))
    await until(lambda: len(seen.batches) == 4, "all four begun")
    await asyncio.sleep(1.5)
    task.cancel()  # as a kill would: what is in hand is lost here
    await asyncio.gather(task, return_exceptions=True)
    again = Seen()
    async with consuming(kafka, publisher, again):
        await until(lambda: "0/¿Tiene en talla 42?" in again.texts, "the record in hand comes again")


async def test_two_replicas_share_the_work_and_a_leaving_one_loses_nothing(
    kafka: KafkaSettings, publisher: Publisher
) -> None:
    one, two = Seen(), Seen()
    async with consuming(kafka, publisher, one):
        async with consuming(kafka, publisher, two):
            for number in range(60):
                await publisher.publish(Outgoing(question(number)))
                await asyncio.sleep(0.02)
        for number in range(60, 80):
            await publisher.publish(Outgoing(question(number)))
        await until(lambda: len({*one.texts, *two.texts}) == 80, "all eighty")


async def test_a_retried_dead_letter_reaches_only_the_consumer_that_failed(
    kafka: KafkaSettings, publisher: Publisher
) -> None:
    await publisher.publish(Outgoing(question(1), headers=[(REDRIVE_TO, b"somebody_else")]))
    await publisher.publish(Outgoing(question(2), headers=[(REDRIVE_TO, b"projector")]))
    seen = Seen()
    async with consuming(kafka, publisher, seen):
        await until(lambda: len(seen.texts) == 1, "the one meant for it")
        await asyncio.sleep(0.3)
    assert seen.texts == ["2/¿Tiene en talla 42?"]


async def test_facts_name_their_cause(kafka: KafkaSettings, publisher: Publisher) -> None:
    async def answer(records: Sequence[Received]) -> list[Outgoing]:
        if records[0].fact.question_id == "1":  # type: ignore[attr-defined]
            return [Outgoing(question(2, "caused"), id="the-second")]
        found.append(records[-1])
        return []

    found: list[Received] = []
    await publisher.publish(Outgoing(question(1), id="the-first"))
    async with consuming(kafka, publisher, Seen(answer)):
        await until(lambda: bool(found), "the caused fact")
    assert found[0].envelope.id == "the-second"
    assert found[0].envelope.causation_id == "the-first"
    assert found[0].envelope.correlation_id == "the-first"
    assert found[0].envelope.source == "/sellstream/tests"
