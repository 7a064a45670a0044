"""The live projection on real Kafka and PostgreSQL: fenced, shared by replicas, and with a fate for each record."""

import asyncio
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from libs.bus.dead_letter import DeadLetter
from libs.bus.halt import AT_LEAST, Halted
from libs.bus.message import REDRIVE_TO, Outgoing, message
from libs.bus.partitioner import partition_of
from libs.bus.publisher import Publisher
from libs.bus.reader import Partition
from libs.bus.settings import KafkaSettings
from libs.db.checkpoints import CheckpointMoved, Move
from libs.db.pool import Database
from libs.projection import live
from libs.projection.engine import Batch, apply
from libs.projection.live import LiveProjection
from libs.projection.live_build import open_live
from libs.projection.model import AnyReadModel
from libs.read_models import READ_MODELS
from libs.read_models.orders import queries
from libs.read_models.orders.project import READ_MODEL as ORDERS
from libs.read_models.payments.project import READ_MODEL as PAYMENTS
from schemas.event import Fact
from schemas.orders.order_changed import OrderStatus
from tests.facts import FACTS, at, order, order_v1, payment, publish
from tests.logs import located
from tests.projecting import projecting, scalar, until, until_read


async def send(producer: AIOKafkaProducer, kafka: KafkaSettings, fact: Fact, **changes: Any) -> None:
    made = message(Outgoing(fact), source="/tests", cause=None, trace={})
    value = changes.get("value", made.value)
    headers = changes.get("headers", made.headers)
    await producer.send_and_wait(kafka.topic(made.topic), value=value, key=made.key, headers=headers, partition=0)


async def dead_letters(kafka: KafkaSettings) -> list[DeadLetter]:
    client = AIOKafkaConsumer(bootstrap_servers=kafka.bootstrap_servers, auto_offset_reset="earliest")
    await client.start()
    try:
        partition = TopicPartition(kafka.topic("projector-dlt"), 0)
        client.assign([partition])
        end = (await client.end_offsets([partition]))[partition]
        found: list[DeadLetter] = []
        while len(found) < end:
            for records in (await client.getmany(timeout_ms=500)).values():
                found += [DeadLetter.of(record, "projector") for record in records]
        return found
    finally:
        await client.stop()


def refused_payment(number: int, minute: float) -> Fact:
    return payment(number, minute).model_copy(update={"installments": 10**30})


async def halted(projection: LiveProjection) -> bool:
    try:
        await projection.check()
    except Halted:
        return True
    except RuntimeError:
        return False
    return False


async def is_scalar(database: Database, query: str, value: object) -> bool:
    return await scalar(database, query) == value


async def status_of(database: Database, number: int) -> object:
    return await scalar(database, "SELECT status FROM read_models.orders WHERE order_id = $1", str(number))


@pytest.mark.parametrize("model", READ_MODELS.values(), ids=READ_MODELS)
async def test_facts_become_rows(
    model: AnyReadModel, kafka: KafkaSettings, publisher: Publisher, database: Database
) -> None:
    async with projecting(model, kafka, publisher, database) as projection:
        await publish(publisher, *(FACTS[model.name](number, minute) for minute in range(2) for number in range(3)))
        await until_read(database, model, 6)
        await projection.check()
    async with database.connection() as connection:
        columns = ", ".join(model.columns)
        records = await connection.fetch(f"SELECT {columns} FROM read_models.{model.name} ORDER BY key")
    rows = [model.row_of(record) for record in records]
    assert [(row.key, row.updated_at) for row in rows] == [(FACTS[model.name](n).key(), at(1)) for n in range(3)]
    expected = model.evolve(None, FACTS[model.name](0, 1), located(FACTS[model.name](0, 1)).position)
    of_the_log = {"event_id", "correlation_id", "log_partition", "log_offset"}
    of_older_facts = {"status_history", "history", "rec_created"}
    for column in set(model.columns) - of_the_log - of_older_facts:
        assert getattr(rows[0], column) == getattr(expected, column), column


