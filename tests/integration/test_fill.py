"""Filling an empty build fast gives what the ordinary path gives, whatever the log holds, and whatever dies."""

import asyncio
import multiprocessing
import random
import sys
from typing import Any

import psutil
import pytest
from aiokafka import AIOKafkaProducer

from libs.bus.message import REDRIVE_TO, Outgoing, message
from libs.bus.partitioner import partition_of
from libs.bus.plain_fetch import read_plain
from libs.bus.plain_records import NotPlain
from libs.bus.publisher import Publisher
from libs.bus.reader import Partition, extents, partitions_of
from libs.bus.settings import KafkaSettings
from libs.db.pool import Database
from libs.projection.as_of import build_as_of
from libs.projection.catch_up import Source
from libs.projection.fill_workers import shares
from libs.projection.progress import Silent
from libs.projection.rebuild import Rebuild
from libs.read_models.orders.project import READ_MODEL as ORDERS
from schemas.orders.order_changed import OrderStatus
from tests.facts import order, order_v1, question
from tests.projecting import projecting, scalar, until, until_read

RECORDS = 600
PARTITIONS = 6


@pytest.fixture
async def log(kafka: KafkaSettings) -> KafkaSettings:
    """A topic in which everything happens that may happen, always the same."""
    chance = random.Random(20261121)
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap_servers, linger_ms=20)
    await producer.start()
    try:
        sent = [await producer.send(kafka.topic("orders"), **record(chance)) for _ in range(RECORDS)]
        await asyncio.gather(*sent)
    finally:
        await producer.stop()
    return kafka


def record(chance: random.Random) -> dict[str, Any]:
    number, minute = chance.randrange(60), chance.randrange(40)  # about as often late as in time
    title = chance.choice(["Tênis 42", 'a\tb\\c\n"d"', "\0", "{}", "\\N", "😀"])
    fact: Any = order(number, minute, chance.choice(list(OrderStatus)), title)
    kind = chance.randrange(20)
    if kind == 0:
        fact = order_v1(number, minute)
    elif kind == 1:
        fact = question(number)
    elif kind == 2:
        fact = fact.model_copy(
            update={"raw": {"nested": [1.5, None, {"é": "x" * 200}]}, "tags": ["a,b", '"', "{}", ""]}
        )
    made = message(Outgoing(fact, id=f"event-{chance.randrange(400)}"), source="/tests", cause=None, trace={})
    headers, value = list(made.headers), made.value
    if kind == 3:
        value = chance.choice([b"{broken", b"", b"[]", value[:-1], value.replace(b"2026-11-21T12", b"2026-11-21T99")])
    elif kind == 4:
        newer = b"sellstream.order.changed.v9"
        headers = [(name, newer if name == "ce_type" else old) for name, old in headers]
    elif kind == 5:
        headers.append((REDRIVE_TO, chance.choice([b"projector", b"pricing"])))
    elif kind == 6:
        headers = headers[: chance.randrange(len(headers))]
    return {"value": value, "key": made.key, "headers": headers, "partition": partition_of(made.key, PARTITIONS)}


async def live(log: KafkaSettings, publisher: Publisher, database: Database) -> None:
    """The live table, filled by the ordinary path."""
    async with projecting(ORDERS, log, publisher, database):
        await until_read(database, ORDERS, RECORDS)


@pytest.mark.parametrize(
    "limits",
    [
        {},
        {"rows_in_memory": 3, "batch_records": 7},
        {"processes": 2, "records_per_process": 1},
        {"processes": 3, "records_per_process": 1, "rows_in_memory": 4, "batch_records": 7},
    ],
    ids=["one process", "memory full", "two processes", "three, memory full"],
)
async def test_it_gives_what_the_ordinary_path_gives(
    limits: dict[str, Any], log: KafkaSettings, publisher: Publisher, database: Database
) -> None:
    await live(log, publisher, database)
    skipped = await scalar(database, "SELECT sum(skipped) FROM projection.checkpoints WHERE place = 'live'")
    outcome = await Rebuild(ORDERS, log, database, source=Source(log, **limits)).rebuild()
    assert outcome.proof.equal
    assert outcome.swapped
    assert outcome.proof.rebuilt.rows > 40
    assert outcome.proof.skipped == skipped
    assert await scalar(database, "SELECT sum(records) FROM projection.checkpoints WHERE place = 'live'") == RECORDS
    indexes = "SELECT array_agg(indexname ORDER BY indexname) FROM pg_indexes WHERE schemaname = "
    assert await scalar(database, f"{indexes} 'read_models'") == await scalar(database, f"{indexes} 'retired'")


