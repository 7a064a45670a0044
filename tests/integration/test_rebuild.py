"""Rebuilds on real Kafka and PostgreSQL: proven equal, resumable, and never seen by a reader."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

import msgspec
import pytest

from libs.bus.publisher import Publisher
from libs.bus.reader import Partition
from libs.bus.settings import KafkaSettings
from libs.db.pool import Database
from libs.projection.as_of import build_as_of
from libs.projection.catch_up import Source
from libs.projection.lease import RebuildRuns, lease
from libs.projection.model import Position
from libs.projection.moment import NoMoment, parse_moment
from libs.projection.progress import Silent
from libs.projection.rebuild import Rebuild
from libs.projection.swap import SwapRefused, rollback
from libs.read_models.orders.project import READ_MODEL as ORDERS
from libs.read_models.orders.project import OrderRow
from schemas.orders.order_changed import OrderChangedV2, OrderStatus
from tests.facts import order, order_v1, publish
from tests.projecting import projecting, scalar, until, until_read

STATUSES = [OrderStatus.PLACED, OrderStatus.PAID, OrderStatus.SHIPPED]
LIVE_TABLE = "SELECT 'read_models.orders'::regclass::oid"


@pytest.fixture
async def live(kafka: KafkaSettings, publisher: Publisher, database: Database) -> AsyncIterator[None]:
    """A live projection that has applied three states of each of 30 orders, and goes on."""
    async with projecting(ORDERS, kafka, publisher, database):
        await publish(publisher, *(order(n, minute, one) for minute, one in enumerate(STATUSES) for n in range(30)))
        await until_read(database, ORDERS, 90)
        yield


class Steps(Silent):
    """Remembers the steps, and lets a test wait for one."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def step(self, text: str, records: int = 0) -> None:
        self.seen.append(text)

    async def until(self, beginning: str) -> None:
        async def reached() -> bool:
            return any(text.startswith(beginning) for text in self.seen)

        await until(reached, f"the step {beginning!r}")


@asynccontextmanager
async def traffic(publisher: Publisher) -> AsyncIterator[None]:
    """New orders and new states, one after the other, for as long as the block lasts."""

    async def flow() -> None:
        minute = 10
        while True:
            await publish(publisher, order(minute % 45, minute, STATUSES[minute % 3]))
            minute += 1

    task = asyncio.create_task(flow())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


async def execute(database: Database, sql: str) -> None:
    async with database.connection() as connection:
        await connection.execute(sql)


async def test_a_rebuild_is_proven_equal_and_swapped_in(
    kafka: KafkaSettings, publisher: Publisher, database: Database, live: None
) -> None:
    await execute(database, "GRANT SELECT ON read_models.orders TO PUBLIC")
    before = await scalar(database, LIVE_TABLE)
    outcome = await Rebuild(ORDERS, kafka, database).rebuild()
    assert outcome.swapped
    assert outcome.proof.equal
    assert outcome.proof.rebuilt.rows == 30
    assert sum(outcome.proof.offsets.values()) == 90
    assert await scalar(database, LIVE_TABLE) != before
    assert await scalar(database, "SELECT 'retired.orders'::regclass::oid") == before
    assert await scalar(database, "SELECT to_regclass('rebuild.orders')") is None
    assert await scalar(
        database, "SELECT relacl::text LIKE '%=r/%' FROM pg_class WHERE oid = 'read_models.orders'::regclass"
    )
    await publish(publisher, order(1, 9, OrderStatus.DELIVERED))
    await until_read(database, ORDERS, 91)
    assert await scalar(database, "SELECT status FROM read_models.orders WHERE order_id = '1'") == "delivered"
    assert await scalar(database, "SELECT status FROM retired.orders WHERE order_id = '1'") == "shipped"
    again = await Rebuild(ORDERS, kafka, database).rebuild()
    assert again.swapped
    assert again.proof.live.value != outcome.proof.live.value


async def test_digests_are_equal_while_traffic_flows(
    kafka: KafkaSettings, publisher: Publisher, database: Database, live: None
) -> None:
    async with traffic(publisher):
        for _ in range(3):
            outcome = await Rebuild(ORDERS, kafka, database, source=Source(kafka, batch_records=10)).rebuild()
            assert outcome.proof.equal
            assert outcome.swapped
    proof = await Rebuild(ORDERS, kafka, database).verify()
    assert proof.equal
    assert await scalar(database, "SELECT to_regclass('verification.orders')") is None