async def test_an_old_version_in_the_topic_is_read_as_the_latest(
    kafka: KafkaSettings, publisher: Publisher, database: Database
) -> None:
    async with projecting(ORDERS, kafka, publisher, database):
        await publish(publisher, order_v1(1), order(1, 2, OrderStatus.SHIPPED), order_v1(2))
        await until_read(database, ORDERS, 3)
    async with database.connection() as connection:
        old = await queries.order(connection, "mercadolibre", "2")
        both = await queries.order(connection, "mercadolibre", "1")
    assert old is not None
    assert old.buyer.nickname == "VIEJO"
    assert (str(old.total_amount), old.total_currency) == ("10.50", "BRL")
    assert both is not None
    assert [one.status for one in both.status_history] == ["paid", "shipped"]


async def test_pages_of_orders_are_complete_and_narrowed(
    kafka: KafkaSettings, publisher: Publisher, database: Database
) -> None:
    async with projecting(ORDERS, kafka, publisher, database):
        await publish(publisher, *(order(n, n % 2, list(OrderStatus)[n % 3]) for n in range(9)))
        await until_read(database, ORDERS, 9)
    async with database.connection() as connection:
        first = await queries.orders(connection, limit=5)
        second = await queries.orders(connection, limit=5, after=first.after)
        paid = await queries.orders(connection, status="placed", marketplace="mercadolibre")
        parcel = await queries.orders_of_shipment(connection, "mercadolibre", "81")
    rows = [*first.rows, *second.rows]
    assert [(row.updated_at, row.key) for row in rows] == sorted(((r.updated_at, r.key) for r in rows), reverse=True)
    assert len({row.key for row in rows}) == 9
    assert second.after is None
    assert {row.order_id for row in paid.rows} == {"0", "3", "6"}
    assert len(parcel) == 9


async def test_replicas_share_the_partitions_come_and_go(
    kafka: KafkaSettings, publisher: Publisher, database: Database
) -> None:
    async with projecting(ORDERS, kafka, publisher, database):
        await publish(publisher, *(order(n) for n in range(20)))
        async with projecting(ORDERS, kafka, publisher, database):
            await publish(publisher, *(order(n, 1, OrderStatus.PAID) for n in range(20)))
            await until_read(database, ORDERS, 40)
        await publish(publisher, *(order(n, 2, OrderStatus.SHIPPED) for n in range(20)))
        await until_read(database, ORDERS, 60)
    assert await scalar(database, "SELECT count(*) FROM read_models.orders WHERE status = 'shipped'") == 20
    lengths = "SELECT min(jsonb_array_length(status_history)) FROM read_models.orders"
    assert await scalar(database, lengths) == 3


async def test_lag_displays_of_kafka_see_the_progress_but_nobody_begins_from_it(
    kafka: KafkaSettings, publisher: Publisher, database: Database
) -> None:
    group = kafka.group("projector-orders")
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers)
    await admin.start()
    try:
        async with projecting(ORDERS, kafka, publisher, database):
            await publish(publisher, *(order(n) for n in range(12)))
            await until_read(database, ORDERS, 12)

            async def shown() -> bool:
                offsets = await admin.list_consumer_group_offsets(group)
                return sum(one.offset for one in offsets.values()) == 12

            await until(shown, "the offsets are committed to Kafka as well")
    finally:
        await admin.close()
    async with database.connection() as connection:
        await connection.execute("TRUNCATE read_models.orders; UPDATE projection.checkpoints SET next_offset = 0")
    async with projecting(ORDERS, kafka, publisher, database):
        await until_read(database, ORDERS, 24)
    assert await scalar(database, "SELECT count(*) FROM read_models.orders") == 12


async def test_of_two_writers_of_one_partition_one_is_stopped(database: Database) -> None:
    partition = Partition("orders", 0)
    build, _ = await open_live(database, ORDERS, {partition})
    first = Batch([located(order(1, 1), 0)], {partition: Move(0, 1, 1)})
    second = Batch([located(order(1, 2, OrderStatus.PAID), 0), located(order(2), 1)], {partition: Move(0, 2, 2)})
    entered, go_on = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        async with database.transaction() as connection:
            await apply(connection, ORDERS, build, first)
            entered.set()
            await go_on.wait()

    async def late() -> None:
        async with database.transaction() as connection:
            await apply(connection, ORDERS, build, second)

    writer = asyncio.create_task(slow())
    await entered.wait()
    other = asyncio.create_task(late())
    go_on.set()
    await writer
    with pytest.raises(CheckpointMoved):
        await other
    assert await scalar(database, "SELECT array_agg(order_id || status) FROM read_models.orders") == ["1placed"]
    assert await scalar(database, "SELECT next_offset FROM projection.checkpoints") == 1


