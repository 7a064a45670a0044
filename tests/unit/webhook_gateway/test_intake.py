"""Each delivery is published once, whatever its sender does and however late Kafka is."""

import asyncio
import time
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from libs.bus.group_commit import Done
from libs.bus.publisher import NotPublished
from schemas.envelope import Header
from services.webhook_gateway.intake import Intake, NotTakenIn
from services.webhook_gateway.records import Record
from services.webhook_gateway.window import Window


class Topic:
    """A log that takes records only while it is open, and can refuse them."""

    def __init__(self) -> None:
        self.records: list[str] = []
        self.waiting: list[tuple[str, Done]] = []
        self.closed = False
        self.refuses = False

    def append(self, key: bytes, value: bytes, headers: list[Header], timestamp_ms: int, done: Done) -> None:
        self.waiting.append((key.decode(), done))
        if not self.closed:
            asyncio.get_running_loop().call_soon(self.open)

    def open(self) -> None:
        """Take (or refuse) what waits, and what comes."""
        self.closed = False
        waiting, self.waiting = self.waiting, []
        for key, done in waiting:
            if self.refuses:
                done(NotPublished("the log refuses"))
            else:
                self.records.append(key)
                done(None)


class Sender:
    """Somebody who waits for a delivery, as a future."""

    def __init__(self) -> None:
        self.told: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def taken_in(self, *, new: bool) -> None:
        self.told.set_result(new)

    def not_taken_in(self, reason: str, detail: str) -> None:
        self.told.set_exception(NotTakenIn(reason, detail))


@pytest.fixture
def topic() -> Topic:
    return Topic()


@pytest.fixture
async def intake(topic: Topic) -> Intake:
    intake = Intake(topic, Window(timedelta(hours=1), 100), waiting_bytes=1000)
    intake.warm()
    return intake


def take_in(intake: Intake, delivery: UUID, *, size: int = 2) -> asyncio.Future[bool]:
    """Whether the delivery is new, when it is durable."""
    sender = Sender()
    try:
        if intake.take_in(delivery.bytes, Record(str(delivery).encode(), b" " * size, [], 0), sender):
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


async def test_what_kafka_refuses_is_told_to_all_who_wait_and_may_come_again(intake: Intake, topic: Topic) -> None:
    topic.refuses = True
    delivery = uuid4()
    for waiting in [take_in(intake, delivery) for _ in range(3)]:
        with pytest.raises(NotTakenIn) as caught:
            await waiting
        assert caught.value.reason == "kafka_away"
    topic.refuses = False
    assert await take_in(intake, delivery)


async def test_too_much_that_waits_is_refused_at_once_and_neighbours_go_on(intake: Intake, topic: Topic) -> None:
    topic.closed = True
    waiting = take_in(intake, uuid4(), size=900)
    with pytest.raises(NotTakenIn) as caught:
        await take_in(intake, uuid4(), size=200)
    assert caught.value.reason == "overloaded"
    small = take_in(intake, uuid4(), size=50)
    topic.open()
    assert await waiting
    assert await small
    assert await take_in(intake, uuid4(), size=1000)


async def test_deliveries_wait_until_the_window_is_filled(topic: Topic) -> None:
    window = Window(timedelta(hours=1), 100)
    intake = Intake(topic, window, waiting_bytes=1000)
    known, new = uuid4(), uuid4()
    waiting = take_in(intake, known), take_in(intake, new)
    await asyncio.sleep(0)
    assert topic.records == []
    window.warm([(time.time(), known.bytes)], time.time())
    intake.warm()
    assert [await one for one in waiting] == [False, True]
    assert topic.records == [str(new)]


async def test_stopping_waits_for_what_kafka_still_takes_but_not_for_ever(intake: Intake, topic: Topic) -> None:
    topic.closed = True
    waiting = take_in(intake, uuid4())
    await intake.settle(0.01)
    asyncio.get_running_loop().call_soon(topic.open)
    await intake.settle(10)
    assert await waiting
