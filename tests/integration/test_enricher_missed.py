"""Missed notifications are taken in once each, under the identity of the webhook path, by one replica at a time."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial

import pytest

from libs.bus.consumer import Consumer, Tuning
from libs.bus.message import Outgoing
from libs.bus.publisher import Publisher
from libs.bus.settings import KafkaSettings
from libs.db.pool import Database
from libs.http.breaker import State
from libs.marketplaces.mercadolibre.missed import MissedFeeds
from schemas.envelope import Envelope
from schemas.registry import read_fact
from services.mercadolibre_enricher.fallbacks.missed import MissedNotifications, Recovered
from services.mercadolibre_enricher.fallbacks.missed_worker import MissedWorker
from services.mercadolibre_enricher.handlers import Deps, on_webhooks
from tests.integration.lost_notifications import World, world
from tests.integration.test_mercadolibre_enricher import records
from tests.projecting import scalar, until


@pytest.fixture
async def lost() -> AsyncIterator[World]:
    async with world(mercadolibre_quirks=0.5) as made:
        yield made


def recovering(kafka: KafkaSettings, database: Database, publisher: Publisher, lost: World) -> MissedNotifications:
    feeds = [MissedFeeds(lost.application, list(lost.accounts.values()))]
    return MissedNotifications(kafka, database, publisher, feeds, lost.numbered)


async def test_what_was_missed_is_published_once_as_the_gateway_would_have(kafka, publisher, database, lost) -> None:
    deliveries = await lost.lose(20)
    missed = recovering(kafka, database, publisher, lost)
    first = await missed.recover("start")
    assert first is not None
    assert (first.published, first.refused) == (len(deliveries), 0)
    found = await records(kafka, "webhooks", len(deliveries))
    envelopes = [Envelope.of(record.headers) for record in found]
    assert len({envelope.id for envelope in envelopes}) == len(deliveries)
    assert {envelope.extensions["origin"] for envelope in envelopes} == {"missed_feeds"}
    bodies = {read_fact(envelope, record.value).body for envelope, record in zip(envelopes, found, strict=True)}
    assert bodies <= {received.body for received in lost.shop.received}, "the bytes are those that were sent"

    assert await missed.recover("schedule") == Recovered(found=first.found, known=len(deliveries))
    more = await lost.lose(5)
    third = await missed.recover("schedule")
    assert third is not None
    assert third.published == len(more) - len(deliveries)
    await records(kafka, "webhooks", len(more), quiet=0.5)


async def test_what_came_in_after_all_is_not_published_again(kafka, publisher, database, lost) -> None:
    deliveries = await lost.lose(8)
    await recovering(kafka, database, publisher, lost).recover("start")
    async with database.connection() as connection:
        await connection.execute("DELETE FROM ops.missed_notifications")  # as if the gateway had published them
    again = await recovering(kafka, database, publisher, lost).recover("start")
    assert again is not None
    assert (again.published, again.received) == (0, len(deliveries))
    await records(kafka, "webhooks", len(deliveries), quiet=0.5)


async def test_replicas_at_the_same_time_publish_each_once(kafka, publisher, database, lost) -> None:
    deliveries = await lost.lose(8)
    found = await asyncio.gather(
        *(recovering(kafka, database, publisher, lost).recover("start") for _ in range(4)), return_exceptions=False
    )
    assert sum(one.published for one in found if one is not None) == len(deliveries)
    await records(kafka, "webhooks", len(deliveries), quiet=0.5)


async def test_strangers_and_broken_entries_are_left_out_by_name(kafka, publisher, database, lost) -> None:
    first = next(iter(lost.accounts))
    await lost.lose(15)
    mine = {first: lost.numbered[first]}
    feeds = [MissedFeeds(lost.application, [lost.accounts[first]])]
    found = await MissedNotifications(kafka, database, publisher, feeds, mine).recover("start")
    assert found is not None
    assert found.refused > 0
    assert found.published > 0
    accounts = await scalar(database, "SELECT array_agg(DISTINCT account) FROM ops.missed_notifications")
    assert accounts == [first]


async def test_the_lost_changes_become_facts(kafka, publisher, database, lost) -> None:
    """The way to the end: nothing was received, and the enricher knows every order all the same."""
    await lost.lose(30)
    stop = asyncio.Event()
    consumer = Consumer(
        kafka, "mercadolibre_enricher", ["webhooks"], publisher, Tuning(coalesce=timedelta(milliseconds=50))
    )
    working = asyncio.create_task(consumer.run(partial(on_webhooks, deps=Deps(lost.accounts)), stop))
    worker = MissedWorker(
        recovering(kafka, database, publisher, lost), timedelta(seconds=60), lambda: State.CLOSED, look_seconds=0.05
    )
    recovered = asyncio.create_task(worker.run(stop))
    orders = (await lost.sandbox.control("GET", "/_world/orders"))["orders"]
    try:
        told = await records(kafka, "orders", len(orders))
        facts = {fact.order_id: fact for fact in (read_fact(Envelope.of(one.headers), one.value) for one in told)}
        assert facts.keys() == {str(order["id"]) for order in orders}
        assert {fact.marketplace_status for fact in facts.values()} == {order["status"] for order in orders}
    finally:
        stop.set()
        await asyncio.gather(working, recovered)


async def test_a_closing_circuit_and_a_failure_bring_the_next_look_sooner(kafka, publisher, database, lost) -> None:
    await lost.lose(3)
    state = [State.OPEN]
    looks: list[str] = []

    class Counting(MissedNotifications):
        async def recover(self, trigger: str) -> Recovered | None:
            looks.append(trigger)
            return await super().recover(trigger)

    feeds = [MissedFeeds(lost.application, list(lost.accounts.values()))]
    missed = Counting(kafka, database, publisher, feeds, lost.numbered)
    worker = MissedWorker(
        missed, timedelta(hours=1), lambda: state[0], retry=timedelta(milliseconds=50), look_seconds=0.02
    )
    await lost.sandbox.control(
        "POST", "/_faults", {"marketplace": "mercadolibre", "kind": "outage", "path": "/missed_feeds", "count": 2}
    )
    stop = asyncio.Event()
    working = asyncio.create_task(worker.run(stop))

    async def looked(number: int) -> bool:
        return len(looks) >= number

    try:
        await until(lambda: looked(3), "two failures and a success")
        state[0] = State.CLOSED
        await until(lambda: looked(4), "a look after the circuit closed")
    finally:
        stop.set()
        await working
    assert looks == ["start", "schedule", "schedule", "outage"]


async def test_the_same_notification_by_both_ways_is_one_fact(kafka, publisher, database, lost) -> None:
    """A crash between the publication and its note: the second record has the same id, and leads to nothing new."""
    await lost.lose(4)
    missed = recovering(kafka, database, publisher, lost)
    await missed.recover("start")
    first = (await records(kafka, "webhooks", 1))[0]
    fact = read_fact(Envelope.of(first.headers), first.value)
    await publisher.publish(Outgoing(fact, id=Envelope.of(first.headers).id))
    stop = asyncio.Event()
    deps = Deps(lost.accounts)
    consumer = Consumer(kafka, "mercadolibre_enricher", ["webhooks"], publisher, Tuning())
    working = asyncio.create_task(consumer.run(partial(on_webhooks, deps=deps), stop))
    orders = (await lost.sandbox.control("GET", "/_world/orders"))["orders"]
    try:
        told = await records(kafka, "orders", len(orders))
        ids = [Envelope.of(one.headers).id for one in told]
        assert len(set(ids)) == len(ids)
    finally:
        stop.set()
        await working