async def test_the_state_at_offsets_within_the_log_is_the_same(
    log: KafkaSettings, publisher: Publisher, database: Database
) -> None:
    ends = await extents(log, await partitions_of(log, ["orders"]))
    moment = {one: extent.end // 2 for one, extent in ends.items()}
    filled = await build_as_of(ORDERS, moment, log, database, Silent())
    async with database.connection() as connection:
        await connection.execute("UPDATE projection.builds SET fingerprint = 'other code'")
    record_by_record = Source(log, rows_in_memory=0, batch_records=11)
    again = await build_as_of(ORDERS, moment, log, database, Silent(), source=record_by_record)
    assert not again.resumed
    assert again.digest == filled.digest
    assert filled.digest.rows > 20


class AtFirstProgress(Silent):
    """Calls something once, as soon as records were read."""

    def __init__(self, what: Any) -> None:
        self._what = what
        self.called = False

    def advance(self, records: int) -> None:
        if not self.called:
            self.called = True
            self._what()


def workers() -> list[multiprocessing.process.BaseProcess]:
    """The processes that this one has started for a fill."""
    return [child for child in multiprocessing.active_children() if child.name.startswith("fill ")]


def kill_workers() -> None:
    for worker in workers():
        worker.kill()


def two(kafka: KafkaSettings) -> Source:
    """Two processes, however little there is to read."""
    return Source(kafka, processes=2, records_per_process=1)


async def test_a_worker_that_is_killed_does_no_harm(
    log: KafkaSettings, publisher: Publisher, database: Database
) -> None:
    await live(log, publisher, database)
    progress = AtFirstProgress(kill_workers)
    outcome = await Rebuild(ORDERS, log, database, progress, source=two(log)).rebuild()
    assert progress.called
    assert outcome.proof.equal
    assert outcome.swapped


async def test_a_rebuild_that_is_cancelled_leaves_no_process(
    log: KafkaSettings, publisher: Publisher, database: Database
) -> None:
    await live(log, publisher, database)
    current: list[asyncio.Task[Any]] = []

    def cancel() -> None:
        current[0].cancel()

    progress = AtFirstProgress(cancel)
    rebuild = asyncio.create_task(Rebuild(ORDERS, log, database, progress, source=two(log)).rebuild())
    current.append(rebuild)
    with pytest.raises(asyncio.CancelledError):
        await rebuild
    assert not workers()
    outcome = await Rebuild(ORDERS, log, database).rebuild()
    assert outcome.resumed
    assert outcome.proof.equal


@pytest.mark.parametrize("point", ["advance:1", "advance:4", "making the indexes"])
async def test_a_rebuild_that_is_killed_takes_its_workers_with_it(
    point: str, log: KafkaSettings, publisher: Publisher, database: Database, database_url: str
) -> None:
    await live(log, publisher, database)
    arguments = (log.bootstrap_servers, log.topic_prefix, database_url, point, "2")
    killed = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.rebuild_process", *arguments, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await killed.communicate()
    pids = [int(pid) for pid in output.split()]
    assert pids or point != "advance:1"

    async def gone() -> bool:
        return not any(psutil.pid_exists(pid) for pid in pids)

    await until(gone, "the workers end with the process that started them")
    outcome = await Rebuild(ORDERS, log, database).rebuild()
    assert outcome.resumed
    assert outcome.proof.equal
    assert await scalar(database, "SELECT sum(records) FROM projection.checkpoints WHERE place = 'live'") == RECORDS


async def test_partitions_are_shared_out_by_size() -> None:
    sizes = {Partition("orders", number): size for number, size in enumerate([9, 1, 5, 4, 1])}
    assert [sum(one.values()) for one in shares(sizes, 2)] == [10, 10]
    assert len(shares(sizes, 9)) == 5


async def test_a_plain_read_is_exact_or_says_that_it_is_not_plain(log: KafkaSettings) -> None:
    partition = Partition("orders", 0)
    end = (await extents(log, [partition]))[partition].end
    chunks = [chunk async for chunk in read_plain(log, partition, 3, end - 2)]
    assert [record.offset for chunk in chunks for record in chunk.records] == list(range(3, end - 2))
    assert chunks[-1].next_offset == end - 2
    with pytest.raises(NotPlain):
        [chunk async for chunk in read_plain(log, partition, 0, end + 1)]
    with pytest.raises(NotPlain):
        [chunk async for chunk in read_plain(log, partition, end + 5, end + 9)]
    with pytest.raises(NotPlain):
        [chunk async for chunk in read_plain(log, Partition("orders", 99), 0, 1)]


async def test_an_aborted_transaction_is_left_to_the_ordinary_reader(
    kafka: KafkaSettings, publisher: Publisher, database: Database
) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap_servers, transactional_id=kafka.group("aborting"))
    await producer.start()
    try:
        for number, ends in enumerate(("commit", "abort", "commit")):
            await producer.begin_transaction()
            made = message(Outgoing(order(number)), source="/tests", cause=None, trace={})
            await producer.send_and_wait(
                kafka.topic("orders"), made.value, key=made.key, headers=made.headers, partition=0
            )
            await getattr(producer, f"{ends}_transaction")()
    finally:
        await producer.stop()
    async with projecting(ORDERS, kafka, publisher, database):
        await until_read(database, ORDERS, 2)
    outcome = await Rebuild(ORDERS, kafka, database).rebuild()
    assert outcome.proof.equal
    assert outcome.proof.rebuilt.rows == 2
