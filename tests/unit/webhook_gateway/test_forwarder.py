"""From the spool to Kafka: whatever stands in the way of one delivery, the others go on."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from libs.bus.batch_writer import header_block
from libs.bus.group_commit import Refused
from libs.bus.settings import KafkaSettings
from services.webhook_gateway.forwarder import Forwarder
from services.webhook_gateway.intake import Intake, Publication
from services.webhook_gateway.records import Record
from services.webhook_gateway.spool import Entry, Spool
from services.webhook_gateway.window import Window
from tests.unit.webhook_gateway.test_intake import Topic, spooled, take_in, until


class Choosy(Topic):
    """A log that takes all that waits, or, for a record among it that it does not take, nothing; as Kafka does."""

    def __init__(self) -> None:
        super().__init__()
        self.bad: set[UUID] = set()
        self.latest = float("inf")
        self.times: list[int] = []
        self.waiting_times: list[int] = []

    def append(self, key: bytes, value: bytes, headers: bytes, timestamp_ms: int, waiter: Publication) -> None:
        super().append(key, value, headers, timestamp_ms, waiter)
        self.waiting_times.append(timestamp_ms)

    def open(self) -> None:
        waiting, self.waiting = self.waiting, []
        times, self.waiting_times = self.waiting_times, []
        of_time = any(one > self.latest for one in times)
        if of_time or {UUID(key) for key, _ in waiting} & self.bad:
            self.ended([waiter for _, waiter in waiting], Refused("it is refused", of_time=of_time))
            return
        self.records += [key for key, _ in waiting]
        self.times += times
        self.ended([waiter for _, waiter in waiting], None)


@pytest.fixture
def topic() -> Choosy:
    return Choosy()


def new_intake(topic: Choosy, spool: Spool) -> Intake:
    return Intake(topic, Window(timedelta(hours=1), 10_000), spool, waiting_bytes=10_000_000, spool_after=60)


@pytest.fixture
async def spool(tmp_path: Path) -> AsyncIterator[Spool]:
    async with Spool(tmp_path, 1_000_000) as opened:
        yield opened


@asynccontextmanager
async def forwarding(intake: Intake, spool: Spool) -> AsyncIterator[None]:
    stop, filled = asyncio.Event(), asyncio.Event()
    filled.set()
    nobody = KafkaSettings(bootstrap_servers="127.0.0.1:1")
    work = asyncio.create_task(Forwarder(nobody, intake, spool, filled).work(stop))
    try:
        yield
    finally:
        stop.set()
        await work
        intake.close()


async def test_what_stands_behind_where_it_has_read_is_forwarded_too_and_it_reads_in_peace(
    topic: Choosy, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    intake = new_intake(topic, spool)
    first, second = uuid4(), uuid4()
    assert await take_in(intake, first)
    assert await take_in(intake, second)
    reads: list[int] = []
    read = Spool.read

    async def counted(self: Spool, after: int, most: int) -> object:
        reads.append(after)
        entries = await read(self, after, most)
        return [one for one in entries if len(reads) > 5 or one.delivery != first.bytes]  # not there at first

    monkeypatch.setattr(Spool, "read", counted)
    async with forwarding(intake, spool):
        await until(lambda: not intake.detour.is_set(), "it is direct again")
    assert topic.records == [str(second), str(first)]
    assert len(reads) < 20
    monkeypatch.undo()
    assert await spooled(spool) == []


async def test_what_kafka_refuses_stays_on_the_disk_and_all_others_go_on_in_order(
    topic: Choosy, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.webhook_gateway.forwarder.AGAIN_SECONDS", 0.5)
    intake = new_intake(topic, spool)
    deliveries = [uuid4() for _ in range(700)]  # more than are read at one time
    bad = {deliveries[0], deliveries[3]}
    topic.bad = set(bad)
    assert all(await asyncio.gather(*(take_in(intake, one) for one in deliveries)))
    async with forwarding(intake, spool):
        await until(lambda: not intake.detour.is_set(), "it is direct again")
        good = [str(one) for one in deliveries if one not in bad]
        assert topic.records == good
        assert await spooled(spool) == [str(deliveries[0]), str(deliveries[3])]
        assert not await take_in(intake, deliveries[3]), "it is on the disk"
        new = uuid4()
        assert await take_in(intake, new)
        topic.bad.clear()
        await until(lambda: len(topic.records) == 701, "it is tried again")
        assert topic.records == [*good, str(new), str(deliveries[0]), str(deliveries[3])]
        await until(lambda: spool.deliveries == 0, "the spool is empty")
    assert await spooled(spool) == []


async def test_a_delivery_that_kafka_refuses_at_once_takes_the_detour_with_all_that_is_beside_it(
    topic: Choosy, spool: Spool
) -> None:
    intake = new_intake(topic, spool)
    deliveries = [uuid4() for _ in range(5)]
    topic.bad = {deliveries[1]}
    async with forwarding(intake, spool):
        await until(lambda: not intake.detour.is_set(), "it is direct")
        told = [take_in(intake, one) for one in deliveries]
        assert all(await asyncio.gather(*told)), "the disk has them"
        await until(lambda: len(topic.records) == 4, "the others are in the topic")
        assert topic.records == [str(one) for one in deliveries if one not in topic.bad]
        await until(lambda: not intake.detour.is_set(), "it is direct again")
    assert intake.uncertain_since is None, "the topic need not be searched for what it has refused"


def ahead(seq: int, timestamp_ms: int) -> Entry:
    delivery = uuid4()
    return Entry(seq, delivery.bytes, Record(str(delivery).encode(), b"", header_block([]), timestamp_ms))


async def test_a_time_that_lies_ahead_is_forwarded_as_now(topic: Choosy, tmp_path: Path) -> None:
    """What a clock that was wrong has left; since when it may be in the topic is not known."""
    now = int(time.time() * 1000)
    topic.latest = now + 3_600_000
    async with Spool(tmp_path, 1_000_000) as spool:
        told: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
        spool.put(ahead(1, now + 7_200_000), told.set_result)
        assert await told is None
    async with Spool(tmp_path, 1_000_000) as spool:
        intake = new_intake(topic, spool)
        assert intake.uncertain_since is not None
        assert intake.uncertain_since < now / 1000 - 3600
        intake.uncertain_since = None
        async with forwarding(intake, spool):
            await until(lambda: not intake.detour.is_set(), "it is direct")
        (written,) = topic.times
        assert now <= written <= now + 60_000


async def test_while_the_clock_is_wrong_all_wait_in_their_order(
    topic: Choosy, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.webhook_gateway.forwarder.CLOCK_SECONDS", 0.05)
    intake = new_intake(topic, spool)
    topic.latest = 1
    deliveries = [uuid4() for _ in range(3)]
    async with forwarding(intake, spool):
        await until(lambda: not intake.detour.is_set(), "it is direct")
        topic.bad = set(deliveries)
        for one in deliveries:  # of 1970: first refused, then tried as of now
            assert await take_in(intake, one), "the disk has it"
        await asyncio.sleep(0.2)
        assert topic.records == []
        assert intake.detour.is_set()
        topic.bad.clear()
        topic.latest = float("inf")
        await until(lambda: not intake.detour.is_set(), "it is direct again")
        assert topic.records == [str(one) for one in deliveries]
