"""Decisions are published behind the answers: in batches, again after a failure, and what is lost is counted."""

import asyncio

import pytest
from prometheus_client import REGISTRY

from libs.bus.batch_writer import header_block, read_header_block
from libs.bus.group_commit import Log, Overloaded
from libs.bus.publisher import NotPublished
from services.webhook_gateway.decisions import Decisions
from services.webhook_gateway.records import Record


def decided(number: int) -> Record:
    return Record(str(number).encode(), b"{}", header_block([("ce_id", str(number).encode())]), 0)


def lost() -> float:
    return REGISTRY.get_sample_value("gateway_decisions_lost_total") or 0


class Topic(Log[Record]):
    """A log that refuses the first `refusals` records, and has room for so many that wait."""

    def __init__(self, refusals: int = 0, room: int = 10_000) -> None:
        self.refusals = refusals
        self.room = room
        self.records: list[tuple[str, bytes]] = []
        self.refused: list[bytes] = []
        self.takes = True

    def append(self, key: bytes, value: bytes, headers: bytes, timestamp_ms: int, waiter: Record) -> None:
        if not self.room:
            self.room = 10_000
            raise Overloaded("too many records wait")
        if self.takes:
            asyncio.get_running_loop().call_soon(
                self._end, key.decode(), dict(read_header_block(headers))["ce_id"], waiter
            )

    def _end(self, key: str, identity: bytes, waiter: Record) -> None:
        if self.refusals:
            self.refusals -= 1
            self.refused.append(identity)
            self.ended([waiter], NotPublished("the log refuses"))
            return
        self.records.append((key, identity))
        self.ended([waiter], None)


async def test_all_decisions_are_published_before_the_end() -> None:
    topic = Topic()
    async with Decisions(topic, most=10_000) as decisions:
        for number in range(1200):
            decisions.put([decided(number)])
    assert [key for key, _ in topic.records] == [str(number) for number in range(1200)]


@pytest.mark.parametrize("topic", [Topic(refusals=1), Topic(room=0)])
async def test_a_refused_decision_is_published_again_with_the_same_id(topic: Topic) -> None:
    async with Decisions(topic, most=10, flush_seconds=10) as decisions:
        decisions.put([decided(1), decided(2)])
    assert sorted(topic.records) == [("1", b"1"), ("2", b"2")]
    assert set(topic.refused) <= {b"1", b"2"}


async def test_what_does_not_fit_is_counted_and_blocks_nobody() -> None:
    before = lost()
    topic = Topic()
    async with Decisions(topic, most=3) as decisions:
        for number in range(5):
            decisions.put([decided(number)])
    assert len(topic.records) == 3
    assert lost() - before == 2


@pytest.mark.parametrize("count", [1, 7])
async def test_what_kafka_never_takes_is_counted_at_the_end(count: int) -> None:
    before = lost()
    topic = Topic()
    topic.takes = False
    async with Decisions(topic, most=10, flush_seconds=0.02) as decisions:
        for number in range(count):
            decisions.put([decided(number)])
    assert lost() - before == count