async def test_a_reader_never_sees_an_empty_or_mixed_table(
    kafka: KafkaSettings, publisher: Publisher, database: Database, live: None
) -> None:
    reads: list[tuple[int, int]] = []
    done = False

    async def read() -> None:
        query = "SELECT count(*), count(DISTINCT tableoid) FROM read_models.orders"
        while not done:
            async with database.connection() as connection:
                for _ in range(20):
                    reads.append(tuple(await connection.fetchrow(query)))

    readers = [asyncio.create_task(read()) for _ in range(3)]
    for _ in range(3):
        await Rebuild(ORDERS, kafka, database).rebuild()
    done = True
    await asyncio.gather(*readers)
    assert set(reads) == {(30, 1)}


@pytest.mark.parametrize(
    "point",
    [
        "advance:1",
        "advance:5",
        "computing the digests",
        "catching up",
        "swapping",
    ],
)
async def test_a_killed_rebuild_is_resumed(
    point: str, kafka: KafkaSettings, publisher: Publisher, database: Database, database_url: str, live: None
) -> None:
    before = await scalar(database, LIVE_TABLE)
    arguments = (kafka.bootstrap_servers, kafka.topic_prefix, database_url, point)
    killed = await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.rebuild_process", *arguments)
    assert await killed.wait() == -signal.SIGKILL
    assert await scalar(database, LIVE_TABLE) == before
    await publish(publisher, order(3, 20, OrderStatus.DELIVERED))
    await until_read(database, ORDERS, 91)

    async def lease_is_free() -> bool:
        try:
            async with lease(database, "orders", "test"):
                return True
        except RebuildRuns:
            return False

    await until(lease_is_free, "the killed rebuild's lease is let go")
    outcome = await Rebuild(ORDERS, kafka, database).rebuild()
    assert outcome.resumed
    assert outcome.swapped
    assert outcome.proof.equal
    assert sum(outcome.proof.offsets.values()) == 91
    # What was read before the kill was not read again.
    assert await scalar(database, "SELECT sum(records) FROM projection.checkpoints WHERE place = 'live'") == 91


async def test_a_rebuild_begins_anew_when_told_or_when_the_code_has_changed(
    kafka: KafkaSettings, publisher: Publisher, database: Database, database_url: str, live: None
) -> None:
    arguments = (kafka.bootstrap_servers, kafka.topic_prefix, database_url, "catching up")
    for restart in (True, False):
        killed = await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.rebuild_process", *arguments)
        assert await killed.wait() == -signal.SIGKILL
        if not restart:
            await execute(database, "UPDATE projection.builds SET fingerprint = 'other code' WHERE place = 'shadow'")
        outcome = await Rebuild(ORDERS, kafka, database).rebuild(restart=restart)
        assert not outcome.resumed
        assert outcome.swapped


async def test_tampered_rows_are_found_named_and_not_swapped_away_by_themselves(
    kafka: KafkaSettings, publisher: Publisher, database: Database, live: None
) -> None:
    await execute(
        database,
        """
        UPDATE read_models.orders SET total_amount = 1, tags = '{}' WHERE order_id = '5';
        DELETE FROM read_models.orders WHERE order_id = '6';
        UPDATE read_models.orders SET key = 'mercadolibre:999', order_id = '999' WHERE order_id = '7'
        """,
    )
    proof = await Rebuild(ORDERS, kafka, database).verify()
    assert not proof.equal
    assert proof.diff is not None
    assert (proof.diff.added, proof.diff.removed, proof.diff.changed) == (2, 1, 1)
    named = {(one.kind, one.key, one.columns) for one in proof.diff.named}
    assert named == {
        ("changed", "mercadolibre:5", ("total_amount", "tags")),
        ("added", "mercadolibre:6", ()),
        ("added", "mercadolibre:7", ()),
        ("removed", "mercadolibre:999", ()),
    }
    before = await scalar(database, LIVE_TABLE)
    refused = await Rebuild(ORDERS, kafka, database).rebuild()
    assert not refused.swapped
    assert await scalar(database, LIVE_TABLE) == before
    assert await scalar(database, "SELECT count(*) FROM rebuild.orders") == 30
    accepted = await Rebuild(ORDERS, kafka, database).rebuild(accept_differences=True)
    assert accepted.swapped
    assert accepted.resumed
    assert (await Rebuild(ORDERS, kafka, database).verify()).equal


