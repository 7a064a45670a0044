"""Each delivery is published once, whatever its sender does and however late Kafka is."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from libs.bus.message import Outgoing
from schemas.webhooks.webhook_received import WebhookReceivedV1
from services.webhook_gateway.intake import Intake, NotTakenIn
from services.webhook_gateway.window import Window

LATER = 10.0  # seconds; no test waits for it


class Topic:
    """A log that takes records only while it is open, and can refuse them."""

    def __init__(self) -> None:
        self.records: list[str | None] = []
        self.asked = 0
        self.open = asyncio.Event()
        self.open.set()
        self.refuses = False

    async def publish(self, outgoing: Outgoing) -> None:
        self.asked += 1
        await self.open.wait()
        if self.refuses:
            raise ConnectionError("the log refuses")
        self.records.append(outgoing.id)


@pytest.fixture
def topic() -> Topic:
    return Topic()


@pytest.fixture
async def intake(topic: Topic) -> AsyncIterator[Intake]:
    intake = Intake(topic.publish, Window(timedelta(hours=1), 100), waiting_bytes=1000)
    intake.warmed_up.set()
    yield intake
    topic.open.set()
    await intake.settle(1)


def outgoing(delivery: UUID) -> Outgoing:
    fact = WebhookReceivedV1(
        marketplace="shop",
        account="main",
        delivery_id=str(delivery),
        notification_topic="orders",
        resource=None,
        subject="shop:main:1",
        body=b"{}",
    )
    return Outgoing(fact, id=str(delivery))


async def take_in(intake: Intake, delivery: UUID, *, within: float = LATER, size: int = 2) -> bool:
    return await intake.take_in(delivery, outgoing(delivery), size, asyncio.get_running_loop().time() + within)


async def test_a_delivery_is_new_once(intake: Intake, topic: Topic) -> None:
    delivery = uuid4()
    assert await take_in(intake, delivery)
    assert not await take_in(intake, delivery)
    assert topic.records == [str(delivery)]


async def test_equal_deliveries_at_the_same_time_are_published_once(intake: Intake, topic: Topic) -> None:
    topic.open.clear()
    delivery = uuid4()
    waiting = [asyncio.create_task(take_in(intake, delivery)) for _ in range(20)]
    await asyncio.sleep(0)
    topic.open.set()
    assert sorted(await asyncio.gather(*waiting)) == [False] * 19 + [True]
    assert topic.records == [str(delivery)]


async def test_a_redelivery_waits_for_the_publication_that_was_given_up(intake: Intake, topic: Topic) -> None:
    topic.open.clear()
    delivery = uuid4()
    with pytest.raises(NotTakenIn) as caught:
        await take_in(intake, delivery, within=0.01)
    assert caught.value.reason == "kafka_away"
    again = asyncio.create_task(take_in(intake, delivery))
    await asyncio.sleep(0)
    topic.open.set()
    assert await again is False
    assert topic.asked == 1
    assert topic.records == [str(delivery)]


async def test_what_was_written_late_is_a_duplicate(intake: Intake, topic: Topic) -> None:
    topic.open.clear()
    delivery = uuid4()
    with pytest.raises(NotTakenIn):
        await take_in(intake, delivery, within=0.01)
    topic.open.set()
    while not topic.records:
        await asyncio.sleep(0)
    assert not await take_in(intake, delivery)
    assert topic.asked == 1


async def test_a_refused_publication_is_forgotten_and_tried_again(intake: Intake, topic: Topic) -> None:
    delivery = uuid4()
    topic.refuses = True
    with pytest.raises(NotTakenIn):
        await take_in(intake, delivery)
    topic.refuses = False
    assert await take_in(intake, delivery)


async def test_a_sender_that_goes_away_ends_no_publication(intake: Intake, topic: Topic) -> None:
    topic.open.clear()
    delivery = uuid4()
    sender = asyncio.create_task(take_in(intake, delivery))
    await asyncio.sleep(0)
    sender.cancel()
    await asyncio.wait({sender})
    topic.open.set()
    assert not await take_in(intake, delivery)
    assert topic.records == [str(delivery)]


async def test_too_much_that_waits_is_refused_at_once_and_neighbours_go_on(intake: Intake, topic: Topic) -> None:
    topic.open.clear()
    first = uuid4()
    waiting = asyncio.create_task(take_in(intake, first, size=900))
    await asyncio.sleep(0)
    with pytest.raises(NotTakenIn) as caught:
        await take_in(intake, uuid4(), size=200)
    assert caught.value.reason == "overloaded"
    small = asyncio.create_task(take_in(intake, uuid4(), size=50))
    await asyncio.sleep(0)
    topic.open.set()
    assert await waiting
    assert await small
    assert await take_in(intake, uuid4(), size=1000)


async def test_deliveries_wait_until_the_window_is_filled(topic: Topic) -> None:
    window = Window(timedelta(hours=1), 100)
    intake = Intake(topic.publish, window, waiting_bytes=1000)
    known = uuid4()
    with pytest.raises(NotTakenIn) as caught:
        await take_in(intake, known, within=0.01)
    assert caught.value.reason == "warming_up"
    waiting = asyncio.create_task(take_in(intake, known))
    await asyncio.sleep(0)
    window.add(known.bytes, asyncio.get_running_loop().time() + 10**10)
    intake.warmed_up.set()
    assert await waiting is False
    assert topic.records == []


async def test_stopping_gives_up_what_kafka_does_not_take(topic: Topic) -> None:
    intake = Intake(topic.publish, Window(timedelta(hours=1), 100), waiting_bytes=1000)
    intake.warmed_up.set()
    topic.open.clear()
    with pytest.raises(NotTakenIn):
        await take_in(intake, uuid4(), within=0.01)
    await intake.settle(0.01)
    topic.open.set()
    await asyncio.sleep(0)
    assert topic.records == []
