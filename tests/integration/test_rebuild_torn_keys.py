"""Keys with facts in two partitions (some were added; a writer has another partitioner): rebuilds cope, and agree."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from libs.bus.in_time import read_in_time, times_of
from libs.bus.message import Outgoing, message
from libs.bus.publisher import Publisher
from libs.bus.reader import LogTooShort, Partition, extents, partitions_of
from libs.bus.settings import KafkaSettings
from libs.db.pool import Database
from libs.projection.as_of import build_as_of
from libs.projection.catch_up import Source
from libs.projection.progress import Silent
from libs.projection.rebuild import Rebuild
from libs.read_models.orders.project import READ_MODEL as ORDERS
from libs.read_models.products.project import READ_MODEL as PRODUCTS
from schemas.event import Fact
from schemas.orders.order_changed import OrderStatus
from tests.facts import at, order, product
from tests.projecting import projecting, scalar, until_read

KEYS = 20
MIDNIGHT = int((at(0) - timedelta(hours=12)).timestamp() * 1000)
READING_AGAIN = "keys of "


async def send(producer: AIOKafkaProducer, kafka: KafkaSettings, fact: Fact, partition: int, second: int) -> None:
    made = message(Outgoing(fact), source="/tests", cause=None, trace={})
    await producer.send_and_wait(
        kafka.topic(made.topic), made.value, made.key, partition, MIDNIGHT + second * 1000, made.headers
    )


@pytest.fixture
async def grown(
    kafka: KafkaSettings, publisher: Publisher, producer: AIOKafkaProducer, database: Database
) -> KafkaSettings:
    """Orders of three partitions, that have gone to others since; the live projection was there at either time."""
    statuses = (OrderStatus.PLACED, OrderStatus.PAID)
    async with projecting(ORDERS, kafka, publisher, database):
        for number in range(KEYS):
            for minute, status in enumerate(statuses):
                await send(producer, kafka, order(number, minute, status), 3 + number % 3, number)
        await until_read(database, ORDERS, 2 * KEYS)
        for number in range(KEYS):
            await send(producer, kafka, order(number, 2, OrderStatus.SHIPPED), number % 3, 1000 + number)
        await until_read(database, ORDERS, 3 * KEYS)
    return kafka


async def histories(database: Database) -> object:
    """How many rows have which history."""
    return await scalar(
        database,
        """
        SELECT jsonb_object_agg(told, count) FROM (
            SELECT jsonb_path_query_array(status_history, '$[*].status')::text AS told, count(*)
            FROM read_models.orders GROUP BY told
        ) AS counted
        """,
    )


@pytest.mark.parametrize(
    "limits",
    [{}, {"batch_records": 7}, {"processes": 2, "records_per_process": 1}],
    ids=["at once", "in small batches", "two processes"],
)
async def test_a_rebuild_gives_the_live_rows(
    limits: Mapping[str, Any], grown: KafkaSettings, database: Database
) -> None:
    source = Source(grown, **limits)
    outcome = await Rebuild(ORDERS, grown, database, source=source).rebuild()
    assert outcome.proof.equal
    assert outcome.swapped
    assert await histories(database) == f'{{"[\\"placed\\", \\"paid\\", \\"shipped\\"]": {KEYS}}}'
    assert await scalar(database, "SELECT sum(records) FROM projection.checkpoints WHERE place = 'live'") == 3 * KEYS
    proof = await Rebuild(ORDERS, grown, database, source=source).verify()
    assert proof.equal
    assert proof.rebuilt.rows == KEYS


class Broken(Exception):
    """The end of a process."""


class Breaking(Silent):
    """Ends a rebuild when it begins anew, or `after` the first records that it has read again."""

    def __init__(self, *, after: bool) -> None:
        self._after = after
        self._again = False

    def step(self, text: str, records: int = 0) -> None:
        self._again = self._again or text.startswith(READING_AGAIN)
        if self._again and not self._after:
            raise Broken

    def advance(self, records: int) -> None:
        if self._again:
            raise Broken


@pytest.mark.parametrize("after", [False, True], ids=["before it is emptied", "behind that"])
async def test_a_rebuild_that_ended_in_between_is_resumed(
    after: bool, grown: KafkaSettings, database: Database
) -> None:
    source = Source(grown, batch_records=7)
    with pytest.raises(Broken):
        await Rebuild(ORDERS, grown, database, Breaking(after=after), source=source).rebuild()
    outcome = await Rebuild(ORDERS, grown, database, source=source).rebuild()
    assert outcome.resumed
    assert outcome.proof.equal
    assert outcome.swapped


async def test_the_state_at_offsets_is_made(grown: KafkaSettings, database: Database) -> None:
    moment = {one: extent.end for one, extent in (await extents(grown, await partitions_of(grown, ["orders"]))).items()}
    made = await build_as_of(ORDERS, moment, grown, database, Silent())
    assert made.digest.value == (await Rebuild(ORDERS, grown, database).verify()).live.value


async def test_what_takes_the_last_one_that_is_read_takes_the_youngest(
    kafka: KafkaSettings, publisher: Publisher, producer: AIOKafkaProducer, database: Database
) -> None:
    """The older facts are in the partition that is named last, and are more."""
    async with projecting(PRODUCTS, kafka, publisher, database):
        for number in range(3):
            for minute in range(10):
                await send(producer, kafka, product(number, minute, f"old {minute}"), 5, number * 10 + minute)
        await until_read(database, PRODUCTS, 30)
        for number in range(3):
            await send(producer, kafka, product(number, 20, "young"), 0, 1000 + number)
        await until_read(database, PRODUCTS, 33)
    for batch_records in (2, 5_000):
        source = Source(kafka, batch_records=batch_records)
        assert (await Rebuild(PRODUCTS, kafka, database, source=source).rebuild()).swapped
        assert await scalar(database, "SELECT array_agg(DISTINCT title) FROM read_models.products") == ["young"]


@pytest.mark.parametrize("max_records", [1, 7, 10_000])
async def test_partitions_are_read_in_the_order_of_time(
    max_records: int, kafka: KafkaSettings, producer: AIOKafkaProducer
) -> None:
    """Also where a partition's own times go back, and up to ends within it."""
    for number in range(60):
        second = number if number % 10 else number - 5
        await send(producer, kafka, order(number), 1 if number < 25 else number % 3, second)
    ends = {one: extent.end for one, extent in (await extents(kafka, await partitions_of(kafka, ["orders"]))).items()}
    begin = dict.fromkeys(ends, 2)
    wanted = {one: end - 1 for one, end in ends.items() if end > 3}
    assert len(wanted) == 3
    newest, offsets = 0, dict(begin)
    async for found in read_in_time(kafka, begin, wanted, max_records=max_records):
        times: list[int] = []
        for one, chunk in found.items():
            assert [record.offset for record in chunk.records] == list(range(offsets[one], chunk.next_offset))
            offsets[one] = chunk.next_offset
            times += times_of(chunk.records)
        assert min(times) >= newest - 10_000, "a chunk knows no times of those before it"
        newest = max(times)
    assert {one: offsets[one] for one in wanted} == wanted
    with pytest.raises(LogTooShort):
        async for _ in read_in_time(kafka, begin, {**wanted, Partition("orders", 1): 99}, max_records=max_records):
            pass
