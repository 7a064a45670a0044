"""Each delivery is published once, whatever its sender does and however late Kafka is."""

import asyncio
import weakref
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from libs.bus.batch_writer import header_block
from libs.bus.group_commit import Log
from libs.bus.publisher import NotPublished
from services.webhook_gateway.intake import Intake, NotTakenIn, Publication
from services.webhook_gateway.records import Record
from services.webhook_gateway.spool import Spool
from services.webhook_gateway.window import Window


class Topic(Log[Publication]):
    """A log that takes records only while it is open, and can refuse them."""

    def __init__(self) -> None:
        self.records: list[str] = []
        self.waiting: list[tuple[str, Publication]] = []
        self.closed = False
        self.refuses = False

    def append(self, key: bytes, value: bytes, headers: bytes, timestamp_ms: int, waiter: Publication) -> None:
        self.waiting.append((key.decode(), waiter))
        if not self.closed:
            asyncio.get_running_loop().call_soon(self.open)

    def open(self) -> None:
        """Take (or refuse) what waits, and what comes."""
        self.closed = False
        waiting, self.waiting = self.waiting, []
        if not self.refuses:
            self.records += [key for key, _ in waiting]
        self.ended([waiter for _, waiter in waiting], NotPublished("the log refuses") if self.refuses else None)


class Sender:
    """Somebody who waits for a delivery, as a future."""

    def __init__(self) -> None:
        self.told: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.ended = False

    def taken_in(self, *, new: bool) -> None:
        self.told.set_result(new)

    def not_taken_in(self, reason: str, detail: str) -> None:
        self.told.set_exception(NotTakenIn(reason, detail))


@pytest.fixture
def topic() -> Topic:
    return Topic()


@pytest.fixture
async def spool(tmp_path: Path) -> AsyncIterator[Spool]:
    async with Spool(tmp_path, 20_000) as opened:
        yield opened


def new_intake(topic: Topic, spool: Spool) -> Intake:
    return Intake(topic, Window(timedelta(hours=1), 100), spool, waiting_bytes=100_000, spool_after=60)


@pytest.fixture
async def intake(topic: Topic, spool: Spool) -> AsyncIterator[Intake]:
    intake = new_intake(topic, spool)
    assert intake.go_direct()
    yield intake
    intake.close()


async def until(condition: Callable[[], bool], what: str) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.002)
    assert condition(), what


async def spooled(spool: Spool) -> list[str]:
    """The keys of what is on the disk, in order."""
    return [entry.record.key.decode() for entry in await spool.read(0, 1000)]


def take_in(intake: Intake, delivery: UUID, *, size: int = 2) -> asyncio.Future[bool]:
    """Whether the delivery is new, when it is durable."""
    sender = Sender()
    try:
        if intake.take_in(delivery.bytes, Record(str(delivery).encode(), b" " * size, header_block([]), 0), sender):
            sender.told.set_result(False)
    except NotTakenIn as error:
        sender.told.set_exception(error)
    return sender.told


async def test_a_delivery_is_new_once(intake: Intake, topic: Topic) -> None:
    delivery = uuid4()
    assert await take_in(intake, delivery)
    assert not await take_in(intake, delivery)
    assert topic.records == [str(delivery)]


async def test_equal_deliveries_at_the_same_time_are_published_once(intake: Intake, topic: Topic) -> None:
    topic.closed = True
    delivery = uuid4()
    waiting = [take_in(intake, delivery) for _ in range(20)]
    topic.open()
    assert await asyncio.gather(*waiting) == [True] + [False] * 19
    assert topic.records == [str(delivery)]


async def test_who_has_an_answer_already_is_not_kept_and_not_more_than_some_wait_for_one_delivery(
    intake: Intake, topic: Topic
) -> None:
    topic.closed = True
    delivery = uuid4()
    record = Record(str(delivery).encode(), b"", header_block([]), 0)
    late = [Sender() for _ in range(1000)]
    for sender in late:
        assert not intake.take_in(delivery.bytes, record, sender)
        sender.ended = True
    kept = [weakref.ref(sender) for sender in late]
    sender = late.pop()
    late.clear()
    assert sum(one() is not None for one in kept) <= 1
    waiting = [take_in(intake, delivery) for _ in range(1000)]
    errors = [one.exception() for one in waiting if one.done()]
    assert 900 < len(errors) < 1000
    assert {error.reason for error in errors if isinstance(error, NotTakenIn)} == {"overloaded"}
    patient = [one for one in waiting if not one.done()]
    topic.open()
    assert not any([await one for one in patient]), "it was new for the first, who is gone"
    assert topic.records == [str(delivery)]


