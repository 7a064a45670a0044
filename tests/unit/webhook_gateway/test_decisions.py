"""Decisions are published behind the answers: in batches, again after a failure, and what is lost is counted."""

import asyncio
from datetime import UTC, datetime

import pytest
from prometheus_client import REGISTRY

from libs.bus.message import Outgoing
from schemas.deliveries.delivery_decided import Decision, DeliveryDecidedV1
from services.webhook_gateway.decisions import Decisions


def decided(number: int) -> DeliveryDecidedV1:
    return DeliveryDecidedV1(
        delivery_ref=str(number),
        marketplace="shop",
        account="main",
        notification_topic=None,
        decision=Decision.ACCEPTED,
        reason=None,
        status=200,
        body_bytes=2,
        duration_us=1,
        webhook_id=None,
        decided_at=datetime.now(UTC),
    )


def lost() -> float:
    return REGISTRY.get_sample_value("gateway_decisions_lost_total") or 0


class Topic:
    """A log that refuses the first `refusals` records."""

    def __init__(self, refusals: int = 0) -> None:
        self.refusals = refusals
        self.records: list[tuple[str, str | None]] = []
        self.refused: list[str | None] = []

    async def publish(self, outgoing: Outgoing) -> None:
        if self.refusals:
            self.refusals -= 1
            self.refused.append(outgoing.id)
            raise ConnectionError("the log refuses")
        assert isinstance(outgoing.fact, DeliveryDecidedV1)
        self.records.append((outgoing.fact.delivery_ref, outgoing.id))


async def test_all_decisions_are_published_before_the_end() -> None:
    topic = Topic()
    async with Decisions(topic.publish, most=10_000) as decisions:
        for number in range(1200):
            decisions.put(decided(number))
    assert [reference for reference, _ in topic.records] == [str(number) for number in range(1200)]


async def test_a_refused_decision_is_published_again_with_the_same_id() -> None:
    topic = Topic(refusals=1)
    async with Decisions(topic.publish, most=10) as decisions:
        decisions.put(decided(1))
        decisions.put(decided(2))
    assert sorted(reference for reference, _ in topic.records) == ["1", "2"]
    assert topic.refused[0] in [identity for _, identity in topic.records]


async def test_what_does_not_fit_is_counted_and_blocks_nobody() -> None:
    before = lost()
    topic = Topic()
    async with Decisions(topic.publish, most=3) as decisions:
        for number in range(5):
            decisions.put(decided(number))
    assert len(topic.records) == 3
    assert lost() - before == 2


@pytest.mark.parametrize("count", [1, 7])
async def test_what_kafka_never_takes_is_counted_at_the_end(count: int) -> None:
    before = lost()
    async with Decisions(_never, most=10, flush_seconds=0.02) as decisions:
        for number in range(count):
            decisions.put(decided(number))
    assert lost() - before == count


async def _never(_outgoing: Outgoing) -> None:
    await asyncio.Event().wait()