async def test_a_projector_goes_on_where_somebody_else_has_moved_the_checkpoint(
    kafka: KafkaSettings, publisher: Publisher, database: Database
) -> None:
    async with projecting(ORDERS, kafka, publisher, database):
        await publish(publisher, order(1))
        await until_read(database, ORDERS, 1)
        # Back to the beginning, as a rollback does.
        async with database.transaction() as connection:
            await connection.execute("UPDATE projection.checkpoints SET next_offset = 0, records = 0")
            await connection.execute("DELETE FROM read_models.orders")
        await publish(publisher, order(1, 1, OrderStatus.PAID))
        await until_read(database, ORDERS, 2)
    history = "SELECT status_history->0->>'status' FROM read_models.orders"
    assert await scalar(database, history) == "placed"
    assert await status_of(database, 1) == "paid"


async def test_unreadable_records_are_dead_lettered_and_passed(
    kafka: KafkaSettings, publisher: Publisher, producer: AIOKafkaProducer, database: Database
) -> None:
    made = message(Outgoing(order(9)), source="/tests", cause=None, trace={})
    newer = [(name, b"sellstream.order.changed.v9" if name == "ce_type" else value) for name, value in made.headers]
    async with projecting(ORDERS, kafka, publisher, database):
        await send(producer, kafka, order(1))
        await send(producer, kafka, order(9), value=b"{broken")
        await send(producer, kafka, order(9), headers=[])
        await send(producer, kafka, order(9), headers=newer)
        await send(producer, kafka, order(9), headers=[*made.headers, (REDRIVE_TO, b"pricing")])
        await send(producer, kafka, order(2))
        await until_read(database, ORDERS, 6)
    assert await scalar(database, "SELECT array_agg(order_id ORDER BY order_id) FROM read_models.orders") == ["1", "2"]
    assert await scalar(database, "SELECT sum(skipped) FROM projection.checkpoints") == 3
    letters = await dead_letters(kafka)
    assert [(one.topic, one.offset, one.error_class) for one in letters] == [
        ("orders", 1, "poison"),
        ("orders", 2, "poison"),
        ("orders", 3, "contract"),
    ]
    assert letters[0].record.value == b"{broken"
    group = kafka.group("projector-orders").encode()
    assert dict(letters[0].record.headers)["kafka_dlt-original-consumer-group"] == group


async def test_a_refused_fact_is_dead_lettered_once_and_the_rest_of_its_batch_is_kept(
    kafka: KafkaSettings, publisher: Publisher, producer: AIOKafkaProducer, database: Database
) -> None:
    await send(producer, kafka, payment(1))
    await send(producer, kafka, payment(1, 1).model_copy(update={"installments": 10**30}))
    await send(producer, kafka, payment(2))
    async with projecting(PAYMENTS, kafka, publisher, database):
        await until_read(database, PAYMENTS, 3)
    assert await scalar(database, "SELECT count(*) FROM read_models.payments") == 2
    assert await scalar(database, "SELECT sum(skipped) FROM projection.checkpoints") == 1
    assert [one.message for one in await dead_letters(kafka)] == ["installments is beyond 64 bits"]


async def test_if_nearly_everything_is_unreadable_it_stops_before_the_rest(
    kafka: KafkaSettings, publisher: Publisher, producer: AIOKafkaProducer, database: Database
) -> None:
    await send(producer, kafka, order(1))
    for _ in range(60):
        await send(producer, kafka, order(2), value=b"garbage")

    async with projecting(ORDERS, kafka, publisher, database) as projection:
        await until(partial(halted, projection), "the projection stops")
        read = await scalar(database, "SELECT next_offset FROM projection.checkpoints WHERE partition = 0")
        assert len(await dead_letters(kafka)) < 30
        assert isinstance(read, int)
        assert read < 30