async def test_unreadable_records_are_skipped_and_counted_not_dead_lettered_again(
    kafka: KafkaSettings, publisher: Publisher, database: Database, live: None
) -> None:
    await publisher.send("orders", b"mercadolibre:1", b"{broken", [])
    await until_read(database, ORDERS, 91)
    outcome = await Rebuild(ORDERS, kafka, database).rebuild()
    assert outcome.proof.equal
    assert outcome.proof.skipped == 1
    assert await scalar(database, "SELECT sum(skipped) FROM projection.checkpoints WHERE place = 'live'") == 1


async def test_old_versions_in_the_topic_are_read_as_the_latest(
    kafka: KafkaSettings, publisher: Publisher, database: Database, live: None
) -> None:
    await publish(publisher, *(order_v1(n) for n in range(100, 105)))
    await until_read(database, ORDERS, 95)
    outcome = await Rebuild(ORDERS, kafka, database).rebuild()
    assert outcome.proof.equal
    assert await scalar(database, "SELECT count(*) FROM read_models.orders WHERE buyer->>'nickname' = 'VIEJO'") == 5


def shout(row: OrderRow | None, fact: OrderChangedV2, position: Position) -> OrderRow | None:
    """Version 2 of the fold: the marketplace's words in capitals."""
    after = ORDERS.evolve(row, fact, position)
    if after is None or after is row:
        return after
    loud = after.marketplace_status.upper()
    *earlier, last = after.status_history
    entries = (*earlier, msgspec.structs.replace(last, marketplace_status=loud))
    return msgspec.structs.replace(after, marketplace_status=loud, status_history=entries)


async def test_a_new_version_is_built_beside_the_old_and_swapped_in(
    kafka: KafkaSettings, publisher: Publisher, database: Database
) -> None:
    newer = replace(ORDERS, version=2, evolve=shout)
    async with projecting(ORDERS, kafka, publisher, database):
        await publish(publisher, *(order(n) for n in range(5)))
        await until_read(database, ORDERS, 5)
        async with projecting(newer, kafka, publisher, database) as replica:
            outcome = await Rebuild(newer, kafka, database).rebuild()
            assert outcome.swapped
            assert not outcome.proof.equal
            assert (outcome.proof.live_version, outcome.proof.rebuilt_version) == (1, 2)
            assert outcome.proof.diff is not None
            assert outcome.proof.diff.changed == 5
            assert outcome.proof.diff.named[0].columns == ("marketplace_status", "status_history")
    async with projecting(newer, kafka, publisher, database) as replica:
        await publish(publisher, order(1, 1, OrderStatus.PAID))
        await until_read(database, ORDERS, 6)
        await replica.check()
    words = "SELECT array_agg(DISTINCT marketplace_status ORDER BY marketplace_status) FROM read_models.orders"
    assert await scalar(database, words) == ["ML_PAID", "ML_PLACED"]
    older = await Rebuild(ORDERS, kafka, database).rebuild()
    assert not older.swapped, "a rebuild by an older program must not undo a new version by accident"


async def test_a_rollback_brings_the_retired_table_back_and_it_catches_up(
    kafka: KafkaSettings, publisher: Publisher, database: Database, live: None
) -> None:
    with pytest.raises(SwapRefused, match="no retired table"):
        await rollback(ORDERS, database)
    before = await scalar(database, LIVE_TABLE)
    await Rebuild(ORDERS, kafka, database).rebuild()
    await publish(publisher, order(1, 9, OrderStatus.DELIVERED))
    await until_read(database, ORDERS, 91)
    await rollback(ORDERS, database)
    assert await scalar(database, LIVE_TABLE) == before
    await until_read(database, ORDERS, 91)
    assert await scalar(database, "SELECT status FROM read_models.orders WHERE order_id = '1'") == "delivered"
    await rollback(ORDERS, database)
    assert await scalar(database, LIVE_TABLE) != before
    await publish(publisher, order(1, 10, OrderStatus.RETURNED))
    await until_read(database, ORDERS, 92)
    assert (await Rebuild(ORDERS, kafka, database).verify()).equal