async def test_too_much_that_waits_is_refused_at_once_and_neighbours_go_on(intake: Intake, topic: Topic) -> None:
    topic.closed = True
    waiting = take_in(intake, uuid4(), size=80_000)
    with pytest.raises(NotTakenIn) as caught:
        await take_in(intake, uuid4(), size=20_000)
    assert caught.value.reason == "overloaded"
    small = take_in(intake, uuid4(), size=50)
    topic.open()
    assert await waiting
    assert await small
    assert await take_in(intake, uuid4(), size=80_000)


async def test_stopping_waits_for_what_kafka_still_takes_but_not_for_ever(intake: Intake, topic: Topic) -> None:
    topic.closed = True
    waiting = take_in(intake, uuid4())
    await intake.settle(0.01)
    asyncio.get_running_loop().call_soon(topic.open)
    await intake.settle(10)
    assert await waiting


async def test_what_kafka_refuses_is_taken_in_by_the_spool_and_may_be_in_the_topic(
    intake: Intake, topic: Topic, spool: Spool
) -> None:
    topic.refuses = True
    delivery = uuid4()
    assert [await one for one in [take_in(intake, delivery) for _ in range(3)]] == [True, False, False]
    assert not await take_in(intake, delivery), "it is on the disk"
    assert await spooled(spool) == [str(delivery)]
    assert intake.uncertain_since is not None
    assert intake.detour.is_set()


async def test_when_kafka_is_late_all_that_waits_and_comes_goes_to_the_spool_in_order(
    topic: Topic, spool: Spool
) -> None:
    intake = Intake(topic, Window(timedelta(hours=1), 100), spool, waiting_bytes=100_000, spool_after=0.01)
    assert intake.go_direct()
    topic.closed = True
    deliveries = [uuid4() for _ in range(5)]
    assert [await one for one in [take_in(intake, one) for one in deliveries[:3]]] == [True] * 3
    assert [await take_in(intake, one) for one in deliveries[3:]] == [True] * 2
    assert await spooled(spool) == [str(one) for one in deliveries]
    assert len(topic.waiting) == 3, "the producer is given nothing more"
    assert [one.delivery for one in intake.backlog()] == [one.bytes for one in deliveries[3:]]

    topic.open()
    await until(intake.producer_empty.is_set, "the producer is empty")
    assert await spooled(spool) == [str(one) for one in deliveries[3:]], "what Kafka took after all is forgotten"
    assert not intake.go_direct(), "the disk alone has the rest"
    for entry in await spool.read(0, 1000):
        intake.forward(entry)
    await until(intake.producer_empty.is_set, "the producer is empty")
    assert intake.go_direct()
    assert topic.records == [str(one) for one in deliveries]
    assert await spooled(spool) == []
    assert spool.bytes == 0
    intake.close()


async def test_what_is_not_on_the_disk_yet_goes_to_kafka_when_it_is_direct_again(topic: Topic, spool: Spool) -> None:
    intake = new_intake(topic, spool)
    first, second = uuid4(), uuid4()
    waiting = take_in(intake, first), take_in(intake, second)
    assert intake.go_direct()
    third = take_in(intake, uuid4())
    assert [await one for one in (*waiting, third)] == [True] * 3
    await until(lambda: len(topic.records) == 3, "all are in the topic")
    assert topic.records[:2] == [str(first), str(second)]
    await until(lambda: spool.bytes == 0, "the spool is empty")
    assert await spooled(spool) == []
    intake.close()


async def test_a_delivery_that_is_found_in_the_topic_is_not_forwarded(topic: Topic, spool: Spool) -> None:
    intake = new_intake(topic, spool)
    delivery = uuid4()
    assert await take_in(intake, delivery)
    (publication,) = intake.backlog()
    intake.found(publication)
    for entry in await spool.read(0, 10):
        intake.forward(entry)
    assert intake.go_direct()
    assert topic.records == []
    assert not await take_in(intake, delivery)
    intake.close()


async def test_a_full_spool_refuses_at_once_and_says_so(topic: Topic, spool: Spool) -> None:
    intake = new_intake(topic, spool)
    taken = [await take_in(intake, uuid4(), size=900) for _ in range(16)]
    assert all(taken)
    await intake.check()
    with pytest.raises(NotTakenIn) as caught:
        await take_in(intake, uuid4(), size=900)
    assert caught.value.reason == "spool_full"
    with pytest.raises(NotTakenIn):
        await intake.check()
    assert intake.go_direct() is False
    intake.close()