async def test_if_nearly_every_fact_of_a_batch_is_refused_it_stops_before_the_rest(
    kafka: KafkaSettings, publisher: Publisher, producer: AIOKafkaProducer, database: Database
) -> None:
    await send(producer, kafka, payment(1))
    for number in range(200):
        await send(producer, kafka, refused_payment(2, number))

    async with projecting(PAYMENTS, kafka, publisher, database) as projection:
        await until(partial(halted, projection), "the projection stops")
        written = len(await dead_letters(kafka))
        assert written < 100
        query = "SELECT next_offset FROM projection.checkpoints WHERE partition = 0"
        await until(lambda: is_scalar(database, query, written + 1), "what came before is kept")
        assert await scalar(database, "SELECT count(*) FROM read_models.payments") == 1
        assert await scalar(database, "SELECT sum(skipped) FROM projection.checkpoints") == written
    assert len(await dead_letters(kafka)) == written


async def test_refused_facts_that_come_one_by_one_are_noticed_too(
    kafka: KafkaSettings,
    publisher: Publisher,
    producer: AIOKafkaProducer,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live, "PROBE_SECONDS", 0.5)
    other = next(number for number in range(2, 99) if partition_of(payment(number).key().encode(), 6))
    async with projecting(PAYMENTS, kafka, publisher, database) as projection:
        for number in range(AT_LEAST):
            assert not await halted(projection)
            await send(producer, kafka, refused_payment(1, number))
            await until_read(database, PAYMENTS, number + 1)
        await until(partial(halted, projection), "the projection stops")
        await send(producer, kafka, refused_payment(1, AT_LEAST))
        await publish(publisher, payment(other))  # any success ends it
        await until_read(database, PAYMENTS, AT_LEAST + 2)
        await projection.check()
    assert len(await dead_letters(kafka)) == AT_LEAST + 1


async def test_postgres_away_is_waited_for(kafka: KafkaSettings, publisher: Publisher, database: Database) -> None:
    async with projecting(ORDERS, kafka, publisher, database):
        await publish(publisher, order(1))
        await until_read(database, ORDERS, 1)
        for minute in range(1, 6):
            await publish(publisher, order(1, minute))
            # Every connection of this database is cut, as by a restart of the server.
            async with database.connection() as connection:
                await connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
        await until_read(database, ORDERS, 6)
    assert await scalar(database, "SELECT updated_at FROM read_models.orders") == at(5)
    assert await dead_letters(kafka) == []


async def test_another_version_of_the_live_table_is_not_written_to(
    kafka: KafkaSettings, publisher: Publisher, database: Database
) -> None:
    async with projecting(ORDERS, kafka, publisher, database):
        await publish(publisher, order(1))
        await until_read(database, ORDERS, 1)
    async with projecting(replace(ORDERS, version=2), kafka, publisher, database) as newer:
        await publish(publisher, order(2))

        async def refuses() -> bool:
            try:
                await newer.check()
            except RuntimeError as error:
                return "sellstream read-models rebuild orders" in str(error)
            return False

        await until(refuses, "the newer projector says what to do")
    assert await scalar(database, "SELECT count(*) FROM read_models.orders") == 1


async def test_a_dropped_live_table_is_filled_again(
    kafka: KafkaSettings, publisher: Publisher, database: Database
) -> None:
    async with projecting(ORDERS, kafka, publisher, database):
        await publish(publisher, order(1), order(2))
        await until_read(database, ORDERS, 2)
        async with database.connection() as connection:
            await connection.execute("DROP TABLE read_models.orders")

        async def filled() -> bool:
            count = "SELECT coalesce(sum(records), 0) FROM projection.checkpoints WHERE build > 1"
            return await scalar(database, count) == 2

        await until(filled, "a new table is filled, without any traffic")
    assert await scalar(database, "SELECT count(*) FROM read_models.orders") == 2


async def test_kafka_away_is_waited_for_and_told(publisher: Publisher, database: Database) -> None:
    nobody = KafkaSettings(bootstrap_servers="127.0.0.1:1")
    async with projecting(ORDERS, nobody, publisher, database) as projection:

        async def told() -> bool:
            try:
                await projection.check()
            except RuntimeError as error:
                return "KafkaAway" in str(error)
            return False

        await until(told, "the projection says that Kafka is away")
    assert await scalar(database, "SELECT count(*) FROM read_models.orders") == 0
