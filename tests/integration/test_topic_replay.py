"""`sellstream topics replay` on real Kafka: for one consumer, marked, in order, and taken up where it broke off."""

import asyncio
import os
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from libs.bus.dead_letter import DeadLetter, annotated
from libs.bus.message import REDRIVE_TO, Outgoing, Record, message
from libs.bus.outcome import ErrorClass
from libs.bus.publisher import Publisher
from libs.bus.replay import FROM, HEADER
from libs.bus.settings import KafkaSettings
from libs.bus.tail import read_tail
from libs.db.pool import Database
from libs.projection.rebuild import Rebuild
from libs.read_models.orders.project import READ_MODEL as ORDERS
from schemas.orders.order_changed import OrderStatus
from services.ops.replay import Wanted, deliver, look
from tests.facts import order, publish
from tests.integration.test_consumer import Seen, consuming, question, until
from tests.logs import LogRecord
from tests.projecting import projecting, scalar, until_read

LONG_AGO = datetime.now(UTC) - timedelta(days=1)


async def command(kafka: KafkaSettings, *arguments: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.ops.cli", "topics", "replay", *arguments,
        env={
            "PATH": os.environ["PATH"],
            "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
            "KAFKA_TOPIC_PREFIX": kafka.topic_prefix,
        },
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode()


async def copies(kafka: KafkaSettings) -> list[Record]:
    records = [record async for record in read_tail(kafka, "questions", since=LONG_AGO, most_per_partition=1000)]
    return [record for record in records if HEADER in dict(record.headers)]


async def test_records_are_delivered_again_to_one_consumer_and_marked(
    kafka: KafkaSettings, publisher: Publisher
) -> None:
    for number in range(6):
        await publisher.publish(Outgoing(question(number % 2, f"text {number}")))
    everything = ("questions", "--to", "projector", "--since", LONG_AGO.isoformat())
    status, told = await command(kafka, *everything, "--dry-run")
    assert (status, "6 records of questions, for projector only" in told) == (0, True), told
    assert await copies(kafka) == []

    status, told = await command(kafka, *everything, "--key", "mercadolibre:1", "--yes")
    assert (status, "3 records were delivered again" in told) == (0, True), told
    found = await copies(kafka)
    assert [record.key for record in found] == [b"mercadolibre:1"] * 3
    assert {dict(record.headers)[REDRIVE_TO] for record in found} == {b"projector"}
    assert [dict(record.headers)[FROM].partition(b":")[2] for record in found] == sorted(
        dict(record.headers)[FROM].partition(b":")[2] for record in found
    ), "in their order"

    status, told = await command(kafka, *everything, "--dry-run")
    assert "6 records" in told, told
    assert "3 are left out: they are themselves retried or replayed" in told, "a replay is not replayed"
    pure, other = Seen(), Seen()
    async with (
        consuming(kafka, publisher, pure, replays="handled"),
        consuming(kafka, publisher, other, name="mercadolibre_enricher", replays="handled"),
    ):
        await until(lambda: len(pure.texts) == 9 and len(other.texts) == 6, "nine for the one, six for the other")


async def test_an_interrupted_replay_goes_on_where_it_was(kafka: KafkaSettings, publisher: Publisher) -> None:
    for number in range(30):
        await publisher.publish(Outgoing(question(number, "x")))
    begin = datetime.now(UTC) - timedelta(minutes=5)
    wanted = Wanted("questions", "projector", begin)
    plan = await look(kafka, wanted, "replay-1")
    assert plan.count == 30
    first = next(one for one, extent in plan.end.items() if extent)
    part = Wanted("questions", "projector", {one: 0 if one == first else end for one, end in plan.end.items()})
    before = await look(kafka, part, "replay-1")
    assert 0 < before.count < 30
    async for _ in deliver(kafka, publisher, part, before, "replay-1"):
        pass

    again = await look(kafka, wanted, "replay-1")
    assert (again.count, len(again.done)) == (30, before.count)
    status, told = await command(
        kafka, "questions", "--to", "projector", "--since", begin.isoformat(), "--resume", "replay-1", "--yes"
    )
    assert (status, f"{30 - before.count} records were delivered again" in told) == (0, True), told
    origins = [dict(record.headers)[FROM] for record in await copies(kafka)]
    assert len(origins) == len(set(origins)) == 30


async def test_a_replay_to_the_projector_changes_no_row_and_a_retry_of_what_followed_does(
    kafka: KafkaSettings, publisher: Publisher, database: Database
) -> None:
    history = "SELECT array_agg(entry->>'status') FROM read_models.orders, jsonb_array_elements(status_history) entry"
    async with projecting(ORDERS, kafka, publisher, database):
        await publish(publisher, order(1, 5, OrderStatus.PAID))
        await publish(publisher, order(1, 5, OrderStatus.SHIPPED))
        await until_read(database, ORDERS, 2)
        before = await scalar(database, "SELECT to_jsonb(o) FROM read_models.orders o")
        wanted = Wanted("orders", "projector", LONG_AGO)
        plan = await look(kafka, wanted, "replay-1")
        async for _ in deliver(kafka, publisher, wanted, plan, "replay-1"):
            pass
        await until_read(database, ORDERS, 4)
        assert await scalar(database, "SELECT to_jsonb(o) FROM read_models.orders o") == before
        assert await scalar(database, history) == ["paid", "shipped"]

        followed = message(Outgoing(order(1, 6, OrderStatus.DELIVERED)), source="/tests", cause=None, trace={})
        failed = LogRecord("orders", 0, 0, followed.key, followed.value, [*followed.headers, (HEADER, b"replay-1")])
        marks = annotated(failed, "orders", "projector", ValueError(), ErrorClass.POISON, 1, "projector-orders")
        retry = DeadLetter.of(replace(failed, headers=marks), "projector").headers_for_retry()
        await publisher.send("orders", failed.key, failed.value, retry, within=30)
        await until_read(database, ORDERS, 5)
        assert await scalar(database, history) == ["paid", "shipped", "delivered"]
    assert (await Rebuild(ORDERS, kafka, database).verify()).equal


async def test_what_cannot_be_meant_is_refused(kafka: KafkaSettings) -> None:
    status, told = await command(kafka, "payments", "--to", "mercadolibre_enricher", "--since", LONG_AGO.isoformat())
    assert (status, "payments is consumed by projector" in told) == (2, True), told
    status, told = await command(kafka, "orders", "--to", "projector", "--since", "yesterday")
    assert (status, "is neither a time" in told) == (2, True), told
