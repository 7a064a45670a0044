"""From the spool to Kafka: whatever stands in the way of one delivery, the others go on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from libs.bus.settings import KafkaSettings
from services.webhook_gateway.forwarder import Forwarder
from services.webhook_gateway.intake import Intake
from services.webhook_gateway.spool import Spool
from tests.unit.webhook_gateway.test_intake import Topic, new_intake, spooled, take_in, until


@pytest.fixture
def topic() -> Topic:
    return Topic()


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
    topic: Topic, spool: Spool, monkeypatch: pytest.MonkeyPatch
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