async def test_two_rebuilds_of_one_read_model_exclude_each_other(kafka: KafkaSettings, database: Database) -> None:
    async with lease(database, "orders", "rebuild"):
        with pytest.raises(RebuildRuns, match="sellstream read-models rebuild orders"):
            await Rebuild(ORDERS, kafka, database).rebuild()
        with pytest.raises(RebuildRuns):
            await Rebuild(ORDERS, kafka, database).verify()
    assert (await Rebuild(ORDERS, kafka, database).rebuild()).swapped, "an empty log is rebuilt as well"


async def test_the_swap_waits_for_who_reads_in_an_older_snapshot(
    kafka: KafkaSettings, publisher: Publisher, database: Database, live: None
) -> None:
    steps = Steps()
    async with database.transaction(isolation="repeatable_read") as reader:
        await reader.execute("SELECT 1 FROM projection.builds")  # the snapshot is taken, the table not yet touched
        rebuild = asyncio.create_task(Rebuild(ORDERS, kafka, database, steps).rebuild())
        await steps.until("waiting for transactions that began before")
        assert await reader.fetchval("SELECT count(*) FROM read_models.orders") == 30
    assert (await rebuild).swapped


async def test_the_swap_tries_again_while_a_reader_holds_the_table(
    kafka: KafkaSettings, publisher: Publisher, database: Database, live: None
) -> None:
    steps = Steps()
    async with database.transaction() as reader:
        await reader.execute("SELECT count(*) FROM read_models.orders")
        rebuild = asyncio.create_task(Rebuild(ORDERS, kafka, database, steps).rebuild())
        await steps.until("a reader holds the live table")
        await publish(publisher, order(1, 9, OrderStatus.DELIVERED))
        await until_read(database, ORDERS, 91)  # the live projection went on between the attempts
    assert (await rebuild).swapped
    assert await scalar(database, "SELECT status FROM read_models.orders WHERE order_id = '1'") == "delivered"


async def test_what_hangs_on_the_live_table_is_told_before_anything_is_built(
    kafka: KafkaSettings, database: Database, live: None
) -> None:
    await execute(database, "CREATE VIEW public.open_orders AS SELECT key FROM read_models.orders")
    with pytest.raises(SwapRefused, match="the view open_orders"):
        await Rebuild(ORDERS, kafka, database).rebuild()
    assert await scalar(database, "SELECT to_regclass('rebuild.orders')") is None


async def test_the_state_at_a_time_and_at_offsets(
    kafka: KafkaSettings, publisher: Publisher, database: Database
) -> None:
    async with projecting(ORDERS, kafka, publisher, database):
        await publish(publisher, *(order(n) for n in range(10)))
        await until_read(database, ORDERS, 10)
        await asyncio.sleep(0.01)  # Kafka's timestamps have milliseconds
        moment = datetime.now(UTC)
        await asyncio.sleep(0.01)
        await publish(publisher, *(order(n, 1, OrderStatus.PAID) for n in range(12)))
        await until_read(database, ORDERS, 22)
    then = await build_as_of(ORDERS, moment, kafka, database, Silent())
    assert then.digest.rows == 10
    assert await scalar(database, f"SELECT DISTINCT status FROM {then.build.schema}.orders") == "placed"
    assert await scalar(database, "SELECT count(*) FROM read_models.orders WHERE status = 'paid'") == 12
    assert then.build.target is not None
    same = await build_as_of(ORDERS, then.build.target, kafka, database, Silent())
    assert same.digest.value == then.digest.value
    assert same.build.schema != then.build.schema
    again = await build_as_of(ORDERS, moment, kafka, database, Silent())
    assert again.resumed
    await execute(database, f"DROP SCHEMA {then.build.schema} CASCADE")
    anew = await build_as_of(ORDERS, moment, kafka, database, Silent())
    assert not anew.resumed
    assert anew.digest.value == then.digest.value


async def test_offsets_that_name_no_state_are_refused(kafka: KafkaSettings, database: Database) -> None:
    with pytest.raises(NoMoment, match="no offset is given for orders:1"):
        await build_as_of(ORDERS, parse_moment("orders:0:0"), kafka, database, Silent())
    beyond = {Partition("orders", number): 5 for number in range(6)}
    with pytest.raises(NoMoment, match="beyond the log"):
        await build_as_of(ORDERS, beyond, kafka, database, Silent())
